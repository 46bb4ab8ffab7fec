"""A site of the chaos test: a log on disk, its endpoint and door, and replicated things on it.

Run as `site_process.py SETTING`, JSON of a `Setting`. It takes operations at the socket `client` in
its folder and prints `ready`. Where its log is lost it recovers first; it prints `held` when it
will remember that. It is killed again and again, so it never ends well but on SIGTERM.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import traceback
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from random import Random
from time import time_ns

import msgspec
from granian.constants import Interfaces
from granian.server.embed import Server
from site_messages import (
    Answer,
    Operation,
    Pay,
    Put,
    Report,
    Request,
    Setting,
    Step,
    StorageOutage,
    Take,
    Values,
)

from museion.base.errors import Conflict, MuseionError
from museion.log.crdt.add_wins_set import Add, AddWinsSet, AddWinsSetState, Remove
from museion.log.crdt.counter import Count, Counter, CounterState
from museion.log.crdt.pure.counter import PureCounter
from museion.log.crdt.pure.service import PureCrdtService
from museion.log.crdt.service import CrdtService
from museion.log.event_log import EventLog, WritePolicy
from museion.log.event_types import event_type
from museion.log.file_snapshots import FileSnapshotStore
from museion.log.lmdb_store import LmdbEventStore
from museion.log.replication.connection import Connection, Direction
from museion.log.replication.directory import FileSiteDirectory
from museion.log.replication.endpoint import Endpoint
from museion.log.replication.endpoint_settings import EndpointSettings
from museion.log.replication.http_line import HttpTimes
from museion.log.replication.http_neighbour import HttpNeighbour
from museion.log.replication.http_service import HttpService
from museion.log.replication.recovery_errors import RecoveryFailed, RecoveryImpossible
from museion.log.replication.site_keys import SiteKeys
from museion.log.replication.topology import FileTopologyStore
from museion.log.snapshots import Retention
from museion.log.sourced.aggregate import Aggregate, command, handles
from museion.log.sourced.aggregates import Aggregates
from museion.log.sourced.refusals import WrittenNotHandled
from museion.testing.failing_store import HEALTHY, FailingStore, FailureRates

INSTANCE = "all"
_MAP_BYTES = 1 << 30
_SETTINGS = EndpointSettings(
    retry_delay_s=0.5,
    first_retry_delay_s=0.05,
    remote_read_timeout_s=2.0,
    wait_s=1.0,
    max_batch_events=64,
    failure_detection_limit_s=3.0,
)
_TIMES = HttpTimes(connect_s=1.0, remote_read_timeout_s=2.0, transfer_s=10.0)
_POLICY = WritePolicy(retries=2, first_delay_s=0.02, probe_after_s=0.1)
_REFUSING = FailureRates(refused=0.7, not_recovered=0.5)
_UNSURE = FailureRates(refused=0.2, lost=0.3, kept=0.3, not_recovered=0.5)


@event_type("chaos.paid")
class Paid(msgspec.Struct, frozen=True):
    """A payment was made."""

    reference: str
    amount: int


class Overdrawn(Conflict):
    """More is wanted than this site sees."""

    def __init__(self, balance: int, amount: int) -> None:
        super().__init__(f"Expected to pay at most {balance}, got {-amount}.")


class Account(Aggregate, name="chaos-account"):
    """An account that every site pays into and out of."""

    def __init__(self) -> None:
        self.balance = 0

    @command
    async def pay(self, reference: str, amount: int) -> int:
        """Pay, unless this site sees too little."""
        if amount < 0 and self.balance + amount < 0:
            raise Overdrawn(self.balance, amount)
        await self.persist(Paid(reference, amount))
        return self.balance

    @command
    async def see(self) -> int:
        """Return what this site sees."""
        return self.balance

    @handles
    def _paid(self, event: Paid) -> None:
        self.balance += event.amount

    def snapshot_state(self) -> bytes:
        """Return the balance."""
        return b"%d" % self.balance

    def restore(self, state: bytes) -> None:
        """Take a balance."""
        self.balance = int(state)


def now_ms() -> int:
    """Return the wall clock."""
    return time_ns() // 1_000_000


class ThingsOnTheLog:
    """The replicated things that clients work with."""

    def __init__(self, setting: Setting, log: EventLog, store: FailingStore) -> None:
        snapshots = FileSnapshotStore(Path(setting.folder) / "snapshots")
        often = Retention(every_events=50)
        self._log = log
        self._store = store
        self._outages: set[asyncio.Task[None]] = set()
        self.counters: CrdtService[CounterState, Count, int] = CrdtService(
            log, Counter(), service_id="chaos", snapshots=snapshots, retention=often
        )
        self.sets: CrdtService[AddWinsSetState[str], Add[str] | Remove[str], frozenset[str]] = (
            CrdtService(
                log, AddWinsSet(str), service_id="chaos", snapshots=snapshots, retention=often
            )
        )
        self.pure = PureCrdtService(
            log, PureCounter(), locations=setting.site_ids, snapshots=snapshots
        )
        self.accounts = Aggregates(log, Account, snapshots=snapshots, retention=often)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Run them meanwhile."""
        async with self.counters, self.sets, self.pure, self.accounts:
            yield

    async def do(self, operation: Operation) -> None:
        """Carry out an operation; it is on disk when this returns."""
        match operation:
            case Step("counter", by):
                await self.counters.update(INSTANCE, Count(by))
            case Step(_, by):
                await self.pure.update(INSTANCE, Count(by))
            case Put(element):
                await self.sets.update(INSTANCE, Add(element))
            case Take(element):
                await self.sets.update(INSTANCE, Remove(element))
            case Pay(reference, amount):
                await self.accounts.handle(INSTANCE).pay(reference, amount)

    async def values(self) -> Values:
        """Return what is seen here."""
        return Values(
            sequence_nr=self._log.sequence_nr,
            version=self._log.version,
            counter=await self.counters.value(INSTANCE),
            pure_counter=await self.pure.value(INSTANCE),
            set=await self.sets.value(INSTANCE),
            balance=await self.accounts.handle(INSTANCE).see(),
            trouble=self.pure.trouble or self.accounts.trouble or "",
        )

    async def tend(self) -> None:
        """Acknowledge and save from time to time, so that recovery begins at snapshots."""
        while True:
            await asyncio.sleep(0.7)
            with suppress(MuseionError):  # the disk fails; the next turn tries again
                await self.pure.acknowledge()
                await self.pure.save()

    def fail(self, outage: StorageOutage) -> None:
        """Let the disk fail for a while."""
        self._store.rates = _UNSURE if outage.unsure else _REFUSING
        asyncio.get_running_loop().call_later(outage.length_s, self._heal)

    def _heal(self) -> None:
        self._store.rates = HEALTHY


