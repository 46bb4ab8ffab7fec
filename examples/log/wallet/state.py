"""What a wallet knows, folded from its events. Nothing is decided here."""

from __future__ import annotations

from dataclasses import field

import msgspec

from museion.log import Aggregate, handles
from museion.log.sourced.delivery.deliveries import Deliveries, Destination
from wallet import ledger
from wallet.events import (
    NO_LIMITS,
    Deposited,
    Excluded,
    HoldCommitted,
    HoldReleased,
    Limits,
    LimitsSet,
    Move,
    Opened,
    Reserved,
    Reversed,
    TransferCompleted,
    TransferReceived,
    TransferReturned,
    TransferSent,
    WalletEvent,
    Withdrawn,
)
from wallet.money import Money

DAY_MS = 86_400_000


class Hold(msgspec.Struct, frozen=True):
    """Money that is set aside until somebody decides, or until it expires."""

    amount: Money
    at_ms: int
    expires_at_ms: int


class Balance(msgspec.Struct, frozen=True):
    """What a player has: free to dispose of, and set aside."""

    available: Money
    held: Money


class TransferOrder(msgspec.Struct, frozen=True):
    """The second leg of a transfer that is still to be done."""

    key: str
    sender: str
    to: str
    amount: Money


class WalletState(Aggregate):
    """The state of one wallet. Amounts are minor units of its currency.

    Attributes:
        receipts: what was done, by client key; never forgotten.
        received: keys of the transfers that came, by sender.
        under_way: transfers from here whose end is not known.
        ended: how the others ended.
        deliveries: has the second legs of transfers done, again and again until they are.
    """

    currency: str | None = None
    available: int = 0
    limits: Limits = NO_LIMITS
    stakes_day: int = 0
    stakes: int = 0
    excluded_until_ms: int = 0
    last_at_ms: int = 0
    holds: dict[str, Hold] = field(default_factory=dict)
    receipts: dict[str, WalletEvent] = field(default_factory=dict)
    reversed_keys: set[str] = field(default_factory=set)
    received: dict[str, set[str]] = field(default_factory=dict)
    under_way: dict[str, TransferSent] = field(default_factory=dict)
    ended: dict[str, TransferCompleted | TransferReturned] = field(default_factory=dict)

    deliveries: Deliveries
    transfers: Destination[TransferOrder]

    @handles
    def _moved(self, event: Deposited | Withdrawn) -> None:
        self._book(event)
        self._keep(event)

    @handles
    def _opened(self, event: Opened) -> None:
        self._keep(event)
        self.currency = event.currency
        self.limits = event.limits

    @handles
    def _limits_set(self, event: LimitsSet) -> None:
        self._keep(event)
        self.limits = event.limits

    @handles
    def _excluded(self, event: Excluded) -> None:
        self._keep(event)
        self.excluded_until_ms = event.until_ms

    @handles
    def _reversed(self, event: Reversed) -> None:
        self._book(event)
        self._keep(event)
        self.reversed_keys.add(event.reversed_key)

    @handles
    def _reserved(self, event: Reserved) -> None:
        self._book(event)
        self._keep(event)
        self.holds[event.key] = Hold(event.amount, event.at_ms, event.at_ms + event.lasts_ms)
        self._stake(event.at_ms, event.amount.minor)

    @handles
    def _committed(self, event: HoldCommitted) -> None:
        self._book(event)
        self._keep(event)
        del self.holds[event.hold]

    @handles
    def _released(self, event: HoldReleased) -> None:
        self._book(event)
        if not event.expired:  # nobody has asked for that one, so there is no request
            self._keep(event)
        hold = self.holds.pop(event.hold)
        if hold.at_ms // DAY_MS == event.at_ms // DAY_MS:
            self._stake(event.at_ms, -event.amount.minor)

    @handles
    def _sent(self, event: TransferSent) -> None:
        self._book(event)
        self._keep(event)
        self.under_way[event.key] = event
        order = TransferOrder(event.key, self.id, event.to, event.amount)
        self.deliveries.deliver(event.key, order, self.transfers)

    @handles
    def _received(self, event: TransferReceived) -> None:
        self._book(event)
        self.received.setdefault(event.sender, set()).add(event.key)

    @handles
    def _completed(self, event: TransferCompleted) -> None:
        self._tick(event)
        self.ended[event.key] = event
        del self.under_way[event.key]

    @handles
    def _returned(self, event: TransferReturned) -> None:
        self._book(event)
        self.ended[event.key] = event
        del self.under_way[event.key]

    # How

    def _keep(self, event: WalletEvent) -> None:
        """Keep an event as the receipt of the request that led to it."""
        self.receipts[event.key] = event
        self._tick(event)

    def _book(self, event: Move) -> None:
        """Change what is free by what an event moves."""
        self.available += ledger.entry(self.id, event).change(ledger.free(self.id)).minor
        self._tick(event)

    def _tick(self, event: WalletEvent) -> None:
        self.last_at_ms = max(self.last_at_ms, event.at_ms)

    def _stake(self, at_ms: int, minor: int) -> None:
        """Count a stake among those of its day."""
        if self.stakes_day != at_ms // DAY_MS:
            self.stakes_day, self.stakes = at_ms // DAY_MS, 0
        self.stakes += minor
