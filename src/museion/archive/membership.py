"""Which sites belong together: facts in the log, so that every site hears of every other.

A site describes itself; the site that lets a new one in describes it once, before it can speak for
itself. All members trust each other to do that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from museion.archive.events import ArchiveEvent
from museion.log.event import Event, NewEvent
from museion.log.event_types import EventTypes, event_type
from museion.log.vector_time import VectorTime

SITES = "museion.sites"
"""Aggregate id of all facts about sites."""

_EMITTER = "sites"


@event_type("museion.site-described")
class SiteDescribed(ArchiveEvent, frozen=True):
    """A site belongs to the network, under this name, at this address, with these keys.

    Attributes:
        url: where other sites reach it; None where it has no open port.
        public_keys: Ed25519, 32 bytes each; more than one while they are rolled.
    """

    site_id: str
    name: str
    url: str | None
    public_keys: tuple[bytes, ...]


@event_type("museion.site-retired")
class SiteRetired(ArchiveEvent, frozen=True):
    """A site takes part no more, for good; nothing waits for it."""

    site_id: str
    by: str


MEMBERSHIP_TYPES = EventTypes(SiteDescribed, SiteRetired)
"""Writes and reads the facts about sites."""


@dataclass(frozen=True, slots=True)
class Member:
    """A site as the log describes it.

    Attributes:
        by_itself: the site's own word; nobody else can give it further keys.
    """

    site_id: str
    name: str
    url: str | None
    public_keys: tuple[bytes, ...]
    by_itself: bool
    retired: bool = False


@dataclass(slots=True)
class Members:
    """All sites that the log tells of; the same at every site that has the same events."""

    _told: dict[str, tuple[tuple[bool, int, str], SiteDescribed]] = field(default_factory=dict)
    _retired: set[str] = field(default_factory=set)

    def take(self, events: Iterable[Event]) -> bool:
        """Take in facts about sites; tell whether there were any."""
        found = False
        for event in events:
            for fact in MEMBERSHIP_TYPES.decode(event):
                found |= self._take(event, fact)
        return found

    def _take(self, event: Event, fact: object) -> bool:
        if isinstance(fact, SiteRetired):
            self._retired.add(fact.site_id)
            return True
        if not isinstance(fact, SiteDescribed):
            return False
        # A site's own word counts more than another's; of several, the latest: by clock and
        # origin, so that it does not matter in which order they come.
        weight = (event.process_id == fact.site_id, event.system_time_ms, event.process_id)
        known = self._told.get(fact.site_id)
        if known is None or known[0] < weight:
            self._told[fact.site_id] = (weight, fact)
        return True

    def all(self) -> Mapping[str, Member]:
        """Return every site by its id."""
        return {
            site_id: Member(
                site_id,
                fact.name,
                fact.url,
                fact.public_keys,
                by_itself=weight[0],
                retired=site_id in self._retired,
            )
            for site_id, (weight, fact) in sorted(self._told.items())
        }


def membership_event(fact: SiteDescribed | SiteRetired, known: VectorTime) -> NewEvent:
    """Return a fact about a site, ready to be appended; `known` is what its author has seen."""
    return MEMBERSHIP_TYPES.encode(
        fact, emitter_id=_EMITTER, aggregate_id=SITES, vector_timestamp=known
    )
