"""A receiver that tells what it has seen, so that a message delivered twice has its effect once."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Generic, Protocol

from museion.log.sourced.delivery.redelivery import Delivery, DeliveryKey, M

__all__ = ["Idempotent", "MemorySeenKeys", "SeenKeys"]


class SeenKeys(Protocol):
    """Remembers the keys of messages, for each sender."""

    async def seen(self, sender: str, key: DeliveryKey) -> bool:
        """Tell whether a key was remembered."""

    async def remember(self, sender: str, key: DeliveryKey) -> None:
        """Keep a key, as durably as the effect of its message."""


class MemorySeenKeys:
    """Remembers the latest keys, as long as the process lives.

    Args:
        max_keys: for all senders together; beyond, the oldest are forgotten, so it should be well
            above the number of messages that can be unconfirmed at a time.
    """

    def __init__(self, max_keys: int = 100_000) -> None:
        self._max_keys = max_keys
        self._keys: OrderedDict[tuple[str, DeliveryKey], None] = OrderedDict()

    async def seen(self, sender: str, key: DeliveryKey) -> bool:
        """Tell whether a key is among those remembered."""
        return (sender, key) in self._keys

    async def remember(self, sender: str, key: DeliveryKey) -> None:
        """Keep a key, and forget the oldest where there are too many."""
        self._keys[sender, key] = None
        if len(self._keys) > self._max_keys:
            self._keys.popitem(last=False)


class Idempotent(Generic[M]):
    """Hands on each message once, and confirms the others without any effect; a `Destination.send`.

    A crash between the effect and `SeenKeys.remember` still doubles the effect. Where that must not
    be, the handler keeps the key in the transaction of its effect, and refuses there.

    Args:
        store: of keys, (sequence number, index) for each sender.
        handle: has the effect; the key is remembered when it returns.
    """

    def __init__(self, store: SeenKeys, handle: Callable[[Delivery[M]], Awaitable[object]]) -> None:
        self._store = store
        self._handle = handle
        self._one_at_a_time = asyncio.Lock()

    async def __call__(self, delivery: Delivery[M]) -> bool:
        """Handle a message; false when its key was seen already and nothing was done.

        Raises:
            Exception: what the handler raised; the key is not remembered.
        """
        async with self._one_at_a_time:
            if await self._store.seen(delivery.sender, delivery.key):
                return False
            await self._handle(delivery)
            await self._store.remember(delivery.sender, delivery.key)
            return True
