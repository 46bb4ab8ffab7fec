"""Proves a log: every checksum, the chains of digests, the index, the version vector.

Example:
    store = LmdbEventStore(Path("log"), writable=False)
    proof = verify(store, on_finding=lambda finding: print(finding.message))
    print(proof.damage, "faults; head", proof.head)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Literal

import msgspec

from museion.base.errors import Unavailable
from museion.log.event import Event
from museion.log.event_store import EventStore
from museion.log.proof.chain_check import ChainCheck
from museion.log.proof.findings import (
    Altered,
    AnyFinding,
    Disordered,
    Flipped,
    HeadNotFound,
    Missing,
    Reordered,
    WrongVersion,
)
from museion.log.proof.head_digest import head_digest
from museion.log.proof.index_check import IndexCheck
from museion.log.proof.stepping import DamagedAt, walk

_PROGRESS_EVERY = 256
_TRIES = 5


class Step(msgspec.Struct, frozen=True):
    """How far a verification has come.

    Attributes:
        part: what is walked through now: first the events, then the index.
        sequence_nr: the event reached, in the first part; entries seen, in the second.
        to: where the part ends; 0 where that is not known.
    """

    part: Literal["events", "index"]
    sequence_nr: int
    to: int


class Head(msgspec.Struct, frozen=True):
    """The last event of an origin that has a chain digest.

    Attributes:
        digest: hexadecimal. Who notes it can later prove that nothing before it was changed.
    """

    sequence_nr: int
    digest: str


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """What was proven of a log.

    Attributes:
        log_id: the log.
        sequence_nr: up to here it was verified, its end when the verification began.
        removed_to: events up to here were removed in order; the chains start behind them.
        events: whole events met, damaged ones not counted.
        proven: those whose chain digest follows from the event before.
        unproven: those without a digest (form 1), behind a damaged event or behind a gap.
        index_entries: entries of the index by aggregate.
        findings: how many of each kind.
        damage: how many of them are damage.
        heads: by origin; the own log's is under `log_id`.
    """

    log_id: str
    sequence_nr: int
    removed_to: int
    events: int
    proven: int
    unproven: int
    index_entries: int
    findings: dict[str, int]
    damage: int
    heads: dict[str, Head]

    @property
    def head(self) -> str | None:
        """The digest to note: that of the log's own last event; None when it has none."""
        own = self.heads.get(self.log_id)
        return None if own is None else own.digest


class LogShrinks(Unavailable):
    """Events were removed again and again while the log was walked through."""

    def __init__(self) -> None:
        super().__init__(
            "The log removed events during each of several tries to verify it.",
            remedy="Try again when its program does not delete events.",
        )


def verify(
    store: EventStore,
    *,
    expected_heads: Iterable[str] = (),
    on_finding: Callable[[AnyFinding], None] = lambda finding: None,
    on_step: Callable[[Step], None] = lambda step: None,
) -> Verification:
    """Walk through a log and its index and report everything that is not as it was written.

    Reads only, in bounded batches; another process may go on writing, and what it writes meanwhile
    is left out. Memory does not grow with the log. A fault makes one finding, and the rest is
    checked as if it were whole.

    The chains prove the content and the order of the events of each origin, up to the note of their
    end that the log keeps. Who rewrites everything, that note too, is found by a head digest noted
    elsewhere only. The order of events of different origins among each other is not proven.

    Args:
        expected_heads: digests noted earlier (hexadecimal), each to be found at an event.
        on_finding: called with each finding as it is found.
        on_step: called every few hundred events.

    Raises:
        NotADigest: one of `expected_heads` is none.
        LogShrinks: the log's program kept removing events.
        ReadFailed, UnreadableLog: the store cannot be read (on).
    """
    expected = {head_digest(text) for text in expected_heads}
    told: set[bytes] = set()
    for _ in range(_TRIES):
        run = _Run(store, expected, on_step)
        if _report(run, told, on_finding):
            return run.result()
    raise LogShrinks


def _report(run: _Run, told: set[bytes], on_finding: Callable[[AnyFinding], None]) -> bool:
    """Report findings, each once over all tries; false when the run must be repeated."""
    for finding in run.findings():
        if not run.still_holds():
            return False
        line = msgspec.json.encode(finding)
        if line not in told:
            told.add(line)
            on_finding(finding)
    return run.still_holds()


