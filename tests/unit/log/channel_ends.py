"""Ends of channels for tests: a receiver that can be steered, and ways to run a channel."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

from museion.log.sourced.delivery.redelivery import Delivery, Destination, OutboxPolicy

AT_ONCE = OutboxPolicy(
    redelivery_delay_s=0.0, restart_delay_s=0.0, max_redeliveries=1000, max_restarts=1000
)


class Receiver:
    """Takes texts.

    Attributes:
        attempts: each delivery that came, in order.
        losses: how many of the next ones fail.
        lost: texts that always fail.
        gate: open at first; a delivery waits for it.
    """

    def __init__(self) -> None:
        self.attempts: list[Delivery[str]] = []
        self.taken: list[str] = []
        self.losses = 0
        self.lost: set[str] = set()
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, delivery: Delivery[str]) -> None:
        self.attempts.append(delivery)
        await self.gate.wait()
        if self.losses or delivery.message in self.lost:
            self.losses = max(0, self.losses - 1)
            raise ConnectionError("the line is down")
        self.taken.append(delivery.message)

    @property
    def texts(self) -> list[str]:
        return [delivery.message for delivery in self.attempts]

    def destination(self, *, confirms_by_returning: bool = True) -> Destination[str]:
        return Destination("receiver", str, self, confirms_by_returning)


class Running(Protocol):
    async def run(self) -> None: ...

    def activate(self) -> None: ...


@asynccontextmanager
async def running(channel: Running, *, activate: bool = True) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(channel.run())
    if activate:
        channel.activate()
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait([task])
