"""One record for all its moments, with those that fit best."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from museion.search.moments import FoundMoment, FoundRecord, best_moments, entry_of_moment
from museion.search.vector_index import Neighbour, group_of


def test_a_film_is_one_record_with_its_best_moments() -> None:
    near = [
        Neighbour("film@83000", 0.4),
        Neighbour("photo", 0.3),
        Neighbour("film", 0.2),
        Neighbour("film@0", 0.1),
    ]

    assert best_moments(near) == [
        FoundRecord("film", 0.4, (FoundMoment(83_000, 0.4), FoundMoment(0, 0.1))),
        FoundRecord("photo", 0.3),
    ]


def test_no_more_moments_are_told_than_were_asked_for() -> None:
    near = [Neighbour(f"film@{number}", 1 - number / 100) for number in range(20)]

    (found,) = best_moments(near, most=3)

    assert [moment.start_ms for moment in found.moments] == [0, 1, 2]


def test_a_moment_is_kept_under_its_record_and_its_beginning() -> None:
    assert entry_of_moment("film", 83.04) == "film@83040"
    assert group_of(entry_of_moment("film", 83.04)) == "film"


_entries = st.lists(
    st.tuples(st.sampled_from("abc"), st.none() | st.integers(0, 9)), max_size=30, unique=True
)


@given(_entries)
def test_records_keep_the_order_of_their_nearest_entries(
    entries: list[tuple[str, int | None]],
) -> None:
    near = [
        Neighbour(name if at is None else f"{name}@{at}", 1 - place / 50)
        for place, (name, at) in enumerate(entries)
    ]

    found = best_moments(near)

    assert [each.id for each in found] == list(dict.fromkeys(name for name, _ in entries))
    ranked = [each.similarity for each in found]
    assert ranked == sorted(ranked, reverse=True)
