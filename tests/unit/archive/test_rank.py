"""Ranks order all events, and keep causes before effects."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from small_archive import events_of, ingested

from museion.archive.causal_token import as_token, seen_by
from museion.archive.rank import Rank
from museion.log.event import Event
from museion.log.vector_time import VectorTime

times = st.dictionaries(st.sampled_from("abc"), st.integers(1, 9), min_size=1).map(VectorTime)
(_SAMPLE,) = events_of([ingested("a.jpg")], after=0)


def _event(stamp: VectorTime) -> Event:
    return replace(_SAMPLE, vector_timestamp=stamp, process_id=min(stamp.times))


@given(times, times)
def test_a_cause_has_a_lower_rank_than_its_effect(first: VectorTime, second: VectorTime) -> None:
    if first < second:
        assert Rank.of(_event(first)) < Rank.of(_event(second))


@given(times)
def test_a_token_gives_back_what_was_seen(seen: VectorTime) -> None:
    token = as_token(seen)

    assert seen_by(token, known=seen) == seen
    assert token.isascii()
    assert "=" not in token


@given(times)
def test_equal_views_have_equal_tokens(seen: VectorTime) -> None:
    backwards = VectorTime(dict(reversed(seen.times.items())))

    assert as_token(backwards) == as_token(seen)
