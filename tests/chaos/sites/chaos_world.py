"""Sites in processes of their own, bad lines between them, and rounds in which all goes wrong."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random

import msgspec
from chaos_client import NotThere, SiteClient
from chaos_ledger import Ledger
from free_ports import free_ports
from site_messages import Peer, Setting, StorageOutage, Values

from museion.log.replication.directory import FileSiteDirectory, KnownKey, KnownSite
from museion.log.replication.site_keys import SiteKeys
from museion.testing.bad_line import GOOD, PARTED, BadLine, LineQuality

PROGRAM = Path(__file__).parent / "site_process.py"
_START_LIMIT_S = 60.0
_STOP_LIMIT_S = 20.0
_CLIENTS = 4
"""How many operations are under way at each site."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Which sites there are, and who asks whom.

    Attributes:
        reads: asking site and asked site.
        both: as `reads`, where the asked one has the only open door.
    """

    site_ids: tuple[str, ...]
    reads: tuple[tuple[str, str], ...]
    both: tuple[tuple[str, str], ...] = ()


TRIANGLE = Layout(
    ("a", "b", "c"),
    (("a", "b"), ("b", "a"), ("b", "c"), ("c", "b"), ("c", "a"), ("a", "c")),
)
TRIANGLE_AND_LEAF = Layout(("a", "b", "c", "leaf"), TRIANGLE.reads, (("leaf", "c"),))


@dataclass(frozen=True, slots=True)
class Chances:
    """How likely each evil is, a round.

    Attributes:
        kill: of each site.
        part: that one site is cut off from all others.
        cut: of each line besides; `one_way` of those in one direction only.
        outage: of the disk of each site.
    """

    kill: float = 0.2
    part: float = 0.3
    cut: float = 0.2
    one_way: float = 0.3
    outage: float = 0.15


@dataclass
class Deeds:
    """What was done to the sites."""

    rounds: int = 0
    kills: int = 0
    partitions: int = 0
    cuts: int = 0
    breaks: int = 0
    outages: int = 0
    losses: int = 0

    def __str__(self) -> str:
        return (
            f"{self.rounds} rounds, {self.kills} kills, {self.partitions} sites parted,"
            f" {self.cuts} lines cut, {self.breaks} connections broken, {self.outages} disks"
            f" failed, {self.losses} logs lost"
        )


@dataclass
class RunningSite:
    """The process of one site, started again after each kill."""

    setting: Setting
    client: SiteClient
    process: asyncio.subprocess.Process | None = None
    killed: asyncio.subprocess.Process | None = None
    backup: Path | None = None

    async def start(self) -> None:
        """Start it, and wait until it is ready."""
        with (self._home / "errors.txt").open("ab") as errors:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable,
                str(PROGRAM),
                msgspec.json.encode(self.setting).decode(),
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
            )
        process = self.process
        async with asyncio.timeout(_START_LIMIT_S):
            while (line := await self._line_of(process)) == b"held\n":
                # From here on it remembers by itself that it has to recover.
                self.setting = msgspec.structs.replace(self.setting, lost=False)
        if process is not self.killed:
            assert line == b"ready\n", f"{self.setting.site_id} did not start:\n{self.errors()}"
            self.setting = msgspec.structs.replace(self.setting, lost=False)

    async def back_up(self) -> None:
        """Copy the log of the site, which must not run."""
        self.backup = self._home / "backup"
        shutil.rmtree(self.backup, ignore_errors=True)
        shutil.copytree(self._home / "log", self.backup)

    async def lose(self) -> None:
        """Kill it and put its backup, or nothing, in place of its log."""
        await self.kill()
        shutil.rmtree(self._home / "log")
        if self.backup is not None:
            shutil.copytree(self.backup, self._home / "log")
        self.setting = msgspec.structs.replace(self.setting, lost=True)

    async def kill(self) -> None:
        """Kill it as a power failure does."""
        assert self.process is not None
        self.killed = self.process
        with suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()

    async def stop(self) -> None:
        """Let it end well, and see that it does."""
        assert self.process is not None
        self.process.terminate()
        async with asyncio.timeout(_STOP_LIMIT_S):
            code = await self.process.wait()
        assert code == 0, f"{self.setting.site_id} ended with {code}:\n{self.errors()}"
        assert "Traceback" not in self.errors(), self.errors()

    @property
    def is_down(self) -> bool:
        """Tell whether it was killed and not started again yet."""
        return self.killed is self.process

    def require_running(self) -> None:
        """Fail if it ended by itself."""
        assert self.process is not None
        assert self.process.returncode is None, (
            f"{self.setting.site_id} ended by itself:\n{self.errors()}"
        )

    def errors(self) -> str:
        """Return the end of what it complained of."""
        return (self._home / "errors.txt").read_text()[-4000:]

    @property
    def _home(self) -> Path:
        return Path(self.setting.folder)

    async def _line_of(self, process: asyncio.subprocess.Process) -> bytes:
        assert process.stdout is not None
        return await process.stdout.readline()


class ChaosWorld:
    """All sites and lines of one test, and the clients that write meanwhile."""

    def __init__(
        self,
        sites: Mapping[str, RunningSite],
        lines: Mapping[tuple[str, str], BadLine],
        *,
        chance: Random,
    ) -> None:
        self.sites = sites
        self._lines = lines
        self._chance = chance
        self._writing = True
        self.ledger = Ledger(Random(chance.random()))  # noqa: S311 (repeatable)
        self.deeds = Deeds()

    @classmethod
    @asynccontextmanager
    async def open(cls, folder: Path, layout: Layout, *, seed: int) -> AsyncIterator[ChaosWorld]:
        """Start all sites and lines; whatever happens, no process is left behind."""
        chance = Random(seed)  # noqa: S311 (repeatable)
        ports = dict(zip(layout.site_ids, free_ports(len(layout.site_ids)), strict=True))
        lines: dict[tuple[str, str], BadLine] = {}
        async with AsyncExitStack() as stack:
            for way in (*layout.reads, *layout.both):
                drawn = Random(chance.random())  # noqa: S311 (repeatable)
                lines[way] = await stack.enter_async_context(BadLine(ports[way[1]], chance=drawn))
            _make_known(folder, layout.site_ids)
            sites: dict[str, RunningSite] = {}
            for site_id in layout.site_ids:
                home = folder / site_id
                peers = _peers(site_id, layout, lines)
                number = chance.randrange(1 << 30)
                setting = Setting(
                    site_id, str(home), ports[site_id], layout.site_ids, peers, number
                )
                sites[site_id] = RunningSite(setting, SiteClient(home))
                stack.push_async_callback(_end, sites[site_id])
            await asyncio.gather(*(site.start() for site in sites.values()))
            yield cls(sites, lines, chance=chance)

    async def disturb(
        self, rounds: int, *, length_s: float, chances: Chances | None = None
    ) -> None:
        """Let clients write, and disturb everything, for some rounds."""
        self._writing = True
        async with asyncio.TaskGroup() as group:
            for site in self.sites.values():
                for _ in range(_CLIENTS):
                    group.create_task(self._write(site))
            for _ in range(rounds):
                await self._round(group, length_s, chances or Chances())
            self._writing = False
            # Before the group ends: a site that starts may need the others, to recover.
            self.heal()

    def heal(self) -> None:
        """Make all lines good again."""
        for line in self._lines.values():
            line.change(GOOD)

    async def back_up(self, site_id: str) -> None:
        """Stop a site, copy its log, and start it again."""
        site = self.sites[site_id]
        await site.kill()
        await site.back_up()
        await site.start()

    async def lose(self, site_id: str, rounds: int, *, length_s: float, chances: Chances) -> None:
        """Let a site lose its log, or what came after its backup, and recover amid all trouble.

        What only that site has is lost with it; so call this when all sites have settled.
        """
        site = self.sites[site_id]
        await site.lose()
        self.deeds.losses += 1
        async with asyncio.TaskGroup() as group:
            group.create_task(site.start())
            group.create_task(self.disturb(rounds, length_s=length_s, chances=chances))

    async def settled(self, *, limit_s: float) -> Mapping[str, Values]:
        """Wait until all sites see the same, and return that."""
        values: dict[str, Values] = {}
        try:
            async with asyncio.timeout(limit_s):
                while len({_seen(each) for each in values.values()}) != 1:
                    await asyncio.sleep(0.1)
                    for site_id, site in self.sites.items():
                        site.require_running()
                        values[site_id] = await site.client.values()
        except TimeoutError:
            shown = "\n".join(f"{name}: {each}" for name, each in values.items())
            raise AssertionError(f"the sites differ {limit_s} s after healing:\n{shown}") from None
        return values

    async def stop(self) -> None:
        """End all sites well."""
        for site in self.sites.values():
            await site.client.close()
        await asyncio.gather(*(site.stop() for site in self.sites.values()))

    async def _round(self, group: asyncio.TaskGroup, length_s: float, chances: Chances) -> None:
        """Disturb for so long; what begins here may go on in the next round."""
        self.deeds.rounds += 1
        self._spoil_lines(chances)
        for site in self.sites.values():
            if self._happens(chances.kill):
                group.create_task(self._kill(site, self._chance.uniform(0.0, length_s)))
            if self._happens(chances.outage):
                outage = StorageOutage(self._chance.uniform(0.05, 0.5), self._happens(0.5))
                self.deeds.outages += 1
                group.create_task(site.client.fail_storage(outage))
        await asyncio.sleep(length_s / 2)
        self._break_some()
        await asyncio.sleep(length_s / 2)

    def _spoil_lines(self, chances: Chances) -> None:
        parted = None
        if self._happens(chances.part):
            parted = self._chance.choice(list(self.sites))
            self.deeds.partitions += 1
        for way, line in self._lines.items():
            line.change(PARTED if parted in way else self._drawn_quality(chances))

    def _drawn_quality(self, chances: Chances) -> LineQuality:
        cut_to = cut_back = self._happens(chances.cut)
        if cut_to and self._happens(chances.one_way):
            cut_to = self._happens(0.5)
            cut_back = not cut_to
        self.deeds.cuts += cut_to or cut_back
        return LineQuality(
            delay_s=self._chance.uniform(0.0, 0.05),
            jitter_s=self._chance.uniform(0.0, 0.05),
            loss=self._chance.uniform(0.0, 0.2),
            breaks=self._chance.uniform(0.0, 0.01),
            bytes_per_s=self._chance.choice((None, 50_000.0, 500_000.0)),
            is_cut_to=cut_to,
            is_cut_back=cut_back,
        )

    def _break_some(self) -> None:
        for line in self._lines.values():
            if self._happens(0.2):
                self.deeds.breaks += line.break_connections()

    async def _kill(self, site: RunningSite, after_s: float) -> None:
        await asyncio.sleep(after_s)
        if site.is_down:
            return  # it was killed just now, and is about to start
        site.require_running()
        await site.kill()
        self.deeds.kills += 1
        await asyncio.sleep(self._chance.uniform(0.0, 0.3))
        await site.start()

    async def _write(self, site: RunningSite) -> None:
        site_id = site.setting.site_id
        while self._writing:
            operation = self.ledger.draw(site_id)
            try:
                answer = await site.client.do(operation)
            except NotThere:
                self.ledger.note(site_id, operation, "refused", "NotThere")
            else:
                self.ledger.note(site_id, operation, answer.result, answer.reason)
            await asyncio.sleep(self._chance.uniform(0.0, 0.04))

    def _happens(self, probability: float) -> bool:
        return self._chance.random() < probability


def _seen(values: Values) -> bytes:
    """Return what has to be the same everywhere."""
    encoder = msgspec.json.Encoder(order="sorted")
    return encoder.encode(msgspec.structs.replace(values, trouble=""))


async def _end(site: RunningSite) -> None:
    await site.client.close()
    if site.process is not None and site.process.returncode is None:
        await site.kill()


def _make_known(folder: Path, site_ids: Sequence[str]) -> None:
    known = []
    for site_id in site_ids:
        keys = SiteKeys.make(folder / site_id / "keys", site_id)
        known.append(KnownSite(site_id, site_id, None, (KnownKey.of(keys.public_key),)))
    for site_id in site_ids:
        directory = FileSiteDirectory(folder / site_id / "sites.json")
        for each in known:
            if each.site_id != site_id:
                directory.put(each)


def _peers(
    site_id: str, layout: Layout, lines: Mapping[tuple[str, str], BadLine]
) -> tuple[Peer, ...]:
    ways = [(way, "read") for way in layout.reads] + [(way, "both") for way in layout.both]
    return tuple(
        Peer(way[1], lines[way].url, direction) for way, direction in ways if way[0] == site_id
    )
