"""Laws and examples of rank fusion."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from museion.base.errors import InvalidInput
from museion.search.fusion import (
    Background,
    Fused,
    Ranked,
    Ranking,
    by_similarity,
    by_words,
    fuse_ranks,
)
from museion.search.lexical import LexicalHit
from museion.search.vector_index import Neighbour

LAW = settings(max_examples=300, deadline=None, derandomize=True)
BACKGROUND = Background(mean=0.1, deviation=0.05)
NONE, STRONG = 0.1, 0.4  # z of 0 and 6


@st.composite
def rankings(draw: st.DrawFn) -> Ranking:
    ids = draw(st.lists(st.sampled_from("abcdefgh"), unique=True, max_size=8))
    beliefs = sorted(draw(st.lists(st.floats(0, 1), min_size=8, max_size=8)), reverse=True)
    exact = draw(st.integers(0, 8))
    hits = [Ranked(id_, 1.0, beliefs[at], at < exact) for at, id_ in enumerate(ids)]
    return Ranking(hits, draw(st.sampled_from([0.5, 1.0, 2.0])))


FUSABLE = st.lists(rankings(), max_size=4)


def named(rankings: list[Ranking], names: str = "abcd") -> dict[str, Ranking]:
    return dict(zip(names, rankings, strict=False))


def order(fused: list[Fused]) -> list[tuple[str, float]]:
    return [(hit.id, hit.score) for hit in fused]


def ids(fused: list[Fused]) -> list[str]:
    return [hit.id for hit in fused]


@LAW
@given(FUSABLE, st.permutations("abcd"))
def test_what_the_signals_are_called_changes_nothing(
    rankings: list[Ranking], names: list[str]
) -> None:
    renamed = named(rankings, "".join(names))
    shuffled = {name: renamed[name] for name in sorted(renamed)}
    assert order(fuse_ranks(shuffled)) == order(fuse_ranks(named(rankings)))


@LAW
@given(FUSABLE, st.floats(0, 10))
def test_an_empty_ranking_changes_nothing(rankings: list[Ranking], weight: float) -> None:
    signals = named(rankings)
    assert fuse_ranks({**signals, "empty": Ranking([], weight)}) == fuse_ranks(signals)


@LAW
@given(FUSABLE)
def test_every_hit_of_every_ranking_is_there_once(rankings: list[Ranking]) -> None:
    fused = fuse_ranks(named(rankings))
    assert sorted(ids(fused)) == sorted({hit.id for each in rankings for hit in each.hits})


@LAW
@given(FUSABLE)
def test_a_hit_better_in_every_ranking_is_never_below(rankings: list[Ranking]) -> None:
    place = {id_: at for at, id_ in enumerate(ids(fuse_ranks(named(rankings))))}
    ranks = [{hit.id: at for at, hit in enumerate(each.hits)} for each in rankings]
    for one, other in itertools.permutations(place, 2):
        holding = [rank for rank in ranks if other in rank]
        if all(one in rank and rank[one] < rank[other] for rank in holding):
            assert place[one] < place[other]


@LAW
@given(rankings())
def test_one_ranking_alone_keeps_its_order(ranking: Ranking) -> None:
    assert ids(fuse_ranks({"only": ranking})) == [hit.id for hit in ranking.hits]


@LAW
@given(FUSABLE, st.integers(0, 8))
def test_a_limit_cuts_the_end(rankings: list[Ranking], limit: int) -> None:
    signals = named(rankings)
    assert fuse_ranks(signals, limit=limit) == fuse_ranks(signals)[:limit]


def similar(*pairs: tuple[str, float]) -> Ranking:
    return by_similarity([Neighbour(id_, value) for id_, value in pairs], BACKGROUND)


def worded(
    id_: str,
    *,
    score: float = 1.0,
    coverage: float,
    is_exact: bool = False,
    field: str = "caption",
) -> LexicalHit:
    return LexicalHit(id_, score, {field: ("word",)}, coverage, is_exact)


def test_captioned_dogs_come_first_then_those_that_look_like_dogs_then_noise() -> None:
    strong = [(f"dog{number:03}", STRONG - number / 10_000) for number in range(150)]
    noise = [(f"noise{number:04}", NONE - number / 100_000) for number in range(850)]
    captioned = [worded(f"captioned{number}", coverage=1, is_exact=True) for number in range(3)]

    found = fuse_ranks({"image": similar(*strong, *noise), "words": by_words(captioned)})

    assert ids(found)[:3] == ["captioned0", "captioned1", "captioned2"]
    assert ids(found)[3:153] == [id_ for id_, _ in strong]
    assert ids(found)[153:] == [id_ for id_, _ in noise]
    assert {hit.score for hit in found[153:]} == {0.0}


def test_a_caption_with_one_word_of_three_displaces_no_strong_picture() -> None:
    strong = [(f"dog{number:03}", STRONG - number / 10_000) for number in range(200)]
    partial = [worded("beach", score=99, coverage=1 / 3), worded("two", score=1, coverage=2 / 3)]

    found = fuse_ranks({"image": similar(*strong), "words": by_words(partial)})

    assert ids(found) == [*(id_ for id_, _ in strong), "two", "beach"]


def test_a_partial_caption_lifts_a_picture_that_is_strong_by_itself() -> None:
    strong = [("first", 0.45), ("second", 0.44), ("third", 0.43)]
    found = fuse_ranks(
        {"image": similar(*strong), "words": by_words([worded("third", coverage=2 / 3)])}
    )
    assert ids(found) == ["third", "first", "second"]


def test_weak_similarities_do_not_order_the_captioned() -> None:
    """Weak means at most two deviations above the background."""
    words = [worded("best", score=3, coverage=1, is_exact=True)]
    words += [worded("second", score=2, coverage=1, is_exact=True)]

    found = fuse_ranks(
        {"image": similar(("second", 0.19), ("best", NONE)), "words": by_words(words)}
    )

    assert ids(found) == ["best", "second"]


def test_strong_similarities_do_order_the_captioned() -> None:
    words = [
        worded(f"{number}", score=9 - number, coverage=1, is_exact=True) for number in range(9)
    ]

    found = fuse_ranks({"image": similar(("7", STRONG)), "words": by_words(words)})

    assert ids(found) == ["7", "0", "1", "2", "3", "4", "5", "6", "8"]


def test_every_hit_says_what_each_signal_said() -> None:
    (hit,) = fuse_ranks(
        {"image": similar(("a", 0.25)), "words": by_words([worded("a", score=7, coverage=0.5)])}
    )

    image, words = hit.parts["image"], hit.parts["words"]
    assert (image.rank, image.score) == (1, 0.25)
    assert image.belief == pytest.approx(0.5)
    assert (words.rank, words.score, words.belief) == (1, 7, 0.125)
    assert hit.score == pytest.approx(image.added + words.added)
    assert hit.score == pytest.approx((0.5 + 0.125) / 61)


def test_words_are_ranked_by_exactness_then_coverage_then_score() -> None:
    hits = [
        worded("half", score=9, coverage=0.5),
        worded("guessed", score=8, coverage=1),
        worded("exact", score=1, coverage=1, is_exact=True),
        worded("better half", score=10, coverage=0.5),
    ]
    assert [hit.id for hit in by_words(hits).hits] == ["exact", "guessed", "better half", "half"]


def test_labels_that_say_a_part_of_the_query_count_nothing() -> None:
    hits = [worded("label", coverage=0.9, field="label"), worded("caption", coverage=0.2)]

    ranked = by_words(hits).hits

    assert [(hit.id, hit.belief > 0) for hit in ranked] == [("caption", True), ("label", False)]


def test_labels_that_say_the_whole_query_count_less_than_a_strong_picture() -> None:
    strong = [(f"dog{number:03}", STRONG) for number in range(200)]
    labelled = [worded("labelled", coverage=1, field="synonym")]

    found = fuse_ranks({"image": similar(*strong), "words": by_words(labelled)})

    assert ids(found)[-1] == "labelled"
    assert found[-1].score > 0


@pytest.mark.parametrize(
    "hits",
    [
        [Ranked("a", 1), Ranked("a", 1)],
        [Ranked("a", 1, 0.5), Ranked("b", 1, 0.6)],
        [Ranked("a", 1), Ranked("b", 1, is_exact=True)],
        [Ranked("a", 1, 1.5)],
        [Ranked("a", 1, float("nan"))],
    ],
    ids=["twice", "belief-rises", "exactness-rises", "belief-above-1", "belief-nan"],
)
def test_a_ranking_that_is_none_is_refused(hits: list[Ranked]) -> None:
    with pytest.raises(InvalidInput):
        fuse_ranks({"bad": Ranking(hits)})


def test_bad_settings_are_refused() -> None:
    with pytest.raises(InvalidInput):
        fuse_ranks({}, offset=0)
    with pytest.raises(InvalidInput):
        fuse_ranks({"bad": Ranking([], weight=-1)})
    with pytest.raises(InvalidInput):
        Background(mean=0.1, deviation=0)
    with pytest.raises(InvalidInput):
        by_similarity([], BACKGROUND, weak_z=3, strong_z=3)
