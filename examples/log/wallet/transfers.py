"""Transfers between wallets: a saga over two aggregates, with compensation.

    sender:    TransferSent ─────────────────────────▶ TransferCompleted
                     │   confirmed delivery      ▲  or TransferReturned (compensation)
    receiver:        └──▶ TransferReceived ──────┘

The sending wallet is its own coordinator. `TransferSent` takes the money out and at the same time
says that a second leg is due; it stays due until the wallet's own `TransferCompleted` or
`TransferReturned` is in the log. In between a crash can come at any point:

- before the second leg is written: it is tried again, under the same key;
- after it: it is tried again, and the receiver, who knows the key, does nothing;
- the receiver refuses: the sender takes the money back, once, because only a transfer that is
  under way can be settled.

Confirmed delivery fits better here than the two other ways that the toolkit has. Persist-on-event
would let the receiver answer within an event handler: it could not refuse as a command does, and
both wallets would have to be loaded to react. A stateful processor would be one place that all
transfers pass through, and it cannot ask a wallet anything. A delivery asks a wallet, which loads
it; it is retried by a policy; and what fails too often is parked in plain sight.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from museion.base.errors import Conflict, InvalidInput, NotFound
from museion.log import Aggregates, EventLog, Retention, SnapshotStore, View, handles, running
from museion.log.sourced.delivery.deliveries import Delivery, DeliveryPolicy, Destination
from wallet.events import TransferCompleted, TransferReceived, TransferReturned, TransferSent
from wallet.state import TransferOrder
from wallet.wallet import Wallet

POLICY = DeliveryPolicy(first_delay_s=0.2, longest_delay_s=30.0)


class Transfers:
    """Carries out the second leg of transfers, and tells the sender how it went.

    What is refused is compensated. What is unavailable, or fails in a way nobody foresaw, raises:
    then the delivery is tried again, and the money stays in transit meanwhile.

    Args:
        wallet: returns a wallet by its id.
    """

    def __init__(self, wallet: Callable[[str], Wallet]) -> None:
        self.destination = Destination("transfers", TransferOrder, self._carry_out)
        self._wallet = wallet

    async def _carry_out(self, delivery: Delivery[TransferOrder]) -> None:
        order = delivery.message
        refused = None
        try:
            receiver = self._wallet(order.to)
            await receiver.receive(order.key, order.amount, sender=order.sender)
        except (Conflict, InvalidInput, NotFound) as refusal:
            refused = str(refusal)
        await self._wallet(order.sender).settle(order.key, refused=refused)


class OpenTransfers(View):
    """Who has sent money whose arrival, or return, is not settled; and where each leg stands."""

    under_way: dict[tuple[str, str], TransferSent]
    received: dict[tuple[str, str], int]
    ended: dict[tuple[str, str], TransferCompleted | TransferReturned]

    def __init__(self) -> None:
        self.under_way = {}
        self.received = {}
        self.ended = {}

    @property
    def senders(self) -> set[str]:
        """Wallets with something under way."""
        return {sender for sender, _ in self.under_way}

    @handles
    def _sent(self, event: TransferSent) -> None:
        self.under_way[self._wallet, event.key] = event

    @handles
    def _received(self, event: TransferReceived) -> None:
        transfer = (event.sender, event.key)
        self.received[transfer] = self.received.get(transfer, 0) + 1

    @handles
    def _ended(self, event: TransferCompleted | TransferReturned) -> None:
        self.ended[self._wallet, event.key] = event
        del self.under_way[self._wallet, event.key]

    @property
    def _wallet(self) -> str:
        return str(self.current.aggregate_id)


@asynccontextmanager
async def wallets_on(
    log: EventLog,
    *,
    clock_ms: Callable[[], int],
    policy: DeliveryPolicy = POLICY,
    snapshots: SnapshotStore | None = None,
) -> AsyncIterator[Aggregates[Wallet]]:
    """Run the wallets of a log, and go on with the transfers that a crash has interrupted.

    Args:
        clock_ms: the wall clock that decisions go by.
        policy: when the second leg of a transfer is tried again.
        snapshots: where wallets save their state every 1,000 events; None for not at all.
    """

    def wallet(name: str) -> Wallet:
        return wallets.handle(name)

    transfers = Transfers(wallet)
    async with Aggregates(
        log,
        Wallet,
        create=lambda: Wallet(clock_ms, transfers.destination, policy),
        snapshots=snapshots,
        retention=None if snapshots is None else Retention(every_events=1_000, keep=2),
    ) as wallets:
        async with running(OpenTransfers, log) as transfers_open:
            interrupted = transfers_open.senders
        for sender in interrupted:
            await wallets.get(sender)  # loaded, it delivers what is unconfirmed
        yield wallets
