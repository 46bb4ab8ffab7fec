"""An aggregate for tests that has parcels delivered, and a post office that can be steered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from museion.log.event_log import EventLog
from museion.log.event_types import event_type
from museion.log.snapshots import SnapshotStore
from museion.log.sourced.aggregate import Aggregate, command, handles
from museion.log.sourced.aggregates import Aggregates
from museion.log.sourced.delivery.deliveries import (
    Deliveries,
    Delivery,
    DeliveryPolicy,
    Destination,
    Unconfirmed,
    log_warning,
)

AT_ONCE = DeliveryPolicy(first_delay_s=0.0, longest_delay_s=0.0, park_after=1000, warn_after=1000)
LATER = DeliveryPolicy(first_delay_s=3600.0, longest_delay_s=3600.0)


class Parcel(msgspec.Struct, frozen=True):
    item: str


@event_type("test.ordered")
class Ordered(msgspec.Struct, frozen=True):
    items: tuple[str, ...]


@event_type("test.parcel-delivered")
class ParcelDelivered(msgspec.Struct, frozen=True):
    item: str


class PostOffice:
    """Takes parcels.

    Attributes:
        attempts: each delivery that came, in order.
        losses: how many of the next ones it loses, with an error.
        gate: open at first; a delivery waits for it.
    """

    def __init__(self) -> None:
        self.attempts: list[Delivery[Parcel]] = []
        self.losses = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, delivery: Delivery[Parcel]) -> None:
        self.attempts.append(delivery)
        await self.gate.wait()
        if self.losses:
            self.losses -= 1
            raise ConnectionError("the parcel is lost")

    @property
    def items(self) -> list[str]:
        return [delivery.message.item for delivery in self.attempts]


class Shop(Aggregate, name="shop", transient=("_post",)):
    """Ships what is ordered; each item once confirmed is noted."""

    delivered: tuple[str, ...] = ()

    def __init__(
        self,
        post: PostOffice,
        policy: DeliveryPolicy = AT_ONCE,
        *,
        confirms_itself: bool = True,
        confirms_by_returning: bool = True,
        warnings: list[Unconfirmed] | None = None,
    ) -> None:
        self._post = Destination("post", Parcel, post, confirms_by_returning)
        self.deliveries = self.use(
            Deliveries(
                self._post,
                policy=policy,
                confirmed=_delivered if confirms_itself else None,
                on_warning=log_warning if warnings is None else warnings.append,
            )
        )

    @command
    async def order(self, *items: str) -> None:
        self.deliveries.require_room(len(items))
        await self.persist(Ordered(items))

    @command
    async def order_unchecked(self, *items: str) -> None:
        await self.persist(Ordered(items))

    @command
    async def acknowledge(self, item: str) -> bool:
        written = await self.deliveries.persist_confirmation(ParcelDelivered(item), item)
        return written is not None

    @command
    async def look(self) -> tuple[str, ...]:
        return self.delivered

    @command
    async def unconfirmed(self) -> list[Unconfirmed]:
        return self.deliveries.unconfirmed

    @command
    async def parked(self) -> list[str]:
        return [each.delivery_id for each in self.deliveries.parked]

    @command
    async def redeliver(self) -> None:
        self.deliveries.redeliver()

    @command
    async def retry(self, item: str) -> None:
        self.deliveries.retry(item)

    @command
    async def drop(self, item: str) -> None:
        await self.deliveries.drop(item, ParcelDelivered("dropped"))

    @command
    async def deliver_in_command(self) -> None:
        self.deliveries.deliver("x", Parcel("x"), self._post)

    @command
    async def save(self) -> None:
        await self.save_snapshot()

    @handles
    def _ordered(self, event: Ordered) -> None:
        for item in event.items:
            self.deliveries.deliver(item, Parcel(item), self._post)

    @handles
    def _parcel_delivered(self, event: ParcelDelivered) -> None:
        self.delivered = (*self.delivered, event.item)


def _delivered(delivery: Delivery[Any]) -> ParcelDelivered:
    return ParcelDelivered(delivery.message.item)


@asynccontextmanager
async def shop(
    log: EventLog,
    post: PostOffice,
    policy: DeliveryPolicy = AT_ONCE,
    *,
    snapshots: SnapshotStore | None = None,
    confirms_itself: bool = True,
    confirms_by_returning: bool = True,
    warnings: list[Unconfirmed] | None = None,
) -> AsyncIterator[Shop]:
    """Run one shop; leaving it and entering it again recovers it."""

    def create() -> Shop:
        return Shop(
            post,
            policy,
            confirms_itself=confirms_itself,
            confirms_by_returning=confirms_by_returning,
            warnings=warnings,
        )

    async with Aggregates(log, Shop, create=create, snapshots=snapshots) as shops:
        yield await shops.get("corner")
