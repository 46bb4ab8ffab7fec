"""One recovery of an endpoint, step by step."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from museion.base.errors import MuseionError
from museion.log.event import EventId
from museion.log.event_log import EventLog
from museion.log.replication.finding import find_event
from museion.log.replication.local_side import LocalSide
from museion.log.replication.protocol import Position, RecoveryRequest
from museion.log.replication.recovery_errors import (
    HistoryForked,
    RecoveryFailed,
    RecoveryImpossible,
)
from museion.log.replication.recovery_states import ENDED, PULLED, RECOVERED
from museion.log.replication.way_back import WayBack
from museion.log.snapshots import SnapshotStore
from museion.log.stamping import GIVEN_TO
from museion.log.vector_time import VectorTime


@dataclass(frozen=True, slots=True)
class _Left:
    """What was left of the logs when the recovery began."""

    positions: Mapping[str, Position]
    heads: Mapping[str, bytes]
    versions: Mapping[str, VectorTime]


class Recoverer:
    """One recovery of an endpoint.

    Args:
        snapshots: stores in which emitters of these logs keep snapshots.
        limit_s: how long to wait for neighbours that recover at the same time, seconds.
    """

    def __init__(
        self,
        local: LocalSide,
        ways: Sequence[WayBack],
        *,
        snapshots: Sequence[SnapshotStore],
        limit_s: float,
    ) -> None:
        self._local = local
        self._states = local.recoveries
        self._ways = ways
        self._snapshots = snapshots
        self._limit_s = limit_s
        self._left = _Left({}, {}, {})
        self._heard: dict[str, int] = {}  # log name -> newest own event that a neighbour knows of

    async def require_possible(self) -> None:
        """Look whether all direct neighbours can be reached, over connections in both directions.

        Raises:
            RecoveryImpossible, RecoveryFailed: not now; nothing was changed.
        """
        if not self._ways:
            raise RecoveryImpossible(["it has no connections"])
        met = []
        for way in self._ways:
            try:
                if await way.meet():
                    met.append(way.remote_id)
            except MuseionError as reason:
                raise RecoveryFailed(str(reason), partially_changed=False) from reason
        self._require_both_ways(met)

    async def run(self) -> None:
        """Bring back what is missing.

        New events are held and the connections stand still already. When it returns new events are
        taken again. Raises as `recover`.
        """
        before = max([log.progress(RECOVERED) for log in self._local.logs.values()], default=0)
        self._states.begin(max(self._local.now_ms(), before + 1))
        self._left = await self._what_is_left()
        for way in self._ways:
            await self._ask(way)
        self._require_both_ways([way.remote_id for way in self._ways])
        await self._require_one_history()
        self._drop_snapshots()
        await self._bring_back()
        await self._end()

    def _require_both_ways(self, remote_ids: Sequence[str]) -> None:
        """Raise `RecoveryImpossible` if some neighbour is connected in one direction only."""
        own, gossip = self._local.endpoint_id, self._local.gossip
        states = gossip.topology.states.values()
        links = {(link.target, link.source) for state in states for link in state.links}
        readers = {target for target, source in links if source == own}
        reading = {way.remote_id for way in self._ways if way.connection.reads}
        wanted = {*readers, *(way.remote_id for way in self._ways)} - reading
        reasons = [f"it does not read from {each}" for each in sorted(wanted)]
        reasons += [f"{each} does not read from it" for each in remote_ids if each not in readers]
        if reasons:
            raise RecoveryImpossible(reasons)

    async def _what_is_left(self) -> _Left:
        logs = self._local.logs
        return _Left(
            {name: log.sequence_nr for name, log in logs.items()},
            {name: await own_head(log) for name, log in logs.items()},
            {name: log.version for name, log in logs.items()},
        )

    async def _ask(self, way: WayBack) -> None:
        """Tell a neighbour what is left, and hear how far it reaches."""
        request = RecoveryRequest(
            self._left.positions,
            self._left.heads,
            self._left.versions,
            self._local.gossip.greeting(way.remote_id, full=True),
            self._states.told(is_recovering=True),
        )
        await way.ask(request)
        for name, point in way.answer.points.items():
            self._heard[name] = max(self._heard.get(name, 0), point.own_time)

    async def _require_one_history(self) -> None:
        """Raise `HistoryForked` if a neighbour knows other events by identities that are left."""
        for way in self._ways:
            for name, point in way.answer.points.items():
                log = self._local.logs[name]
                left = log.version.local_time(log.log_id)
                if point.forked:
                    raise HistoryForked(name, way.remote_id, EventId(log.log_id, left))
                # What a filter lets through need not be the newest that its stamps speak of.
                if 0 < point.own_time <= left and not way.is_filtered:
                    at = EventId(log.log_id, point.own_time)
                    own = await find_event(log, at)
                    if own is not None and differ(own.chain_digest, point.own_head):
                        raise HistoryForked(name, way.remote_id, at)

    def _drop_snapshots(self) -> None:
        for name, position in self._left.positions.items():
            for store in self._snapshots:
                store.delete_from(self._local.logs[name].log_id, position + 1)

    async def _bring_back(self) -> None:
        full = [way for way in self._ways if not way.is_filtered]
        for way in full:
            if not way.recovers():
                await way.pull()
        self._advance(PULLED)
        await self._settle(full)
        for way in self._ways:
            if way.is_filtered:
                await self._wait_for(way)
                await way.pull()

    async def _settle(self, full: Sequence[WayBack]) -> None:
        """Exchange what is left with neighbours that recover, too, until all have the same."""
        loop = asyncio.get_running_loop()
        until_s = loop.time() + self._limit_s
        together = [way for way in full if way.recovers()]
        while together:
            for way in together:
                await self._ask(way)
                await way.pull()
            self._advance(PULLED)
            waiting = self._waits_for()
            if not waiting:
                return
            await self._pause(waiting, until_s)

    def _waits_for(self) -> list[str]:
        """Return which endpoints may still have, or get, what this one lacks."""
        return [
            state.endpoint_id
            for state in self._states.others
            if state.phase < PULLED
            or any(
                not version <= self._local.logs[name].version
                for name, version in state.versions.items()
                if name in self._local.logs
            )
        ]

    async def _wait_for(self, way: WayBack) -> None:
        """Wait until a neighbour behind a filter has what it can get elsewhere."""
        until_s = asyncio.get_running_loop().time() + self._limit_s
        while way.recovers(below=PULLED):
            await self._pause([way.remote_id], until_s)
            await self._ask(way)

    async def _pause(self, waiting: Sequence[str], until_s: float) -> None:
        if asyncio.get_running_loop().time() >= until_s:
            reason = f"{', '.join(waiting)} lost events, too, and has not brought them back"
            raise RecoveryFailed(reason, partially_changed=True)
        await asyncio.sleep(self._local.settings.first_retry_delay_s)

    def _advance(self, phase: int) -> None:
        versions = {name: log.version for name, log in self._local.logs.items()}
        self._states.advance(phase, versions)

    async def _end(self) -> None:
        assert self._states.own is not None, "it has begun"
        for name, log in self._local.logs.items():
            given_to = await self._given_to(name, log)
            await log.write_hold.release({RECOVERED: self._states.own.began_ms, **given_to})
        self._advance(ENDED)
        self._states.needed = ""

    async def _given_to(self, name: str, log: EventLog) -> Mapping[str, int]:
        """Return the progress that keeps the identities of own events which did not come back.

        One more is left out: chained to an older event, the next one would else seem to be forged
        wherever the events in between are.
        """
        newest = max(self._heard.get(name, 0), log.version.local_time(log.log_id))
        if not newest or newest < log.own_time:
            return {}
        is_here = await find_event(log, EventId(log.log_id, newest)) is not None
        return {} if is_here else {GIVEN_TO: newest + 1}


async def own_head(log: EventLog) -> bytes:
    """Return the chain digest of the event that a log's own time names, empty if it is not here."""
    newest = EventId(log.log_id, log.version.local_time(log.log_id))
    digest = log.chain_digest(log.log_id)
    # Where a filter kept it back, the digest is that of an older event.
    known = await find_event(log, newest) if newest.time and digest else None
    return digest or b"" if known is not None and known.chain_digest == digest else b""


def differ(first: bytes | None, second: bytes | None) -> bool:
    """Tell whether two digests are known and not the same."""
    return bool(first) and bool(second) and first != second
