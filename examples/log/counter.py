"""The smallest event-sourced program: a counter whose value is the sum of its events.

It shows an aggregate in ten lines, and that its state is never stored: each run of the program
replays the events. Nothing but `pip install museion` is needed.

    python examples/log/counter.py --log clicks.log add 3
    python examples/log/counter.py --log clicks.log add 4
    python examples/log/counter.py --log clicks.log show
    museion log tail --log clicks.log
"""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

import msgspec

from museion.log import (
    Aggregate,
    Aggregates,
    EventLog,
    LmdbEventStore,
    command,
    event_type,
    handles,
)


@event_type("counter.increased")
class Increased(msgspec.Struct, frozen=True):
    """The counter went up, or down where the number is negative."""

    by: int


class Counter(Aggregate, name="counter"):
    """A number that is changed by commands."""

    value = 0

    @command
    async def add(self, number: int) -> int:
        """Add a number and return the new value."""
        await self.persist(Increased(number))
        return self.value

    @command
    async def show(self) -> int:
        """Return the value."""
        return self.value

    @handles
    def _increased(self, event: Increased) -> None:
        self.value += event.by


async def run(folder: Path, name: str, number: int | None) -> int:
    """Add a number to the counter of this name, or only look when there is none."""
    async with EventLog(LmdbEventStore(folder)) as log, Aggregates(log, Counter) as counters:
        counter = await counters.get(name)
        return await counter.show() if number is None else await counter.add(number)


def main() -> None:
    """Read the command line and print the value of the counter."""
    parser = argparse.ArgumentParser(description="A counter that lives in a log of events.")
    parser.add_argument("--log", type=Path, required=True, help="folder of the log")
    parser.add_argument("--name", default="clicks", help="which counter (%(default)s)")
    what = parser.add_subparsers(dest="what", required=True)
    what.add_parser("add", help="add a number").add_argument("number", type=int)
    what.add_parser("show", help="show the value")
    arguments = parser.parse_args()
    print(asyncio.run(run(arguments.log, arguments.name, getattr(arguments, "number", None))))


if __name__ == "__main__":
    main()
