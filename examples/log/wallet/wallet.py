"""The wallet: one player's money in one currency, and the only place that decides about it.

Each command takes a key that the client has chosen. Repeated with the same key, a command does
nothing and returns the event of the first time, so a client whose connection broke asks again.
Commands of one wallet run one after the other; that is why nothing can be spent twice.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from museion.log import command
from museion.log.sourced.delivery.deliveries import Deliveries, DeliveryPolicy, Destination
from wallet import ledger
from wallet.events import (
    NO_LIMITS,
    Deposited,
    Excluded,
    HoldCommitted,
    HoldReleased,
    Limits,
    LimitsSet,
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
from wallet.money import CurrencyMismatch, Money, require_currency
from wallet.refusals import (
    AlreadyOpen,
    ExclusionShortened,
    InsufficientFunds,
    KeyReused,
    LimitExceeded,
    NoSuchHold,
    NoSuchTransfer,
    NotAnAmount,
    NotOpen,
    NotReversible,
    PlayerExcluded,
    SameWallet,
)
from wallet.state import DAY_MS, Balance, Hold, TransferOrder, WalletState

E = TypeVar("E", bound=WalletEvent)
Reversible = Deposited | Withdrawn | HoldCommitted


class Wallet(WalletState, name="wallet", transient=("clock_ms", "transfers")):
    """See the module. Commands that take an amount refuse other currencies and what is not above 0.

    Args:
        clock_ms: the wall clock that decisions go by, milliseconds since 1970 UTC.
        transfers: carries out the second leg of transfers.
        policy: when that is tried again.
    """

    def __init__(
        self,
        clock_ms: Callable[[], int],
        transfers: Destination[TransferOrder],
        policy: DeliveryPolicy | None = None,
    ) -> None:
        self.clock_ms = clock_ms
        self.transfers = transfers
        self.deliveries = self.use(Deliveries(transfers, policy=policy))

    # The player

    @command
    async def open(self, key: str, currency: str, limits: Limits = NO_LIMITS) -> Opened:
        """Open the wallet."""
        if earlier := self._earlier(Opened, key, currency=currency, limits=limits):
            return earlier
        if self.currency is not None:
            raise AlreadyOpen(self.id)
        require_currency(currency)
        return await self._record(Opened(key, await self._decide(), currency, limits))

    @command
    async def set_limits(self, key: str, limits: Limits) -> LimitsSet:
        """Set limits for the stakes from now on."""
        if earlier := self._earlier(LimitsSet, key, limits=limits):
            return earlier
        self._require_open()
        return await self._record(LimitsSet(key, await self._decide(), limits))

    @command
    async def exclude(self, key: str, until_ms: int) -> Excluded:
        """Take no stakes and no money of this player until then; he can withdraw all the same."""
        if earlier := self._earlier(Excluded, key, until_ms=until_ms):
            return earlier
        self._require_open()
        if until_ms < self.excluded_until_ms:
            raise ExclusionShortened(self.excluded_until_ms)
        return await self._record(Excluded(key, await self._decide(), until_ms))

    @command
    async def balance(self) -> Balance:
        """Return what is free and what is set aside."""
        self._require_open()
        await self._decide()
        held = sum(hold.amount.minor for hold in self.holds.values())
        return Balance(self._money(self.available), self._money(held))

    # Money in and out

    @command
    async def deposit(self, key: str, amount: Money) -> Deposited:
        """Take money from outside."""
        if earlier := self._earlier(Deposited, key, amount=amount):
            return earlier
        self._require_amount(amount)
        now_ms = await self._decide()
        self._require_admitted(now_ms)
        return await self._record(Deposited(key, now_ms, amount))

    @command
    async def withdraw(self, key: str, amount: Money) -> Withdrawn:
        """Pay money out."""
        if earlier := self._earlier(Withdrawn, key, amount=amount):
            return earlier
        self._require_amount(amount)
        now_ms = await self._decide()
        self._require_available(amount)
        return await self._record(Withdrawn(key, now_ms, amount))

    @command
    async def reverse(self, key: str, reversed_key: str) -> Reversed:
        """Take back a deposit, a withdrawal or a committed hold, once, by an opposite move."""
        if earlier := self._earlier(Reversed, key, reversed_key=reversed_key):
            return earlier
        move = self.receipts.get(reversed_key)
        if not isinstance(move, Reversible) or reversed_key in self.reversed_keys:
            raise NotReversible(reversed_key)
        now_ms = await self._decide()
        if isinstance(move, Deposited):
            self._require_available(move.amount)
        return await self._record(self._opposite(move, key, now_ms))

    # Stakes

    @command
    async def reserve(self, key: str, amount: Money, *, lasts_ms: int) -> Reserved:
        """Set a stake aside, within the player's limits; the key names the hold."""
        if earlier := self._earlier(Reserved, key, amount=amount, lasts_ms=lasts_ms):
            return earlier
        self._require_amount(amount)
        if lasts_ms <= 0:
            raise NotAnAmount(lasts_ms)
        now_ms = await self._decide()
        self._require_admitted(now_ms)
        self._require_within_limits(amount, now_ms)
        self._require_available(amount)
        return await self._record(Reserved(key, now_ms, amount, lasts_ms))

    @command
    async def commit_hold(self, key: str, hold: str) -> HoldCommitted:
        """Give to the house what was set aside."""
        if earlier := self._earlier(HoldCommitted, key, hold=hold):
            return earlier
        now_ms = await self._decide()
        return await self._record(HoldCommitted(key, now_ms, self._hold(hold).amount, hold))

    @command
    async def release_hold(self, key: str, hold: str) -> HoldReleased:
        """Give back to the player what was set aside."""
        if earlier := self._earlier(HoldReleased, key, hold=hold):
            return earlier
        now_ms = await self._decide()
        return await self._record(HoldReleased(key, now_ms, self._hold(hold).amount, hold))

    @command
    async def release_expired(self) -> None:
        """Release what has expired, as every other command does too; for a timer."""
        await self._decide()

    # Transfers

    @command
    async def transfer(self, key: str, amount: Money, *, to: str) -> TransferSent:
        """Send money to another wallet. It has left when this returns; see `outcome`."""
        if earlier := self._earlier(TransferSent, key, amount=amount, to=to):
            return earlier
        if to == self.id:
            raise SameWallet(to)
        self._require_amount(amount)
        self.deliveries.require_room()
        now_ms = await self._decide()
        self._require_available(amount)
        return await self._record(TransferSent(key, now_ms, amount, to))

    @command
    async def outcome(self, key: str) -> TransferCompleted | TransferReturned:
        """Wait until a transfer from here has ended, and return how."""
        if key in self.under_way:
            self.stash()
        if key not in self.ended:
            raise NoSuchTransfer(key)
        return self.ended[key]

    @command
    async def receive(self, key: str, amount: Money, *, sender: str) -> None:
        """Take the second leg of a transfer. For `Transfers` only: it answers a `TransferSent`."""
        if key in self.received.get(sender, ()):
            return
        self._require_amount(amount)
        now_ms = await self._decide()
        self._require_admitted(now_ms)
        await self._record(TransferReceived(key, now_ms, amount, sender))

    @command
    async def settle(self, key: str, *, refused: str | None) -> None:
        """End a transfer from here: its second leg is written, or refused. For `Transfers` only."""
        sent = self.under_way.get(key)
        if sent is None:
            return
        now_ms = await self._decide()
        end: TransferCompleted | TransferReturned = TransferCompleted(key, now_ms)
        if refused is not None:
            end = TransferReturned(key, now_ms, sent.amount, refused)
        await self.deliveries.persist_confirmation(end, key)
        self.unstash_all()

    # How

    def _earlier(self, kind: type[E], key: str, **asked: object) -> E | None:
        """Return what a request with this key has led to; None when it comes for the first time."""
        earlier = self.receipts.get(key)
        if earlier is None:
            return None
        if not isinstance(earlier, kind):
            raise KeyReused(key)
        if any(getattr(earlier, name) != value for name, value in asked.items()):
            raise KeyReused(key)
        return earlier

    async def _decide(self) -> int:
        """Return the time that a decision is taken at; holds that expired by then are released."""
        now_ms = max(self.clock_ms(), self.last_at_ms)
        expired = [
            HoldReleased(name, now_ms, hold.amount, name, expired=True)
            for name, hold in self.holds.items()
            if hold.expires_at_ms <= now_ms
        ]
        await self.persist(*expired)
        return now_ms

    async def _record(self, event: E) -> E:
        await self.persist(event)
        return event

    def _opposite(self, move: Reversible, key: str, at_ms: int) -> Reversed:
        done = ledger.entry(self.id, move)
        # What was set aside comes back as free money: the bet that it was for is over.
        to = ledger.free(self.id) if isinstance(move, HoldCommitted) else done.debited
        return Reversed(key, at_ms, move.amount, move.key, done.credited, to)

    def _money(self, minor: int) -> Money:
        return Money(minor, self._require_open())

    def _hold(self, name: str) -> Hold:
        if name not in self.holds:
            raise NoSuchHold(name)
        return self.holds[name]

    def _require_open(self) -> str:
        if self.currency is None:
            raise NotOpen(self.id)
        return self.currency

    def _require_amount(self, amount: Money) -> None:
        if amount.currency != self._require_open():
            raise CurrencyMismatch(self._require_open(), amount.currency)
        if amount.minor <= 0:
            raise NotAnAmount(amount)

    def _require_available(self, amount: Money) -> None:
        available = self._money(self.available)
        if available < amount:
            raise InsufficientFunds(self.id, available=available, wanted=amount)

    def _require_admitted(self, now_ms: int) -> None:
        if now_ms < self.excluded_until_ms:
            raise PlayerExcluded(self.id, self.excluded_until_ms)

    def _require_within_limits(self, stake: Money, now_ms: int) -> None:
        today = self.stakes if self.stakes_day == now_ms // DAY_MS else 0
        per_day = self.limits.per_day
        left_today = None if per_day is None else max(0, per_day - today)
        for name, allowed in (("per stake", self.limits.per_stake), ("per day", left_today)):
            if allowed is not None and stake.minor > allowed:
                raise LimitExceeded(name, allowed=self._money(allowed), wanted=stake)
