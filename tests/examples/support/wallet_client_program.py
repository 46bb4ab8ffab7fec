"""A client that opens wallets and sends one transfer, in a process that dies at one write.

    wallet_client_program.py LOG accepted|refused NUMBER before|after

It dies before or after the write of this number, counted from 1. All its keys are fixed, so it can
be run again on the same log, as a client does that has not heard an answer.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from wallet.demo import Clock
from wallet.money import Money
from wallet.transfers import wallets_on

from museion.log import EventLog, LmdbEventStore, WriteBatch

DIED = 9


class DyingStore(LmdbEventStore):
    """Ends the process at one of its writes."""

    def __init__(self, path: Path, *, writes_left: int, before: bool) -> None:
        super().__init__(path)
        self._writes_left = writes_left
        self._before = before

    def write(self, batch: WriteBatch) -> None:
        """Write, or die before or after it."""
        self._writes_left -= 1
        if self._writes_left == 0 and self._before:
            os._exit(DIED)
        super().write(batch)
        if self._writes_left == 0:
            os._exit(DIED)


async def main(folder: Path, *, accepted: bool, writes_left: int, before: bool) -> None:
    """Do what the client does."""
    store = DyingStore(folder, writes_left=writes_left, before=before)
    async with EventLog(store) as log, wallets_on(log, clock_ms=Clock()) as wallets:
        anna = await wallets.get("anna")
        await anna.open("open", "EUR")
        if accepted:
            await (await wallets.get("bert")).open("open", "EUR")
        await anna.deposit("deposit", Money(100_00, "EUR"))
        await anna.transfer("transfer", Money(30_00, "EUR"), to="bert")
        sys.stdout.write(type(await anna.outcome("transfer")).__name__)


if __name__ == "__main__":
    _, where, how, number, when = sys.argv
    asyncio.run(
        main(
            Path(where),
            accepted=how == "accepted",
            writes_left=int(number),
            before=when == "before",
        )
    )
