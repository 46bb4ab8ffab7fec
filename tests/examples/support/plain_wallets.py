"""The rules of the wallets once more, as plainly as can be: no events, no log, one place.

The real wallets are held against this. It knows nothing of keys: who repeats a request asks the
real ones only.
"""

from __future__ import annotations

from dataclasses import dataclass, field

DAY_MS = 86_400_000


class Refused(Exception):
    """The rules do not allow it; nothing was changed."""


def need(allowed: bool) -> None:
    if not allowed:
        raise Refused


@dataclass
class PlainHold:
    minor: int
    at_ms: int
    expires_at_ms: int


@dataclass
class PlainWallet:
    currency: str
    per_stake: int | None = None
    per_day: int | None = None
    available: int = 0
    holds: dict[str, PlainHold] = field(default_factory=dict)
    moves: dict[str, tuple[str, int]] = field(default_factory=dict)
    stakes: list[PlainHold] = field(default_factory=list)
    excluded_until_ms: int = 0

    @property
    def held(self) -> int:
        return sum(hold.minor for hold in self.holds.values())

    def deposit(self, key: str, minor: int, currency: str, now_ms: int) -> None:
        need(currency == self.currency and now_ms >= self.excluded_until_ms)
        self.available += minor
        self.moves[key] = ("deposit", minor)

    def withdraw(self, key: str, minor: int) -> None:
        need(minor <= self.available)
        self.available -= minor
        self.moves[key] = ("withdrawal", minor)

    def reserve(self, key: str, minor: int, now_ms: int, lasts_ms: int) -> None:
        today = sum(each.minor for each in self.stakes if each.at_ms // DAY_MS == now_ms // DAY_MS)
        need(now_ms >= self.excluded_until_ms and minor <= self.available)
        need(self.per_stake is None or minor <= self.per_stake)
        need(self.per_day is None or today + minor <= self.per_day)
        self.available -= minor
        self.holds[key] = PlainHold(minor, now_ms, now_ms + lasts_ms)
        self.stakes.append(self.holds[key])

    def commit(self, key: str, hold: str) -> None:
        need(hold in self.holds)
        self.moves[key] = ("stake", self.holds.pop(hold).minor)

    def release(self, hold: str, now_ms: int) -> None:
        need(hold in self.holds)
        released = self.holds.pop(hold)
        self.available += released.minor
        if released.at_ms // DAY_MS == now_ms // DAY_MS:
            self.stakes.remove(released)

    def release_expired(self, now_ms: int) -> None:
        for name in [name for name, hold in self.holds.items() if hold.expires_at_ms <= now_ms]:
            self.release(name, now_ms)

    def reverse(self, key: str) -> None:
        need(key in self.moves)
        what, minor = self.moves[key]
        need(what != "deposit" or minor <= self.available)
        self.available += -minor if what == "deposit" else minor
        del self.moves[key]

    def exclude(self, until_ms: int) -> None:
        need(until_ms >= self.excluded_until_ms)
        self.excluded_until_ms = until_ms

    def send(self, minor: int, to: PlainWallet, now_ms: int) -> bool:
        """Tell whether the other one took it."""
        need(minor <= self.available)
        if to.currency != self.currency or now_ms < to.excluded_until_ms:
            return False
        self.available -= minor
        to.available += minor
        return True