class ClientDoor:
    """Takes requests of clients, any number at once."""

    def __init__(self, things: ThingsOnTheLog) -> None:
        self._things = things

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one client until it goes."""
        with suppress(OSError):
            async with asyncio.TaskGroup() as group:
                while line := await reader.readline():
                    request = msgspec.json.decode(line, type=Request)
                    group.create_task(self._answer(request, writer))

    async def _answer(self, request: Request, writer: asyncio.StreamWriter) -> None:
        answer = await self._answered(request)
        writer.write(msgspec.json.encode(answer) + b"\n")

    async def _answered(self, request: Request) -> Answer:
        try:
            match request.what:
                case Report():
                    values = await self._things.values()
                    return Answer(request.nr, "acknowledged", values=values)
                case StorageOutage():
                    self._things.fail(request.what)
                case _:
                    await self._things.do(request.what)
        except WrittenNotHandled:
            return Answer(request.nr, "acknowledged", "written, not handled")
        except MuseionError as error:
            return Answer(request.nr, "refused", f"{type(error).__name__}: {error}")
        except Exception as error:
            traceback.print_exc()
            return Answer(request.nr, "unknown", f"{type(error).__name__}: {error}")
        return Answer(request.nr, "acknowledged")


class SiteProcess:
    """All parts of one site together."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._folder = Path(setting.folder)
        self._keys = SiteKeys.open(self._folder / "keys")
        self._directory = FileSiteDirectory(self._folder / "sites.json")

    async def run(self) -> None:
        """Be a site until SIGTERM, or until the log is lost."""
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        async with AsyncExitStack() as stack:
            store = FailingStore(
                LmdbEventStore(
                    self._folder / "log", log_id=self._setting.site_id, map_size_bytes=_MAP_BYTES
                ),
                random=Random(self._setting.seed),  # noqa: S311 (repeatable)
            )
            log = await stack.enter_async_context(EventLog(store, policy=_POLICY))
            endpoint = await stack.enter_async_context(self._endpoint(log))
            if endpoint.status().is_recovering:
                await self._recover(endpoint)
            things = ThingsOnTheLog(self._setting, log, store)
            await stack.enter_async_context(things.open())
            stack.callback(asyncio.create_task(things.tend()).cancel)
            client = self._folder / "client"
            client.unlink(missing_ok=True)
            server = await asyncio.start_unix_server(ClientDoor(things).serve, client)
            stack.callback(server.close)
            _say("ready")
            ends = [asyncio.create_task(each) for each in (stop.wait(), log.closed())]
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            for end in ends:
                end.cancel()
        if not stop.is_set():
            raise RuntimeError("the log stopped")

    @asynccontextmanager
    async def _endpoint(self, log: EventLog) -> AsyncIterator[Endpoint]:
        endpoint = Endpoint(
            self._setting.site_id,
            {"": log},
            settings=_SETTINGS,
            seed=Random(self._setting.seed),  # noqa: S311 (jitter)
            now_ms=now_ms,
            lost_events=self._setting.lost,
            topology_store=FileTopologyStore(self._folder / "topology"),
        )
        door = HttpService(
            endpoint.service, keys=self._keys, directory=self._directory, now_ms=now_ms
        )
        server = Server(
            door,
            address="127.0.0.1",
            port=self._setting.port,
            interface=Interfaces.ASGI,
            log_enabled=False,
            websockets=False,
        )
        async with endpoint:
            serving = asyncio.create_task(server.serve())
            await self._connect(endpoint)
            try:
                yield endpoint
            finally:
                door.close()
                server.stop()  # type: ignore[no-untyped-call]  # granian leaves it untyped
                await asyncio.wait({serving}, timeout=5.0)

    async def _recover(self, endpoint: Endpoint) -> None:
        """Bring back what was lost; as often as it takes until all neighbours are there at once."""
        snapshots = FileSnapshotStore(self._folder / "snapshots")
        while endpoint.status().is_recovering:
            try:
                await endpoint.recover(snapshots=[snapshots], limit_s=5.0)
            except (RecoveryFailed, RecoveryImpossible) as reason:
                if isinstance(reason, RecoveryFailed) and reason.partially_changed:
                    _say("held")
                sys.stderr.write(f"not recovered yet: {reason}\n")
                await asyncio.sleep(0.1)

    async def _connect(self, endpoint: Endpoint) -> None:
        for peer in self._setting.peers:
            neighbour = HttpNeighbour(
                peer.url,
                peer.site_id,
                keys=self._keys,
                directory=self._directory,
                now_ms=now_ms,
                times=_TIMES,
            )
            connection = Connection(peer.site_id, direction=Direction(peer.direction))
            await endpoint.connect(connection, neighbour)


def _say(word: str) -> None:
    sys.stdout.write(word + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(SiteProcess(msgspec.json.decode(sys.argv[1], type=Setting)).run())
