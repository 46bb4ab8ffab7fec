"""Whatever is asked of wallets, in whatever order: no balance below zero, no money made or lost."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any, TypeVar

import pytest
from hypothesis import assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from plain_wallets import DAY_MS, PlainWallet, Refused
from wallet.demo import Clock
from wallet.events import WALLET_EVENTS, Limits, Move, TransferCompleted
from wallet.ledger import HOUSE, TRANSIT, Ledger, entry, free, held
from wallet.money import Money
from wallet.statements import Statement
from wallet.transfers import wallets_on
from wallet.wallet import Wallet

from museion.base.errors import MuseionError
from museion.log import Aggregates, EventLog, MemoryEventStore, running

T = TypeVar("T")
Request = Callable[[], Awaitable[Any]]  # Any: each command has an answer of its own

CURRENCIES = {"anna": "EUR", "bert": "EUR", "yuki": "JPY"}
LIMITED = Limits(per_stake=40, per_day=45)
wallets = st.sampled_from(sorted(CURRENCIES))
amounts = st.integers(1, 60)
chosen = st.data()


class Wallets(RuleBasedStateMachine):
    """Three wallets on one log, and the plain ones beside them."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.store = MemoryEventStore()
        self.clock = Clock()
        self.plain = {name: PlainWallet(currency) for name, currency in CURRENCIES.items()}
        self.house: dict[str, int] = defaultdict(int)
        self.staked: dict[str, int] = {}
        self.answered: list[tuple[Request, Any]] = []
        self.past: list[tuple[int, str, int]] = []
        self.keys = 0
        self.accounts: dict[str, int] = defaultdict(int)
        self.read_to = 0

    # Running

    @initialize()
    def open(self) -> None:
        self._start()
        for name, currency in CURRENCIES.items():
            self._do(self._wallet(name).open("open", currency))
        for name in ("anna", "bert"):
            self._do(self._wallet(name).set_limits("limits", LIMITED))
            self.plain[name].per_stake = LIMITED.per_stake
            self.plain[name].per_day = LIMITED.per_day
        for name, currency in CURRENCIES.items():
            self.deposit(name, 200, currency)

    @rule()
    def restart(self) -> None:
        self._stop()
        self._start()

    @rule(duration_ms=st.sampled_from([1, 1000, DAY_MS]))
    def time_passes(self, duration_ms: int) -> None:
        for name, plain in self.plain.items():
            self.past.append((self.clock.now_ms, name, plain.available + plain.held))
        self.clock.pass_ms(duration_ms)

    def teardown(self) -> None:
        if hasattr(self, "open_things"):
            self._stop()
        self.runner.close()

    # What clients ask

    @rule(name=wallets, minor=amounts, currency=st.sampled_from(["EUR", "EUR", "JPY"]))
    def deposit(self, name: str, minor: int, currency: str) -> None:
        key = self._key()
        self._both(
            name,
            lambda: self._wallet(name).deposit(key, Money(minor, currency)),
            lambda plain: plain.deposit(key, minor, currency, self.clock.now_ms),
        )

    @rule(name=wallets, minor=amounts)
    def withdraw(self, name: str, minor: int) -> None:
        key, amount = self._key(), Money(minor, CURRENCIES[name])
        self._both(
            name,
            lambda: self._wallet(name).withdraw(key, amount),
            lambda plain: plain.withdraw(key, minor),
        )

    @rule(name=wallets, minor=amounts, lasts_ms=st.sampled_from([1000, DAY_MS, 3 * DAY_MS]))
    def reserve(self, name: str, minor: int, lasts_ms: int) -> None:
        key, amount = self._key(), Money(minor, CURRENCIES[name])
        self._both(
            name,
            lambda: self._wallet(name).reserve(key, amount, lasts_ms=lasts_ms),
            lambda plain: plain.reserve(key, minor, self.clock.now_ms, lasts_ms),
        )

    @precondition(lambda self: self._holding())
    @rule(chosen=chosen)
    def commit(self, chosen: st.DataObject) -> None:
        name = chosen.draw(st.sampled_from(self._holding()))
        key, hold = self._key(), self._one_of(self.plain[name].holds, chosen)
        minor = self.plain[name].holds[hold].minor if hold in self.plain[name].holds else 0
        done = self._both(
            name,
            lambda: self._wallet(name).commit_hold(key, hold),
            lambda plain: plain.commit(key, hold),
        )
        if done:
            self.house[CURRENCIES[name]] += minor
            self.staked[key] = minor

    @precondition(lambda self: self._holding())
    @rule(chosen=chosen)
    def release(self, chosen: st.DataObject) -> None:
        name = chosen.draw(st.sampled_from(self._holding()))
        key, hold = self._key(), self._one_of(self.plain[name].holds, chosen)
        self._both(
            name,
            lambda: self._wallet(name).release_hold(key, hold),
            lambda plain: plain.release(hold, self.clock.now_ms),
        )

    @rule(name=wallets, chosen=chosen)
    def reverse(self, name: str, chosen: st.DataObject) -> None:
        key, move = self._key(), self._one_of(self.plain[name].moves, chosen)
        done = self._both(
            name,
            lambda: self._wallet(name).reverse(key, move),
            lambda plain: plain.reverse(move),
        )
        if done:
            self.house[CURRENCIES[name]] -= self.staked.get(move, 0)

    @rule(name=wallets, duration_ms=st.sampled_from([0, 1, 1000]), wanted=st.integers(0, 5))
    def exclude(self, name: str, duration_ms: int, wanted: int) -> None:
        assume(not wanted)  # rarely: an excluded player does little else
        key, until_ms = self._key(), self.clock.now_ms + duration_ms
        self._both(
            name,
            lambda: self._wallet(name).exclude(key, until_ms),
            lambda plain: plain.exclude(until_ms),
        )

    @rule(name=wallets, to=wallets, minor=amounts)
    def transfer(self, name: str, to: str, minor: int) -> None:
        key, amount = self._key(), Money(minor, CURRENCIES[name])
        if name == to:
            self._both(name, lambda: self._wallet(name).transfer(key, amount, to=to), _refuse)
            return
        taken: list[bool] = []
        done = self._both(
            name,
            lambda: self._wallet(name).transfer(key, amount, to=to),
            lambda plain: taken.append(plain.send(minor, self.plain[to], self.clock.now_ms)),
        )
        if done:
            end = self._do(self._wallet(name).outcome(key))
            assert taken == [isinstance(end, TransferCompleted)]

    @precondition(lambda self: self.answered)
    @rule(chosen=chosen)
    def repeat_an_earlier_request(self, chosen: st.DataObject) -> None:
        request, answer = chosen.draw(st.sampled_from(self.answered))
        written = self.log.sequence_nr

        assert self._do(request()) == answer
        assert self.log.sequence_nr == written

    # What always holds

    @invariant()
    def wallets_are_as_the_plain_ones_and_no_money_is_made_or_lost(self) -> None:
        if hasattr(self, "open_things"):
            self._do(self._check_balances())

    # How

    async def _check_balances(self) -> None:
        for name, plain in self.plain.items():
            balance = await self._wallet(name).balance()
            plain.release_expired(self.clock.now_ms)
            assert (balance.available.minor, balance.held.minor) == (plain.available, plain.held)
            assert balance.available.minor >= 0
        for event in await self.log.read(after=self.read_to, limit=1000):
            self.read_to = event.sequence_nr
            (payload,) = WALLET_EVENTS.decode(event)
            if isinstance(payload, Move):
                moved = entry(str(event.aggregate_id), payload)
                self.accounts[moved.debited] -= moved.amount.minor
                self.accounts[moved.credited] += moved.amount.minor
        assert sum(self.accounts.values()) == 0
        assert self.accounts[TRANSIT] == 0

    async def _check_ledger(self) -> None:
        async with running(Ledger, self.log) as ledger:
            assert set(ledger.totals().values()) <= {0}
            for name, plain in self.plain.items():
                assert ledger.balance(free(name), plain.currency).minor == plain.available
                assert ledger.balance(held(name), plain.currency).minor == plain.held
            for currency in ("EUR", "JPY"):
                assert ledger.balance(HOUSE, currency).minor == self.house[currency]
                assert ledger.balance(TRANSIT, currency).minor == 0

    async def _check_statements(self) -> None:
        for name in CURRENCIES:
            async with running(Statement, self.log, aggregate_id=name) as statement:
                for at_ms, whose, minor in self.past:
                    if whose == name:
                        balance = statement.balance_at(at_ms)
                        assert (0 if balance is None else balance.minor) == minor

    def _start(self) -> None:
        async def start() -> Aggregates[Wallet]:
            self.log = await self.open_things.enter_async_context(EventLog(self.store))
            return await self.open_things.enter_async_context(
                wallets_on(self.log, clock_ms=self.clock)
            )

        self.open_things = AsyncExitStack()
        self.wallets = self._do(start())

    def _stop(self) -> None:
        self._do(self._check_ledger())
        self._do(self._check_statements())
        self._do(self.open_things.aclose())

    def _do(self, work: Awaitable[T]) -> T:
        async def limited() -> T:
            async with asyncio.timeout(30):
                return await work

        return self.runner.run(limited())

    def _wallet(self, name: str) -> Wallet:
        return self.wallets.handle(name)

    def _key(self) -> str:
        self.keys += 1
        return f"k{self.keys}"

    def _both(self, name: str, request: Request, plainly: Callable[[PlainWallet], None]) -> bool:
        """Ask the real and the plain wallet; tell whether they did it. They must agree."""
        plain = self.plain[name]
        plain.release_expired(self.clock.now_ms)
        try:
            plainly(plain)
            allowed = True
        except Refused:
            allowed = False
        try:
            answer = self._do(request())
        except MuseionError:
            if allowed:
                raise
            return False
        assert allowed, answer
        self.answered.append((request, answer))
        return True

    def _holding(self) -> list[str]:
        return [name for name, plain in self.plain.items() if plain.holds]

    def _one_of(self, known: dict[str, Any], chosen: st.DataObject) -> str:
        """Return mostly one of the names that fit, else any key that was ever used."""
        if known and chosen.draw(st.sampled_from([True, True, True, False])):
            return chosen.draw(st.sampled_from(list(known)))
        return f"k{chosen.draw(st.integers(1, self.keys))}"


def _refuse(_: PlainWallet) -> None:
    raise Refused


TestWallets = pytest.mark.slow(Wallets.TestCase)
TestWallets.settings = settings(
    max_examples=60,
    stateful_step_count=50,
    deadline=None,
    derandomize=True,
    report_multiple_bugs=False,
)