class _Run:
    """One walk through a log, from its state at the beginning."""

    def __init__(
        self, store: EventStore, expected: set[bytes], on_step: Callable[[Step], None]
    ) -> None:
        self._store = store
        self._state = store.recover()
        self._expected = expected - set(self._state.removed_chain.values())
        self._on_step = on_step
        self._chain = ChainCheck(self._state)
        self._index = IndexCheck()
        self._merged: dict[str, int] = {}
        self._events = 0
        self._entries = 0
        self._damaged: set[int] = set()
        self._missing: list[tuple[int, int]] = []
        self._explained: set[int] = set()
        self._counts: Counter[str] = Counter()
        self._damage = 0

    def still_holds(self) -> bool:
        """Tell whether no events were removed in order meanwhile: that would look like loss."""
        return self._store.recover().removed_to == self._state.removed_to

    def findings(self) -> Iterator[AnyFinding]:
        """Walk through everything and yield what is found."""
        for finding in self._all_findings():
            self._counts[finding.kind] += 1
            self._damage += finding.is_damage
            match finding:
                case Missing(sequence_nr=first, to=to):
                    self._missing.append((first, max(first, to)))
                case Altered(sequence_nr=number) | Reordered(sequence_nr=number):
                    self._explained.add(number)
                case _:
                    pass
            yield finding

    def result(self) -> Verification:
        """Return what was proven."""
        heads = self._chain.heads()
        return Verification(
            log_id=self._state.log_id,
            sequence_nr=self._state.sequence_nr,
            removed_to=self._state.removed_to,
            events=self._events,
            proven=self._chain.proven,
            unproven=self._chain.unproven,
            index_entries=self._entries,
            findings=dict(self._counts),
            damage=self._damage,
            heads={name: Head(number, digest.hex()) for name, (number, digest) in heads.items()},
        )

    def _all_findings(self) -> Iterator[AnyFinding]:
        yield from self._walk_events()
        yield from self._chain.finish(self._state)
        for digest in sorted(self._expected):
            yield HeadNotFound(digest=digest.hex(), removed_to=self._state.removed_to)
        yield from self._check_version()
        yield from self._walk_index()

    def _walk_events(self) -> Iterator[AnyFinding]:
        state = self._state
        last = state.removed_to
        for count, met in enumerate(walk(self._store, after=last, to=state.sequence_nr), 1):
            number = met.sequence_nr
            if number <= last:
                yield Disordered(sequence_nr=number, after=last)
            last = max(number, last)
            if isinstance(met, DamagedAt):
                self._damaged.add(number)
                self._chain.damaged(number)
                yield Flipped(sequence_nr=number, reason=_reason(met))
            else:
                yield from self._take(met)
            if count % _PROGRESS_EVERY == 0:
                self._on_step(Step("events", number, state.sequence_nr))

    def _take(self, event: Event) -> Iterator[AnyFinding]:
        self._events += 1
        self._index.take(event)
        for name, time in event.vector_timestamp.times.items():
            if time > self._merged.get(name, 0):
                self._merged[name] = time
        self._expected.discard(event.chain_digest or b"")
        yield from self._chain.take(event)

    def _check_version(self) -> Iterator[AnyFinding]:
        """Compare the version vector as far as other findings do not explain a difference."""
        noted = self._state.version.times
        differing = {
            name
            for name in {*noted, *self._merged}
            if self._differs(noted.get(name, 0), self._merged.get(name, 0))
        }
        if differing:
            yield WrongVersion(
                noted={name: noted.get(name, 0) for name in sorted(differing)},
                merged={name: self._merged.get(name, 0) for name in sorted(differing)},
            )

    def _differs(self, noted: int, merged: int) -> bool:
        if merged > noted:
            return not self._explained
        return merged < noted and not self._damage and not self._state.removed_to

    def _walk_index(self) -> Iterator[AnyFinding]:
        after, to = self._state.removed_to, self._state.sequence_nr
        for found in self._index.compare(self._store, after=after, to=to, damaged=self._damaged):
            if not isinstance(found, int):
                yield from self._unless_explained(found)
                continue
            self._entries += found
            if self._entries % _PROGRESS_EVERY == 0:
                self._on_step(Step("index", self._entries, 0))
        for finding in self._index.search(self._store, after=after, to=to):
            yield from self._unless_explained(finding)

    def _unless_explained(self, finding: AnyFinding) -> Iterator[AnyFinding]:
        """Leave out what the index says of events that a finding has named already."""
        number = finding.sequence_nr
        is_missing = any(first <= number <= to for first, to in self._missing)
        if number not in self._explained and not is_missing:
            yield finding


def _reason(damaged: DamagedAt) -> str:
    """Return what the store said without the event's number, which the finding has itself."""
    return damaged.error.message.partition(": ")[2].removesuffix(".") or damaged.error.message
