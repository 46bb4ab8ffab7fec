"""Sites on one machine, each served by a process of its own, with lines between them to cut.

Other sites reach a site only through its line. The commands and requests of this program go to
the site itself, as those of people who sit beside it.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Self

import httpx

from museion.testing.bad_line import GOOD, PARTED, BadLine

_MUSEION = Path(sys.executable).with_name("museion")
_START_LIMIT_S = 60.0
_STOP_LIMIT_S = 20.0
_COMMAND_LIMIT_S = 300.0
_LOOK_S = 0.05


class DemoFailed(Exception):
    """What the demo waits for did not come, or a command failed."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a site lies, where it is served, and where the others reach it."""

    name: str
    folder: Path
    port: int
    line_port: int

    @property
    def url(self) -> str:
        """Address for people on this machine."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def line_url(self) -> str:
        """Address for the other sites."""
        return f"http://127.0.0.1:{self.line_port}"


class Sites:
    """Sites that are served while the context is open; made first where they are not there."""

    def __init__(self, places: Sequence[Place], lines: Sequence[BadLine]) -> None:
        self.places = {place.name: place for place in places}
        self._lines = lines
        self._http = httpx.AsyncClient(timeout=60.0, trust_env=False)

    @classmethod
    @asynccontextmanager
    async def open(cls, places: Sequence[Place]) -> AsyncIterator[Self]:
        """Serve the sites meanwhile.

        Raises:
            DemoFailed: one of them cannot be served; the message says why.
        """
        await asyncio.gather(*(_make(place) for place in places))
        chance = Random(0)  # noqa: S311 (of lines that lose nothing)
        async with AsyncExitStack() as stack:
            lines = [
                await stack.enter_async_context(
                    BadLine(place.port, chance=chance, port=place.line_port)
                )
                for place in places
            ]
            await asyncio.gather(*(stack.enter_async_context(_served(place)) for place in places))
            sites = cls(places, lines)
            stack.push_async_callback(sites._http.aclose)
            yield sites

    async def run(self, name: str, *arguments: object) -> list[dict[str, Any]]:
        """Run a command of `museion` on a site and return what it told as JSON.

        Raises:
            DemoFailed: it did not do what was asked.
        """
        place = self.places[name]
        said = await _museion(*arguments, "--site", place.folder, "--json")
        return [json.loads(line) for line in said.splitlines()]

    async def get(self, name: str, path: str, **parameters: Any) -> Any:
        """Return the JSON that a site answers at a path."""
        answer = await self._http.get(self.places[name].url + path, params=parameters)
        answer.raise_for_status()
        return answer.json()

    def cut(self) -> None:
        """Let nothing pass between the sites: each is alone now."""
        for line in self._lines:
            line.change(PARTED)

    def mend(self) -> None:
        """Let everything pass again."""
        for line in self._lines:
            line.change(GOOD)


async def wait_until(holds: Callable[[], Any], what: str, *, limit_s: float) -> float:
    """Wait until an awaited condition holds, and return how long that took, in seconds.

    Raises:
        DemoFailed: it did not within the limit.
    """
    clock = asyncio.get_running_loop().time
    begun_s = clock()
    while not await holds():
        if clock() - begun_s > limit_s:
            raise DemoFailed(f"Waited {limit_s:g} s in vain until {what}.")
        await asyncio.sleep(_LOOK_S)
    return clock() - begun_s


async def _make(place: Place) -> None:
    if (place.folder / "museion.toml").exists():
        return
    await _museion("init", place.folder, "--name", place.name)
    with (place.folder / "museion.toml").open("a", encoding="utf-8") as settings:
        settings.write(f'\nport = {place.port}\nurl = "{place.line_url}"\nworkers = 1\n')


async def _museion(*arguments: object) -> str:
    command = [str(_MUSEION), *map(str, arguments)]
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(_COMMAND_LIMIT_S):
        out, err = await process.communicate()
    if process.returncode:
        raise DemoFailed(f"museion {' '.join(command[1:])}: {err.decode().strip()}")
    return out.decode()


@asynccontextmanager
async def _served(place: Place) -> AsyncIterator[None]:
    with (place.folder / "serve.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(str(_MUSEION), "serve", "--json", "--site", str(place.folder)),
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
            start_new_session=True,  # Ctrl-C comes to this program, which ends the others
        )
    try:
        async with asyncio.timeout(_START_LIMIT_S):
            ready = await process.stdout.readline() if process.stdout else b""
        if not ready:
            reason = (place.folder / "serve.log").read_text("utf-8").strip()
            raise DemoFailed(f"{place.name} cannot be served: {reason}")
        yield
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
            try:
                async with asyncio.timeout(_STOP_LIMIT_S):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()
