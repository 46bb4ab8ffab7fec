"""The statement of one wallet: every move with the balance after it, and any past balance."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import attrgetter

from museion.log import View, handles
from wallet import ledger
from wallet.events import Deposited, Move, Reversed, Withdrawn
from wallet.money import Money


@dataclass(frozen=True, slots=True)
class Line:
    """One move of a statement.

    Attributes:
        counterpart: the account on the other side.
        change: of what is free.
        available: what is free after it.
        held: what is set aside after it.
    """

    at_ms: int
    key: str
    what: str
    counterpart: str
    change: Money
    available: Money
    held: Money

    @property
    def balance(self) -> Money:
        """All that the player owns after this move."""
        return self.available + self.held

    def __str__(self) -> str:
        at = datetime.fromtimestamp(self.at_ms / 1000, UTC)
        return (
            f"{at:%Y-%m-%d %H:%M}  {self.what:<18}{self.counterpart:<14}{self.change!s:>12}"
            f"{self.available!s:>13}{self.held!s:>12}"
        )


class Statement(View):
    """Folded from the events of one wallet: `running(Statement, log, aggregate_id="anna")`.

    It is complete, because the balance is nothing but what these events add up to.
    """

    lines: list[Line]

    def __init__(self) -> None:
        self.lines = []

    @handles
    def _moved(self, event: Move) -> None:
        wallet = str(self.current.aggregate_id)
        free, held = ledger.free(wallet), ledger.held(wallet)
        moved = ledger.entry(wallet, event)
        available, set_aside = self._last(event.amount.currency)
        self.lines.append(
            Line(
                event.at_ms,
                event.key,
                type(event).__name__,
                moved.debited if moved.credited == free else moved.credited,
                moved.change(free),
                available + moved.change(free),
                set_aside + moved.change(held),
            )
        )

    def balance_at(self, at_ms: int) -> Money | None:
        """Return what the player owned at a point in time; None before the first move."""
        after = bisect_right(self.lines, at_ms, key=attrgetter("at_ms"))
        return self.lines[after - 1].balance if after else None

    def _last(self, currency: str) -> tuple[Money, Money]:
        if not self.lines:
            return Money(0, currency), Money(0, currency)
        return self.lines[-1].available, self.lines[-1].held


class OutsideMoves(View):
    """What has gone between all wallets and the outside, for reconciliation.

    Attributes:
        amounts: what came in, negative what went out, by reference: `wallet/client key`.
    """

    amounts: dict[str, Money]

    def __init__(self) -> None:
        self.amounts = {}

    @handles
    def _moved(self, event: Deposited | Withdrawn | Reversed) -> None:
        wallet = str(self.current.aggregate_id)
        change = ledger.entry(wallet, event).change(ledger.OUTSIDE)
        if change.minor:
            self.amounts[f"{wallet}/{event.key}"] = -change


def printed(lines: Iterable[Line]) -> str:
    """Return a statement as a table for people."""
    head = f"{'at (UTC)':<18}{'what':<18}{'other account':<14}{'change':>12}"
    return "\n".join((f"{head}{'free':>13}{'held':>12}", *map(str, lines)))
