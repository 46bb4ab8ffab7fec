"""Whole sites of the archive, served by `museion serve`, with bad lines before their doors."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import httpx
from free_ports import free_ports
from running_site import MUSEION, run_museion

from museion.testing.bad_line import GOOD, PARTED, BadLine, LineQuality

_START_LIMIT_S = 60.0
_STOP_LIMIT_S = 30.0
_PAGE = 500


@dataclass
class ArchiveSite:
    """One served site."""

    name: str
    folder: Path
    port: int
    http: httpx.AsyncClient
    process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        """Serve it, and wait until it is ready."""
        with self._errors.open("ab") as errors:
            self.process = await asyncio.create_subprocess_exec(
                str(MUSEION),
                *("serve", "--json", "--port", str(self.port), "--site", str(self.folder)),
                stdout=asyncio.subprocess.PIPE,
                stderr=errors,
            )
        assert self.process.stdout is not None
        async with asyncio.timeout(_START_LIMIT_S):
            line = await self.process.stdout.readline()
        assert line, f"{self.name} did not start:\n{self.said()}"

    async def kill(self) -> None:
        """Kill it as a power failure does."""
        assert self.process is not None
        with suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()

    async def stop(self) -> None:
        """Let it end well, and see that it does."""
        self.require_running()
        assert self.process is not None
        self.process.terminate()
        async with asyncio.timeout(_STOP_LIMIT_S):
            code = await self.process.wait()
        assert code == 0, f"{self.name} ended with {code}:\n{self.said()}"
        assert "Traceback" not in self.said(), self.said()

    async def get(self, path: str, **parameters: Any) -> Any:
        """Return the JSON at a path."""
        answer = await self.http.get(path, params=parameters or None)
        assert answer.status_code == 200, f"{self.name} {path}: {answer.text}"
        return answer.json()

    async def asset_ids(self) -> list[str]:
        """Return the ids of all assets, sorted."""
        ids: list[str] = []
        while True:
            page = await self.get("/api/assets", offset=len(ids), limit=_PAGE)
            ids += [item["id"] for item in page["items"]]
            if not page["items"]:
                return sorted(ids)

    def require_running(self) -> None:
        """Fail if it ended by itself."""
        assert self.process is not None
        assert self.process.returncode is None, f"{self.name} ended by itself:\n{self.said()}"

    def said(self) -> str:
        """Return the end of what it complained of."""
        return self._errors.read_text()[-6000:]

    @property
    def _errors(self) -> Path:
        return self.folder.with_suffix(".errors")


@dataclass
class Told:
    """What clients were told.

    Attributes:
        assets: ids of uploads that were acknowledged.
        tags: asset and tag of changes that were acknowledged.
    """

    assets: set[str] = field(default_factory=set)
    tags: list[tuple[str, str]] = field(default_factory=list)
    acknowledged: int = 0
    refused: int = 0
    unknown: int = 0


class ArchiveWorld:
    """Three sites, each connected with both others."""

    def __init__(
        self, sites: Mapping[str, ArchiveSite], lines: Mapping[str, BadLine], chance: Random
    ) -> None:
        self.sites = sites
        self.told = Told()
        self.kills = 0
        self._lines = lines
        self._chance = chance
        self._known: dict[str, list[str]] = {name: [] for name in sites}
        self._tags = 0
        self._disturbed = False

    @classmethod
    @asynccontextmanager
    async def open(cls, folder: Path, names: tuple[str, ...], seed: int) -> AsyncIterator[Any]:
        """Make, serve and join all sites; no process is left behind."""
        chance = Random(seed)  # noqa: S311 (repeatable)
        sites: dict[str, ArchiveSite] = {}
        lines: dict[str, BadLine] = {}
        async with AsyncExitStack() as stack:
            for name, port in zip(names, free_ports(len(names)), strict=True):
                drawn = Random(chance.random())  # noqa: S311 (repeatable)
                lines[name] = await stack.enter_async_context(BadLine(port, chance=drawn))
                http = httpx.AsyncClient(
                    base_url=f"http://127.0.0.1:{port}", timeout=20.0, trust_env=False
                )
                await stack.enter_async_context(http)
                sites[name] = ArchiveSite(name, folder / name, port, http)
                await asyncio.to_thread(_make, folder / name, name, lines[name].url)
                stack.push_async_callback(_end, sites[name])
            await asyncio.gather(*(site.start() for site in sites.values()))
            await asyncio.to_thread(_join, list(sites.values()))
            yield cls(sites, lines, chance)

    async def disturb(
        self, pictures: list[bytes], *, rounds: int, length_s: float, kill: float
    ) -> None:
        """Upload and change at all sites, in rounds of trouble, until all pictures went out."""
        waiting = asyncio.Queue[bytes]()
        for picture in pictures:
            waiting.put_nowait(picture)
        async with asyncio.TaskGroup() as group:
            for site in self.sites.values():
                group.create_task(self._work(site, waiting))
            for _ in range(rounds):
                await self._round(length_s, kill)
            self._disturbed = True
        for line in self._lines.values():
            line.change(GOOD)

    async def settled(self, *, limit_s: float) -> dict[str, dict[str, Any]]:
        """Wait until all sites show the same; return that, by asset."""
        shown: dict[str, Any] = {}
        try:
            async with asyncio.timeout(limit_s):
                while True:
                    shown = {name: await self._shown(site) for name, site in self.sites.items()}
                    first = next(iter(shown.values()))
                    if first is not None and all(each == first for each in shown.values()):
                        result: dict[str, dict[str, Any]] = first
                        return result
                    await asyncio.sleep(0.5)
        except TimeoutError:
            raise AssertionError(f"differ {limit_s} s after healing: {_differ(shown)}") from None

    async def stop(self) -> None:
        """End all sites well."""
        await asyncio.gather(*(site.stop() for site in self.sites.values()))

    async def _shown(self, site: ArchiveSite) -> dict[str, Any] | None:
        """Return all that a site shows, None while it still works on that."""
        site.require_running()
        status = await site.get("/api/site")
        if not status["settled"]:
            return None
        overview = await site.get("/api/sites")
        if overview["blobs"]["waiting"]:
            return None
        ids = await site.asset_ids()
        return {each: await site.get(f"/api/assets/{each}") for each in ids}

    async def _round(self, length_s: float, kill: float) -> None:
        parted = self._chance.choice(list(self.sites)) if self._chance.random() < 0.3 else None
        for name, line in self._lines.items():
            line.change(PARTED if name == parted else self._bad())
        async with asyncio.TaskGroup() as group:
            for site in self.sites.values():
                if self._chance.random() < kill:
                    group.create_task(self._kill(site, self._chance.uniform(0.0, length_s)))
            await asyncio.sleep(length_s)
            for line in self._lines.values():
                if self._chance.random() < 0.3:
                    line.break_connections()

    def _bad(self) -> LineQuality:
        return LineQuality(
            delay_s=self._chance.uniform(0.0, 0.05),
            jitter_s=self._chance.uniform(0.0, 0.05),
            loss=self._chance.uniform(0.0, 0.1),
            breaks=self._chance.uniform(0.0, 0.02),
            bytes_per_s=self._chance.choice((None, 300_000.0)),
        )

    async def _kill(self, site: ArchiveSite, after_s: float) -> None:
        await asyncio.sleep(after_s)
        site.require_running()
        await site.kill()
        self.kills += 1
        await site.start()

    async def _work(self, site: ArchiveSite, waiting: asyncio.Queue[bytes]) -> None:
        while not (self._disturbed and waiting.empty()):
            await asyncio.sleep(self._chance.uniform(0.0, 0.2))
            if self._known[site.name] and self._chance.random() < 0.85:
                await self._change(site)
            elif not waiting.empty():
                content = waiting.get_nowait()
                if not await self._upload(site, content):
                    waiting.put_nowait(content)  # a person tries again, here or at another site

    async def _upload(self, site: ArchiveSite, content: bytes) -> bool:
        answer = await self._asked(
            site.http.post("/api/assets", params={"filename": "picture.jpg"}, content=content)
        )
        if answer is None:
            return False
        asset_id = answer["id"]
        self.told.assets.add(asset_id)
        self._known[site.name].append(asset_id)
        return True

    async def _change(self, site: ArchiveSite) -> None:
        asset_id = self._chance.choice(self._known[site.name])
        self._tags += 1
        tag = f"tag {self._tags}"
        wanted: dict[str, Any] = {"by": site.name, "add_tags": [tag]}
        if self._chance.random() < 0.5:
            wanted["set"] = {"title": f"{site.name} {self._tags}"}
        if await self._asked(site.http.patch(f"/api/assets/{asset_id}", json=wanted)) is not None:
            self.told.tags.append((asset_id, tag))

    async def _asked(self, asking: Any) -> Any:
        try:
            answer = await asking
        except httpx.ConnectError:
            self.told.refused += 1
            return None
        except httpx.HTTPError:
            self.told.unknown += 1
            return None
        if answer.status_code >= 400:
            assert answer.status_code < 500 or answer.status_code == 503, answer.text
            self.told.refused += 1
            return None
        self.told.acknowledged += 1
        return answer.json()


def _make(folder: Path, name: str, url: str) -> None:
    run_museion("init", folder, "--name", name)
    with (folder / "museion.toml").open("a") as settings:
        settings.write(f'\nurl = "{url}"\nworkers = 1\n')


def _join(sites: list[ArchiveSite]) -> None:
    first, *others = sites
    for site in others:
        made = run_museion("sites", "invite", "--json", "--site", first.folder)
        run_museion("sites", "join", json.loads(made.out)["code"], "--site", site.folder)


async def _end(site: ArchiveSite) -> None:
    if site.process is not None and site.process.returncode is None:
        await site.kill()


def _differ(shown: Mapping[str, dict[str, Any] | None]) -> str:
    if any(each is None for each in shown.values()):
        return f"not at rest: {[name for name, each in shown.items() if each is None]}"
    (first_name, first), *others = ((name, each or {}) for name, each in shown.items())
    for name, other in others:
        if first.keys() != other.keys():
            return f"{first_name} has {len(first)} assets, {name} {len(other)}"
        for asset_id, asset in first.items():
            parts = [key for key in asset if asset[key] != other[asset_id].get(key)]
            if parts:
                part = parts[0]
                return (
                    f"{asset_id}: {parts}; {part} is {asset[part]!r} at {first_name},"
                    f" {other[asset_id].get(part)!r} at {name}"
                )
    return "the sites agree now"
