"""The prompt of `python examples/log/orders --interactive`."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Awaitable, Callable, Sequence

from museion.base.errors import InvalidInput, MuseionError
from museion.log import VectorTime
from orders.sites import Shop, Site, printed

HELP = """\
  at lisbon|oslo        work at this site
  new ORDER             create an order; this site owns it
  add ORDER ITEM        add an item
  remove ORDER ITEM     remove an item
  show ORDER            show the order as this site knows it
  cut / heal            cut or mend the line between the sites
  resolve ORDER N       select version N
  merge ORDER N M ...   merge these versions
  quit"""

Words = Sequence[str]


class NotUnderstood(InvalidInput):
    """A line that is no command."""

    def __init__(self, line: str) -> None:
        super().__init__(f"{line!r} is no command.", remedy="`help` lists them.")


class NoSuchVersion(InvalidInput):
    """A number that no version on the screen has."""

    def __init__(self, number: str, count: int) -> None:
        super().__init__(f"Expected a version from 1 to {count}, got {number!r}.")


class Prompt:
    """Carries out what somebody types, at one of the sites at a time."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._site: Site = shop.lisbon
        self._commands: dict[tuple[str, int], Callable[[Words], Awaitable[None]]] = {
            ("at", 1): self._at,
            ("new", 1): self._new,
            ("add", 2): self._add,
            ("remove", 2): self._remove,
            ("show", 1): self._show,
            ("cut", 0): self._cut,
            ("heal", 0): self._heal,
            ("resolve", 2): self._resolve,
        }

    async def run(self) -> None:
        """Read and carry out lines until `quit` or the end of the input."""
        print(HELP)
        while True:
            line = "" if self._shop.joined else " (cut off)"
            try:
                typed = await asyncio.to_thread(input, f"{self._site.name}{line}> ")
            except EOFError:
                return
            if typed.strip() == "quit":
                return
            await self._carry_out(typed)

    async def _carry_out(self, line: str) -> None:
        try:
            words = shlex.split(line)
            if words == ["help"]:
                print(HELP)
            elif words:
                await self._find(line, words)(words[1:])
        except (MuseionError, ValueError) as refusal:
            print(f"  {refusal}")

    def _find(self, line: str, words: Words) -> Callable[[Words], Awaitable[None]]:
        if words[0] == "merge" and len(words) > 3:
            return self._merge
        found = self._commands.get((words[0], len(words) - 1))
        if found is None:
            raise NotUnderstood(line)
        return found

    async def _at(self, words: Words) -> None:
        if words[0] not in self._shop.sites:
            raise NotUnderstood(f"at {words[0]}")
        self._site = self._shop.sites[words[0]]

    async def _new(self, words: Words) -> None:
        await self._site.order(words[0]).create(self._site.person)
        await self._show(words)

    async def _add(self, words: Words) -> None:
        await self._site.order(words[0]).add(words[1], self._site.person)
        await self._show(words)

    async def _remove(self, words: Words) -> None:
        await self._site.order(words[0]).remove(words[1], self._site.person)
        await self._show(words)

    async def _cut(self, _: Words) -> None:
        await self._shop.cut()

    async def _heal(self, _: Words) -> None:
        await self._shop.heal()

    async def _resolve(self, words: Words) -> None:
        (selected,) = await self._names(words[0], words[1:])
        await self._site.order(words[0]).resolve(selected, self._site.person)
        await self._show(words)

    async def _merge(self, words: Words) -> None:
        selected = await self._names(words[0], words[1:])
        await self._site.order(words[0]).merge(selected, self._site.person)
        await self._show(words)

    async def _show(self, words: Words) -> None:
        await self._shop.settle(words[0])
        versions = await self._site.versions(words[0])
        print(printed(versions))
        if len(versions) > 1:
            owner = await self._site.order(words[0]).owner()
            print(f"  A conflict: {owner} may `resolve` or `merge`.")

    async def _names(self, order_id: str, numbers: Words) -> tuple[VectorTime, ...]:
        versions = await self._site.versions(order_id)
        for number in numbers:
            if not (number.isdecimal() and 1 <= int(number) <= len(versions)):
                raise NoSuchVersion(number, len(versions))
        return tuple(versions[int(number) - 1].vector_timestamp for number in numbers)
