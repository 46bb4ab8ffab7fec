"""Money: a whole number of the smallest units of one currency. No fractions, no conversion."""

from __future__ import annotations

from typing import Self

import msgspec

from museion.base.errors import InvalidInput

DIGITS = {"EUR": 2, "GBP": 2, "JPY": 0, "KWD": 3, "USD": 2}
"""The currencies of this service, with the digits behind the point (ISO 4217)."""


class NotMoney(InvalidInput):
    """Something cannot be an amount of money."""

    def __init__(self, found: object) -> None:
        super().__init__(
            f"Expected an amount such as '12.50 EUR' or a whole number of cents, got {found!r:.80}."
        )


class CurrencyMismatch(InvalidInput):
    """Two currencies met in one calculation; nothing is ever converted silently."""

    def __init__(self, expected: str, found: str) -> None:
        super().__init__(f"Expected an amount in {expected}, got one in {found}.")


def require_currency(code: str) -> None:
    """Check that the service knows a currency. Raises `NotMoney`."""
    if code not in DIGITS:
        raise NotMoney(code)


class Money(msgspec.Struct, frozen=True):
    """An amount; negative where it says how much is missing.

    Attributes:
        minor: how many of the smallest units, such as cents.
        currency: ISO 4217 code, one of `DIGITS`.
    """

    minor: int
    currency: str

    def __post_init__(self) -> None:
        # A float is refused even where it is whole: somebody has calculated with it before.
        if type(self.minor) is not int or self.currency not in DIGITS:
            raise NotMoney((self.minor, self.currency))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the amount that a text such as `12.50 EUR` names.

        Raises:
            NotMoney: it names none, or has not exactly the digits that the currency has.
        """
        number, _, currency = text.strip().partition(" ")
        whole, _, fraction = number.partition(".")
        digits = whole.removeprefix("-") + fraction
        if len(fraction) != DIGITS.get(currency) or not (digits.isascii() and digits.isdigit()):
            raise NotMoney(text)
        return cls(int(whole + fraction), currency)

    def __add__(self, other: Money) -> Money:
        return Money(self.minor + self._comparable(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.minor - self._comparable(other), self.currency)

    def __neg__(self) -> Money:
        return Money(-self.minor, self.currency)

    def __lt__(self, other: Money) -> bool:
        return self.minor < self._comparable(other)

    def __le__(self, other: Money) -> bool:
        return self.minor <= self._comparable(other)

    def __str__(self) -> str:
        digits = DIGITS[self.currency]
        number = f"{abs(self.minor):0{digits + 1}d}"
        point = len(number) - digits
        fraction = f".{number[point:]}" if digits else ""
        return f"{'-' if self.minor < 0 else ''}{number[:point]}{fraction} {self.currency}"

    def _comparable(self, other: Money) -> int:
        if other.currency != self.currency:
            raise CurrencyMismatch(self.currency, other.currency)
        return other.minor
