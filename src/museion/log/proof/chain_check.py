"""Checks the chains of digests in a log, origin by origin, one event at a time.

A link that does not fit is explained by the smallest fault that leads to what is seen, and checked
from there on, so one fault makes one finding and not one for every event behind it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from museion.log.chain import START, next_digest
from museion.log.event import Event
from museion.log.event_store import StoreState
from museion.log.frame import envelope_of
from museion.log.proof.findings import Altered, AnyFinding, Gap, HeadChanged, Missing, Reordered

_KEPT = 1000
"""Holes, damaged and displaced events that are remembered to explain what comes later."""


@dataclass(frozen=True, slots=True)
class _Link:
    """An event in the chain of its origin: its number, its own time there, its digest."""

    number: int
    time: int
    digest: bytes


@dataclass(slots=True)
class _Origin:
    """How far the chain of one origin is checked.

    Attributes:
        before_jump: the last link before one that did not follow; a doubt until the next event
            tells whether something is missing between or `last` stands in the wrong place.
        excused: the link behind `last` cannot be checked, because a finding explains why.
        displaced: links of events found in the wrong place; what was written behind them follows
            them.
    """

    last: _Link
    before_jump: _Link | None = None
    excused: bool = False
    displaced: deque[_Link] = field(default_factory=lambda: deque(maxlen=_KEPT))
    gaps: int = 0
    first_gap: int = 0


class ChainCheck:
    """Takes all events of a log in order, then compares with what the log says of its end.

    Attributes:
        proven: events whose chain digest follows from that of the event before.
        unproven: events without a digest, or behind a damaged one or a gap.
    """

    def __init__(self, state: StoreState) -> None:
        self._own = state.log_id
        self._removed_to = state.removed_to
        self._start: Mapping[str, bytes] = state.removed_chain
        self._origins: dict[str, _Origin] = {}
        self._end = state.removed_to
        self._damaged: deque[int] = deque(maxlen=_KEPT)
        self._holes: deque[tuple[int, int]] = deque(maxlen=_KEPT)
        self.proven = 0
        self.unproven = 0

    def damaged(self, number: int) -> None:
        """Take note of an event that could not be read."""
        self._moved_to(number)
        self._damaged.append(number)

    def take(self, event: Event) -> Iterator[AnyFinding]:
        """Check the next event."""
        self._moved_to(event.sequence_nr)
        name = event.process_id
        origin = self._origin(name)
        if event.chain_digest is None:
            self.unproven += 1
            if origin.before_jump is None:  # the chain passes it by
                origin.last = _Link(event.sequence_nr, event.id.time, origin.last.digest)
            return
        link = _Link(event.sequence_nr, event.id.time, event.chain_digest)
        envelope = envelope_of(event)
        if _follows(link, origin.last, envelope):
            yield from self._settle(name, origin)
            self._advance(origin, link, proven=True)
            return
        if origin.before_jump is not None and link.time <= origin.last.time:
            yield from self._put_back(name, origin, link, envelope)
            return
        yield from self._settle(name, origin)
        yield from self._explain(name, origin, link, envelope)

    def finish(self, state: StoreState) -> Iterator[AnyFinding]:
        """Compare with what the log says of its end, and tell of the gaps."""
        self._moved_to(state.sequence_nr + 1)
        for name, origin in self._origins.items():
            yield from self._settle(name, origin)
        for name in sorted({*state.chain, *self._origins}):
            yield from self._check_head(name, state)
        for name, origin in self._origins.items():
            if origin.gaps:
                yield Gap(sequence_nr=origin.first_gap, origin=name, count=origin.gaps)

    def heads(self) -> dict[str, tuple[int, bytes]]:
        """Return number and digest of the last event of each origin."""
        return {
            name: (origin.last.number, origin.last.digest)
            for name, origin in self._origins.items()
            if origin.last.digest != START
        }

    def _origin(self, name: str) -> _Origin:
        if name not in self._origins:
            start = self._start.get(name, START)
            self._origins[name] = _Origin(_Link(self._removed_to, 0, start))
        return self._origins[name]

    def _moved_to(self, number: int) -> None:
        if number > self._end + 1:
            self._holes.append((self._end + 1, number - 1))
        self._end = max(self._end, number)

    def _advance(self, origin: _Origin, link: _Link, *, proven: bool) -> None:
        origin.last = link
        origin.excused = False
        if proven:
            self.proven += 1
        else:
            self.unproven += 1

    def _explain(
        self, name: str, origin: _Origin, link: _Link, envelope: bytes
    ) -> Iterator[AnyFinding]:
        """Say what is wrong with a link that does not follow the last one."""
        last = origin.last
        if any(_follows(link, each, envelope) for each in origin.displaced):
            self._advance(origin, link, proven=True)
        elif link.time <= last.time:
            self.unproven += 1
            origin.displaced.append(link)
            origin.excused = True
            yield Reordered(sequence_nr=link.number, origin=name, time=link.time)
        elif origin.excused or self._damaged_between(last.number, link.number):
            self._advance(origin, link, proven=False)
        elif self._is_altered(name, last, link):
            self._advance(origin, link, proven=False)
            yield Altered(sequence_nr=link.number, origin=name, after=self._named(last))
        else:
            self._advance(origin, link, proven=False)
            origin.before_jump = last

    def _is_altered(self, name: str, last: _Link, link: _Link) -> bool:
        """Tell whether nothing can be missing between two links, so that the second is wrong."""
        if link.time == last.time + 1:
            return True
        moved = link.number - link.time != last.number - last.time
        whole = not self._hole(last.number, link.number)
        return name == self._own and bool(last.time) and not moved and whole

    def _put_back(
        self, name: str, origin: _Origin, link: _Link, envelope: bytes
    ) -> Iterator[AnyFinding]:
        """Go back before a jump: what jumped stands in the wrong place, for this one is earlier."""
        before = origin.before_jump
        assert before is not None, "there was a jump"
        jumped = origin.last
        yield Reordered(sequence_nr=jumped.number, origin=name, time=jumped.time)
        origin.displaced.append(jumped)
        origin.before_jump = None
        origin.last = before
        if _follows(link, before, envelope):
            self._advance(origin, link, proven=True)
            yield Reordered(sequence_nr=link.number, origin=name, time=link.time)
            return
        origin.excused = True
        yield from self._explain(name, origin, link, envelope)

    def _settle(self, name: str, origin: _Origin) -> Iterator[AnyFinding]:
        """Take a jump for what it is: something is missing before the last link."""
        before, origin.before_jump = origin.before_jump, None
        if before is None:
            return
        link = origin.last
        if name != self._own:
            origin.gaps += 1
            origin.first_gap = origin.first_gap or link.number
            return
        hole = self._hole(before.number, link.number)
        first, to = hole or (link.number, 0)
        yield Missing(
            sequence_nr=first, to=to, origin=name, after=self._named(before), before=link.number
        )

    def _check_head(self, name: str, state: StoreState) -> Iterator[AnyFinding]:
        origin = self._origin(name)
        last = origin.last
        noted = state.chain.get(name, START)
        if noted == last.digest or any(noted == each.digest for each in origin.displaced):
            return
        if self._damaged_between(last.number, self._end):
            return
        if state.version.local_time(name) > last.time:
            yield self._missing_end(name, last, state)
        else:
            yield HeadChanged(sequence_nr=self._named(last), origin=name)

    def _missing_end(self, name: str, last: _Link, state: StoreState) -> Missing:
        hole = self._hole(last.number, self._end)
        to = state.version.local_time(name)
        if hole is None and name == self._own and to >= self._end:
            hole = (self._end, to)
        first, to = hole or (self._end, self._end)
        return Missing(sequence_nr=first, to=to, origin=name, after=self._named(last), before=0)

    def _named(self, link: _Link) -> int:
        return link.number if link.time else 0

    def _damaged_between(self, after: int, before: int) -> bool:
        return any(after < each < before for each in reversed(self._damaged))

    def _hole(self, after: int, before: int) -> tuple[int, int] | None:
        """Return the first and the last number between two that no event has."""
        inside = [hole for hole in self._holes if after < hole[0] and hole[1] < before]
        return (inside[0][0], inside[-1][1]) if inside else None


def _follows(link: _Link, before: _Link, envelope: bytes) -> bool:
    return next_digest(before.digest, envelope) == link.digest
