"""Filters: values with laws, the same after any journey, and understandable."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from museion.log.event import Event
from museion.log.replication.filters import (
    EVERYTHING,
    AllOf,
    AnyOf,
    Everything,
    Filter,
    Named,
    Not,
    Nothing,
    OfAggregate,
    OfEmitter,
    OfOrigin,
    OfType,
    Predicate,
    TooManyFilters,
    UnknownFilter,
    described,
    is_everything,
    is_nothing,
    predicate_of,
)
from museion.log.vector_time import VectorTime

NAMES = ("a", "ab", "b")

events = st.builds(
    Event,
    type_name=st.sampled_from(NAMES),
    form=st.just(1),
    payload=st.just(b""),
    emitter_id=st.sampled_from(NAMES),
    aggregate_id=st.sampled_from((None, *NAMES)),
    custom_destinations=st.lists(st.sampled_from(NAMES), max_size=2).map(tuple),
    system_time_ms=st.just(0),
    vector_timestamp=st.just(VectorTime({"a": 1})),
    process_id=st.sampled_from(NAMES),
    log_id=st.just("a"),
    sequence_nr=st.just(1),
)

names = st.lists(st.sampled_from((*NAMES, "a*", "*")), max_size=2).map(tuple)
simple: st.SearchStrategy[Filter] = st.one_of(
    st.just(Everything()),
    st.just(Nothing()),
    st.builds(OfType, names),
    st.builds(OfAggregate, names),
    st.builds(OfEmitter, names),
    st.builds(OfOrigin, names),
    st.builds(Named, st.just("longer-than"), st.sampled_from((b"0", b"1"))),
)


def _combined(inner: st.SearchStrategy[Filter]) -> st.SearchStrategy[Filter]:
    several = st.lists(inner, max_size=3).map(tuple)
    return st.one_of(st.builds(AllOf, several), st.builds(AnyOf, several), st.builds(Not, inner))


filters = st.recursive(simple, _combined, max_leaves=6)


def longer_than(settings: bytes) -> Predicate:
    return lambda event: len(event.type_name) > int(settings)


NAMED: dict[str, Callable[[bytes], Predicate]] = {"longer-than": longer_than}


def passes(wanted: Filter, event: Event) -> bool:
    return predicate_of(wanted, NAMED)(event)


def event_of(**fields: object) -> Event:
    whole = {
        "type_name": "t",
        "form": 1,
        "payload": b"\xc1 not msgpack",
        "emitter_id": "e",
        "aggregate_id": None,
        "custom_destinations": (),
        "system_time_ms": 0,
        "vector_timestamp": VectorTime({"p": 1}),
        "process_id": "p",
        "log_id": "p",
        "sequence_nr": 1,
        **fields,
    }
    return Event(**whole)  # type: ignore[arg-type]  # fields of several types


class TestLaws:
    @given(filters, filters, events)
    def test_and_or_and_not_mean_what_they_say(self, a: Filter, b: Filter, event: Event) -> None:
        assert passes(AllOf((a, b)), event) is (passes(a, event) and passes(b, event))
        assert passes(AnyOf((a, b)), event) is (passes(a, event) or passes(b, event))
        assert passes(Not(a), event) is not passes(a, event)

    @given(filters, events)
    def test_everything_is_the_identity_of_and_nothing_that_of_or(
        self, a: Filter, event: Event
    ) -> None:
        expected = passes(a, event)
        assert passes(AllOf((a, Everything())), event) is expected
        assert passes(AnyOf((a, Nothing())), event) is expected
        assert passes(AllOf((a,)), event) is passes(AnyOf((a,)), event) is expected
        assert passes(AllOf(()), event)
        assert not passes(AnyOf(()), event)

    @given(filters, filters, events)
    def test_de_morgan(self, a: Filter, b: Filter, event: Event) -> None:
        neither = passes(Not(AnyOf((a, b))), event)
        assert neither is passes(AllOf((Not(a), Not(b))), event)
        not_both = passes(Not(AllOf((a, b))), event)
        assert not_both is passes(AnyOf((Not(a), Not(b))), event)

    @given(filters, events)
    def test_what_is_called_everything_lets_all_pass_and_nothing_none(
        self, a: Filter, event: Event
    ) -> None:
        assert not is_everything(a) or passes(a, event)
        assert not is_nothing(a) or not passes(a, event)


class TestJourney:
    @given(filters)
    def test_a_filter_is_the_same_after_msgpack_and_json(self, a: Filter) -> None:
        for codec in (msgspec.msgpack, msgspec.json):
            assert codec.decode(codec.encode(a), type=Filter) == a

    def test_its_written_form_stays(self) -> None:
        wanted = AllOf((OfType(("x.*",)), Not(OfOrigin(("s",))), Named("rights", b"1")))
        assert msgspec.json.encode(wanted) == (
            b'{"type":"all-of","filters":[{"type":"type","names":["x.*"]},'
            b'{"type":"not","filter":{"type":"origin","process_ids":["s"]}},'
            b'{"type":"named","name":"rights","settings":"MQ=="}]}'
        )


class TestMeaning:
    def test_a_relay_filters_by_type_what_it_cannot_decode(self) -> None:
        assert passes(OfType(("foreign.*",)), event_of(type_name="foreign.thing"))
        assert not passes(OfType(("foreign.*",)), event_of(type_name="other.thing"))

    def test_an_asterisk_stands_for_all_that_begin_so_and_only_at_the_end(self) -> None:
        assert passes(OfEmitter(("a*",)), event_of(emitter_id="ab"))
        assert not passes(OfEmitter(("a",)), event_of(emitter_id="ab"))
        assert not passes(OfEmitter(("*b",)), event_of(emitter_id="ab"))

    def test_an_event_concerns_all_its_destinations(self) -> None:
        event = event_of(aggregate_id="own", custom_destinations=("other",))
        assert passes(OfAggregate(("own",)), event)
        assert passes(OfAggregate(("other",)), event)
        assert not passes(OfAggregate(("*",)), event_of())

    def test_a_named_filter_reads_its_own_settings(self) -> None:
        assert passes(Named("longer-than", b"1"), event_of(type_name="ab"))
        assert not passes(Named("longer-than", b"2"), event_of(type_name="ab"))

    def test_a_named_filter_that_is_not_here_is_an_error_and_lets_nothing_pass(self) -> None:
        with pytest.raises(UnknownFilter, match="'unheard-of'"):
            predicate_of(AnyOf((EVERYTHING, Named("unheard-of"))), NAMED)

    def test_a_filter_from_elsewhere_cannot_be_without_bounds(self) -> None:
        deep: Filter = Everything()
        for _ in range(100):
            deep = Not(deep)
        for wanted in (deep, AllOf((EVERYTHING,) * 20_000), OfType(("x",) * 20_000)):
            with pytest.raises(TooManyFilters):
                predicate_of(wanted)

    @pytest.mark.parametrize(
        ("wanted", "words"),
        [
            (EVERYTHING, "everything"),
            (AllOf(()), "everything"),
            (AnyOf((OfType(("a", "b")),)), "events of type a or b"),
            (
                AllOf((OfAggregate(("x",)), Not(OfOrigin(("site",))))),
                "(events of x) and (all but (events first written at site))",
            ),
            (AnyOf((OfEmitter(("e",)), Nothing())), "(events written by e) or (nothing)"),
            (Named("collection", b"Wedding"), "collection (Wedding)"),
        ],
    )
    def test_people_can_read_it(self, wanted: Filter, words: str) -> None:
        assert described(wanted) == words
