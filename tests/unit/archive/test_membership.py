"""What the log says of the sites that belong together."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from museion.archive.membership import (
    MEMBERSHIP_TYPES,
    SITES,
    Members,
    SiteDescribed,
    SiteRetired,
    membership_event,
)
from museion.log.event import Event
from museion.log.event_log import EventLog
from museion.log.memory_store import MemoryEventStore
from museion.log.vector_time import VectorTime
from museion.testing.event_loop import in_event_loop


def _described(site_id: str, name: str, url: str | None = None) -> SiteDescribed:
    return SiteDescribed(site_id=site_id, name=name, url=url, public_keys=(bytes(32),))


async def _written(facts: list[tuple[str, SiteDescribed | SiteRetired]]) -> list[Event]:
    events: list[Event] = []
    for origin, fact in facts:
        async with EventLog(MemoryEventStore(log_id=origin)) as log:
            events += await log.append([membership_event(fact, VectorTime())])
    return events


@in_event_loop
async def test_a_sites_own_word_counts_more_than_anothers() -> None:
    own, other = ("graz", _described("graz", "Graz")), ("vienna", _described("graz", "Graz?"))
    events = await _written([own, other])

    for order in (events, events[::-1]):
        members = Members()
        members.take(order)
        assert members.all()["graz"].name == "Graz"


@in_event_loop
async def test_a_retired_site_stays_known_as_retired() -> None:
    members = Members()
    members.take(
        await _written(
            [
                ("graz", _described("graz", "Graz")),
                ("vienna", SiteRetired(site_id="graz", by="Vienna")),
                ("graz", _described("graz", "Graz again")),
            ]
        )
    )

    assert members.all()["graz"].retired


@given(st.permutations(range(4)))
def test_the_order_in_which_facts_come_does_not_matter(order: list[int]) -> None:
    facts = [
        _event("a", _described("a", "A", "http://a"), 10),
        _event("b", _described("a", "A of b"), 30),
        _event("b", _described("b", "B"), 20),
        _event("c", SiteRetired(site_id="b", by="C"), 5),
    ]
    members, plain = Members(), Members()
    plain.take(facts)

    members.take([facts[i] for i in order])

    assert members.all() == plain.all()


def test_events_of_other_kinds_are_passed_over() -> None:
    event = _event("a", _described("a", "A"), 1)

    assert not Members().take([_renamed(event)])


def _event(origin: str, fact: SiteDescribed | SiteRetired, time_ms: int) -> Event:
    new = MEMBERSHIP_TYPES.encode(fact, emitter_id="sites", aggregate_id=SITES)
    stamp = VectorTime({origin: time_ms})
    return Event(
        new.type_name,
        new.form,
        new.payload,
        new.emitter_id,
        new.aggregate_id,
        (),
        time_ms,
        stamp,
        origin,
        "here",
        1,
    )


def _renamed(event: Event) -> Event:
    from msgspec.structs import replace

    return replace(event, type_name="museion.of-tomorrow")
