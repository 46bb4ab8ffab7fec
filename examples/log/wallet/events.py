"""What can happen to a wallet. Each event says when it was decided and which client key asked.

`Move` are the events that move money; `ledger.entry` says from where to where. They are tagged too,
because a wallet's snapshot keeps some of them as receipts.
"""

from __future__ import annotations

import msgspec

from museion.log import EventTypes, event_type
from wallet.money import Money


class Limits(msgspec.Struct, frozen=True):
    """How much a player may stake, in minor units of the wallet's currency; None for any amount.

    Attributes:
        per_stake: the largest single reservation.
        per_day: all reservations of one day (UTC), less those released on the same day.
    """

    per_stake: int | None = None
    per_day: int | None = None


NO_LIMITS = Limits()


class _Fact(msgspec.Struct, frozen=True):
    """Base of the events.

    Attributes:
        key: of the client's request that it belongs to; a repetition has the same one.
        at_ms: when it was decided, milliseconds since 1970 UTC; never falls within one wallet.
    """

    key: str
    at_ms: int


class _Move(_Fact, frozen=True):
    """Base of the events that move money."""

    amount: Money


@event_type("wallet.opened")
class Opened(_Fact, frozen=True, tag="opened"):
    """A player has a wallet, in one currency."""

    currency: str
    limits: Limits


@event_type("wallet.limits-set")
class LimitsSet(_Fact, frozen=True, tag="limits-set"):
    """The player set limits to the stakes."""

    limits: Limits


@event_type("wallet.excluded")
class Excluded(_Fact, frozen=True, tag="excluded"):
    """The player shut himself out until a point in time."""

    until_ms: int


@event_type("wallet.deposited")
class Deposited(_Move, frozen=True, tag="deposited"):
    """Money came from outside."""


@event_type("wallet.withdrawn")
class Withdrawn(_Move, frozen=True, tag="withdrawn"):
    """Money went outside."""


@event_type("wallet.reserved")
class Reserved(_Move, frozen=True, tag="reserved"):
    """Money is set aside for a stake, for so long; its key names the hold."""

    lasts_ms: int


@event_type("wallet.hold-committed")
class HoldCommitted(_Move, frozen=True, tag="hold-committed"):
    """The stake is played: what was set aside belongs to the house."""

    hold: str


@event_type("wallet.hold-released")
class HoldReleased(_Move, frozen=True, tag="hold-released"):
    """What was set aside is free again, because somebody asked for it or because it expired."""

    hold: str
    expired: bool = False


@event_type("wallet.transfer-sent")
class TransferSent(_Move, frozen=True, tag="transfer-sent"):
    """First leg of a transfer: the money has left, and is under way to another wallet."""

    to: str


@event_type("wallet.transfer-received")
class TransferReceived(_Move, frozen=True, tag="transfer-received"):
    """Second leg of a transfer: the money has come; the key is unique for each sender."""

    sender: str


@event_type("wallet.transfer-completed")
class TransferCompleted(_Fact, frozen=True, tag="transfer-completed"):
    """The sender knows that the second leg is written."""


@event_type("wallet.transfer-returned")
class TransferReturned(_Move, frozen=True, tag="transfer-returned"):
    """Compensation: the other wallet refused, so the money came back."""

    reason: str


@event_type("wallet.reversed")
class Reversed(_Move, frozen=True, tag="reversed"):
    """An earlier move was taken back by an opposite one; nothing is ever struck out."""

    reversed_key: str
    debited: str
    credited: str


Move = (
    Deposited
    | Withdrawn
    | Reserved
    | HoldCommitted
    | HoldReleased
    | TransferSent
    | TransferReceived
    | TransferReturned
    | Reversed
)
WalletEvent = Move | Opened | LimitsSet | Excluded | TransferCompleted

WALLET_EVENTS = EventTypes(
    Opened,
    LimitsSet,
    Excluded,
    Deposited,
    Withdrawn,
    Reserved,
    HoldCommitted,
    HoldReleased,
    TransferSent,
    TransferReceived,
    TransferCompleted,
    TransferReturned,
    Reversed,
)
