"""A row map is a dict of which older states stay readable."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from museion.search.row_map import RowMap

CHANGES = st.dictionaries(st.sampled_from("abcdef"), st.none() | st.integers(0, 9), max_size=4)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(CHANGES, max_size=6))
def test_every_state_stays_what_a_dict_was_then(steps: list[dict[str, int | None]]) -> None:
    states, models = [RowMap()], [dict[str, int]()]
    for changes in steps:
        states.append(states[-1].with_changes(changes))
        merged = {**models[-1], **changes}
        models.append({id_: row for id_, row in merged.items() if row is not None})

    for state, model in zip(states, models, strict=True):
        assert len(state) == len(model)
        assert {id_: state.get(id_) for id_ in "abcdef"} == {
            id_: model.get(id_) for id_ in "abcdef"
        }


def test_many_changes_are_joined_and_none_is_lost() -> None:
    state = RowMap()
    for start in range(0, 20_000, 1000):
        state = state.with_changes({f"{row}": row for row in range(start, start + 1000)})
    state = state.with_changes({f"{row}": None for row in range(0, 20_000, 2)})

    assert len(state) == 10_000
    assert (state.get("7"), state.get("8"), state.get("19999")) == (7, None, 19_999)
