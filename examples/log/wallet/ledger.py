"""Double entry: each move takes from one account what it gives to another.

So the sum of all accounts is zero in every currency, at any time, also while a transfer is under
way. The accounts are the two of each wallet (free and held), and three that the service has: what
came from `OUTSIDE`, what the `HOUSE` has won, and what is in `TRANSIT` between wallets.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import assert_never

from museion.log import View, handles
from wallet.events import (
    Deposited,
    HoldCommitted,
    HoldReleased,
    Move,
    Reserved,
    Reversed,
    TransferReceived,
    TransferReturned,
    TransferSent,
    Withdrawn,
)
from wallet.money import Money

OUTSIDE = "outside"
HOUSE = "house"
TRANSIT = "transit"


def free(wallet: str) -> str:
    """Return the account of what a player can dispose of."""
    return f"free:{wallet}"


def held(wallet: str) -> str:
    """Return the account of what is set aside for stakes."""
    return f"held:{wallet}"


@dataclass(frozen=True, slots=True)
class Entry:
    """One move of money: the same amount is taken from one account and given to another."""

    debited: str
    credited: str
    amount: Money

    def change(self, account: str) -> Money:
        """Return by how much an account has changed."""
        credit = self.amount.minor if account == self.credited else 0
        debit = self.amount.minor if account == self.debited else 0
        return Money(credit - debit, self.amount.currency)


def entry(wallet: str, event: Move) -> Entry:
    """Return where the money of a wallet's event came from and went to."""
    match event:
        case Deposited():
            accounts = (OUTSIDE, free(wallet))
        case Withdrawn():
            accounts = (free(wallet), OUTSIDE)
        case Reserved():
            accounts = (free(wallet), held(wallet))
        case HoldCommitted():
            accounts = (held(wallet), HOUSE)
        case HoldReleased():
            accounts = (held(wallet), free(wallet))
        case TransferSent():
            accounts = (free(wallet), TRANSIT)
        case TransferReceived() | TransferReturned():
            accounts = (TRANSIT, free(wallet))
        case Reversed():
            accounts = (event.debited, event.credited)
        case _:
            assert_never(event)
    return Entry(*accounts, event.amount)


class Ledger(View):
    """The balances of all accounts of all wallets, in minor units by currency."""

    balances: dict[tuple[str, str], int]

    def __init__(self) -> None:
        self.balances = defaultdict(int)

    @handles
    def _moved(self, event: Move) -> None:
        moved = entry(str(self.current.aggregate_id), event)
        self.balances[moved.debited, event.amount.currency] -= event.amount.minor
        self.balances[moved.credited, event.amount.currency] += event.amount.minor

    def balance(self, account: str, currency: str) -> Money:
        """Return what is in an account."""
        return Money(self.balances.get((account, currency), 0), currency)

    def totals(self) -> dict[str, int]:
        """Return the sum of all accounts by currency: zero, or money was made or lost."""
        sums: dict[str, int] = defaultdict(int)
        for (_, currency), minor in self.balances.items():
            sums[currency] += minor
        return dict(sums)
