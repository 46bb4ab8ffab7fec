"""What people and programs do at the sites of a drawn world: write, change, resolve, delete."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from random import Random
from typing import Any

from museion.base.errors import MuseionError
from museion.log.crdt.add_wins_set import Add, AddWinsSet, Remove
from museion.log.crdt.field_map import (
    AddToField,
    ClearField,
    CountField,
    FieldMap,
    MergeRule,
    RemoveFromField,
    SetField,
)
from museion.log.crdt.last_writer_wins import LastWriterWins
from museion.log.crdt.multi_value import MultiValue
from museion.log.crdt.service import CrdtService
from museion.log.crdt.versions import Assign
from museion.log.event import NewEvent
from museion.log.event_log import EventLog
from museion.log.snapshots import Retention
from museion.log.sourced.refusals import WrittenNotHandled
from museion.log.vector_time import VectorTime
from museion.testing.simulation.site import SimulatedSite

INSTANCES = ("public-1", "public-2", "secret-1")
"""Ids of replicated values; the last one may not get to every site."""

_RULES = {
    "caption": MergeRule.KEPT_UNTIL_RESOLVED,
    "tags": MergeRule.ADD_WINS_SET,
    "views": MergeRule.COUNTER,
    "owner": MergeRule.LAST_WRITER_WINS,
}


@dataclass(frozen=True, slots=True)
class WorkPlan:
    """How much is done at each site.

    Attributes:
        emitters: how many write plain events.
        editors: how many change replicated values.
        pause_s: mean time between two acts of one of them.
        deletes: whether old events are deleted.
        until_s: virtual time at which all stop.
    """

    emitters: int = 1
    editors: int = 1
    pause_s: float = 0.5
    deletes: bool = False
    until_s: float = 20.0


def replicated_types() -> Mapping[str, Any]:
    """Return one of each type that is tried, by a name for reports."""
    return {
        "fields": FieldMap(_RULES, str, str),
        "versions": MultiValue(str),
        "last": LastWriterWins(str),
        "set": AddWinsSet(str),
    }


class Work:
    """The program of one site: what its people do."""

    def __init__(self, site: SimulatedSite, plan: WorkPlan, chance: Random) -> None:
        self._site = site
        self._plan = plan
        self._chance = chance
        self._loop = asyncio.get_running_loop()
        self._written = 0

    async def run(self) -> None:
        """Work until the time is over."""
        plan = self._plan
        async with Values(self._site) as values, asyncio.TaskGroup() as people:
            for number in range(plan.emitters):
                for log in self._site.logs.values():
                    people.create_task(self._repeat(Emitter(self, log, f"emitter-{number}").act))
            for _ in range(plan.editors):
                people.create_task(self._repeat(Editor(values, self._chance).act))
            if plan.deletes:
                people.create_task(self._repeat(self._delete, slower=8))

    async def _repeat(self, act: Callable[[], Awaitable[None]], *, slower: float = 1.0) -> None:
        while self._loop.time() < self._plan.until_s:
            await asyncio.sleep(self._plan.pause_s * slower * self._chance.uniform(0.1, 1.9))
            try:
                await act()
            except (MuseionError, WrittenNotHandled):
                # The disk fails, or the log has stopped: people try again. What they were told was
                # written is watched elsewhere.
                self._site.log.require_open()

    async def _delete(self) -> None:
        endpoint = self._site.endpoint
        if endpoint is None:
            return
        for name, log in self._site.logs.items():
            to = self._chance.randint(0, log.sequence_nr)
            await endpoint.delete(name, to, list(self._site.readers))

    def next_payload(self) -> bytes:
        """Return a payload that nobody else writes."""
        self._written += 1
        return f"{self._site.site_id} {self._site.now_ms()} {self._written}".encode()

    @property
    def chance(self) -> Random:
        """Where the randomness of this site's people comes from."""
        return self._chance

    @property
    def site(self) -> SimulatedSite:
        """Where they are."""
        return self._site


class Emitter:
    """Writes plain events; knows what it has read, which is not all that its log holds."""

    def __init__(self, work: Work, log: EventLog, emitter_id: str) -> None:
        self._work = work
        self._log = log
        self._emitter_id = emitter_id
        self._known = VectorTime()
        self._position = 0

    async def act(self) -> None:
        """Read some, then write one to four events of one request."""
        chance = self._work.chance
        if chance.random() < 0.7:
            for event in await self._log.read(after=self._position, limit=chance.randint(1, 12)):
                self._position = event.sequence_nr
                if chance.random() < 0.8:
                    self._known = self._known.merge(event.vector_timestamp)
        aggregate_id = chance.choice(("public-a", "public-b", "secret-c", None))
        events = [
            NewEvent(
                type_name="simulated.noted",
                payload=self._work.next_payload(),
                emitter_id=self._emitter_id,
                aggregate_id=aggregate_id,
                vector_timestamp=self._known,
            )
            for _ in range(chance.choice((1, 1, 1, 2, 4)))
        ]
        self._work.site.requested(self._log.log_id, [event.payload for event in events])
        for event in await self._log.append(events):
            self._known = self._known.merge(event.vector_timestamp)


class Values:
    """The replicated values of one site: a service for each type. Use it in `async with`."""

    def __init__(self, site: SimulatedSite) -> None:
        self._site = site
        self._open = AsyncExitStack()
        self.services: dict[str, CrdtService[Any, Any, Any]] = {}

    async def __aenter__(self) -> Values:
        log = self._site.log
        for name, crdt in replicated_types().items():
            service = CrdtService(
                log,
                crdt,
                service_id=f"simulated-{name}",
                snapshots=self._site.disk.snapshot_store(log.log_id),
                retention=Retention(every_events=5, keep=2),
                now_ms=self._site.now_ms,
            )
            self.services[name] = await self._open.enter_async_context(service)
        return self

    async def __aexit__(self, *reason: Any) -> None:
        await self._open.__aexit__(*reason)

    async def all(self) -> dict[tuple[str, str], Any]:
        """Return each value, by type and id."""
        return {
            (name, instance): await service.value(instance)
            for name, service in self.services.items()
            for instance in INSTANCES
        }


class Editor:
    """Changes replicated values, and resolves conflicts that it sees."""

    def __init__(self, values: Values, chance: Random) -> None:
        self._values = values
        self._chance = chance

    async def act(self) -> None:
        """Carry out one operation."""
        kind = self._chance.choice(("fields", "fields", "fields", "versions", "last", "set"))
        instance = self._chance.choice(INSTANCES)
        service = self._values.services[kind]
        await service.update(instance, await self._operation(kind, service, instance))

    async def _operation(self, kind: str, service: CrdtService[Any, Any, Any], to: str) -> Any:
        chance = self._chance
        word = chance.choice(("dawn", "dusk", "noon", "rain"))
        if kind == "fields":
            return self._field_operation(word)
        if kind == "set":
            return Add(word) if chance.random() < 0.6 else Remove(word)
        if kind == "versions" and chance.random() < 0.4:
            seen = await service.value(to)
            return Assign(word, tuple(each.stamp.id for each in seen))
        return Assign(word)

    def _field_operation(self, word: str) -> Any:
        operations = (
            SetField("caption", word),
            SetField("caption", word),
            ClearField("caption"),
            SetField("owner", word),
            AddToField("tags", word),
            AddToField("tags", word),
            RemoveFromField("tags", word),
            CountField("views", self._chance.randint(-3, 5)),
        )
        return self._chance.choice(operations)
