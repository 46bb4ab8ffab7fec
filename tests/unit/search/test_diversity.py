"""What looks the same in an answer collapses into its best hit."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from museion.search.diversity import Collapsed, Likeness, Seen, collapse
from museion.search.vector_index import Embedding

_ONE = 0x0F0F0F0FFF00FF00
_OTHER = 0x3333CCCC5A5AA5A5


def _turned(fingerprint: int, bits: int) -> int:
    """Return a fingerprint that differs in so many bits."""
    return fingerprint ^ ((1 << bits) - 1) << 20


def _towards(angle: float) -> Embedding:
    return np.array([np.cos(angle), np.sin(angle)], dtype=np.float32)


def test_near_duplicates_collapse_into_the_best_hit_with_a_count() -> None:
    hits = [Seen("best", _ONE), Seen("other", _OTHER), Seen("copy", _turned(_ONE, 2))]

    assert collapse(hits) == [Collapsed("best", ("copy",)), Collapsed("other")]


def test_the_order_of_the_rest_is_untouched() -> None:
    hits = [Seen(name) for name in "dacb"]

    assert [each.id for each in collapse(hits)] == list("dacb")


def test_bursts_collapse_into_one_hit() -> None:
    hits = [Seen(name, None, 100.0 + second, "Q2") for second, name in enumerate("abc")]
    vectors = {name: _towards(0.01 * place) for place, name in enumerate("abc")}

    assert collapse(hits, vectors=vectors) == [Collapsed("a", ("b", "c"))]


def test_no_burst_are_other_cameras_other_hours_and_other_pictures() -> None:
    hits = [
        Seen("a", None, 100.0, "Q2"),
        Seen("other camera", None, 100.0, "M6"),
        Seen("other hour", None, 3700.0, "Q2"),
        Seen("other picture", None, 101.0, "Q2"),
        Seen("no camera", None, 100.0, None),
    ]
    vectors = {hit.id: _towards(0.0) for hit in hits} | {"other picture": _towards(1.5)}

    assert [each.alike for each in collapse(hits, vectors=vectors)] == [()] * 5


def test_middling_fingerprints_need_embeddings_that_agree() -> None:
    hits = [Seen("a", _ONE), Seen("b", _turned(_ONE, Likeness().near_bits))]
    alike = {"a": _towards(0.0), "b": _towards(0.05)}

    assert len(collapse(hits, vectors=alike)) == 1
    assert len(collapse(hits, vectors=alike | {"b": _towards(1.5)})) == 2
    assert len(collapse(hits)) == 2


def test_exact_identifiers_are_never_collapsed_away() -> None:
    hits = [Seen("a", _ONE), Seen("named", _ONE), Seen("b", _ONE)]

    assert collapse(hits, exact={"named"}) == [Collapsed("a", ("b",)), Collapsed("named")]


def test_plain_pictures_do_not_pass_for_one() -> None:
    assert len(collapse([Seen("black", 0), Seen("white", 0)])) == 2


def test_there_is_no_chain_from_one_picture_to_quite_another() -> None:
    step = Likeness().same_bits
    chain = [Seen(str(place), _turned(_ONE, place * step)) for place in range(4)]

    assert collapse(chain) == [Collapsed("0", ("1",)), Collapsed("2", ("3",))]


@settings(max_examples=50, deadline=None)
@given(
    families=st.lists(st.integers(0, 5), max_size=25),
    exact=st.sets(st.integers(0, 24), max_size=3),
)
def test_each_hit_is_there_once_and_in_order(families: list[int], exact: set[int]) -> None:
    random = np.random.default_rng(3)
    prints = [int(each) for each in random.integers(0, 1 << 64, 6, dtype=np.uint64)]
    hits = [Seen(str(place), prints[family]) for place, family in enumerate(families)]
    found = collapse(hits, exact={str(place) for place in exact})

    told = [one for each in found for one in (each.id, *each.alike)]
    leaders = [int(each.id) for each in found]
    assert sorted(told) == sorted(hit.id for hit in hits)
    assert leaders == sorted(leaders)
    assert all(int(each.id) < int(other) for each in found for other in each.alike)


def test_an_empty_answer_stays_empty() -> None:
    assert collapse([]) == []
