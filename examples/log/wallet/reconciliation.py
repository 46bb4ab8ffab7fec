"""Reconciliation: what the wallets say has come and gone, held against a bank's statement."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from wallet.money import Money


@dataclass(frozen=True, slots=True)
class BankLine:
    """One line of the statement of a bank: positive when it came in.

    Attributes:
        reference: what the payment was made with: `wallet/client key`.
    """

    reference: str
    amount: Money


@dataclass(frozen=True, slots=True)
class Difference:
    """One payment on which the two do not agree.

    Attributes:
        ours: None where the wallets know nothing of it.
        theirs: None where the bank does not.
    """

    reference: str
    reason: str
    ours: Money | None
    theirs: Money | None

    def __str__(self) -> str:
        return f"{self.reference}: {self.reason} (ours {self.ours}, theirs {self.theirs})"


def reconcile(ours: Mapping[str, Money], theirs: Iterable[BankLine]) -> list[Difference]:
    """Return all differences in the order of their references; none when all is well.

    Args:
        ours: what came in by reference, negative what went out; see `statements.OutsideMoves`.
        theirs: the lines of the same time, in any order.
    """
    lines = list(theirs)
    by_reference = {line.reference: line.amount for line in lines}
    found = [*_compared(ours, by_reference), *_repeated(ours, lines)]
    return sorted(found, key=lambda difference: difference.reference)


def _compared(ours: Mapping[str, Money], theirs: Mapping[str, Money]) -> Iterator[Difference]:
    for reference in ours.keys() | theirs.keys():
        mine, other = ours.get(reference), theirs.get(reference)
        if other is None:
            yield Difference(reference, "the bank does not have it", mine, None)
        elif mine is None:
            yield Difference(reference, "no wallet has it", None, other)
        elif mine.currency != other.currency:
            yield Difference(reference, "another currency", mine, other)
        elif mine != other:
            yield Difference(reference, "another amount", mine, other)


def _repeated(ours: Mapping[str, Money], theirs: list[BankLine]) -> Iterator[Difference]:
    times = Counter(line.reference for line in theirs)
    for line in {line.reference: line for line in theirs if times[line.reference] > 1}.values():
        reason = f"the bank has it {times[line.reference]} times"
        yield Difference(line.reference, reason, ours.get(line.reference), line.amount)
