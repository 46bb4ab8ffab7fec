"""Money, keys, races and books of the e-wallet, one claim at a time."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from example_programs import run_example
from hypothesis import given
from hypothesis import strategies as st
from wallet.demo import Clock
from wallet.events import Limits
from wallet.ledger import Ledger
from wallet.money import DIGITS, CurrencyMismatch, Money, NotMoney
from wallet.reconciliation import BankLine, reconcile
from wallet.refusals import (
    InsufficientFunds,
    KeyReused,
    LimitExceeded,
    NoSuchHold,
    NotReversible,
    PlayerExcluded,
)
from wallet.state import DAY_MS
from wallet.statements import OutsideMoves, Statement
from wallet.transfers import wallets_on
from wallet.wallet import Wallet

from museion.log import (
    EventLog,
    MemoryEventStore,
    MemorySnapshotStore,
    running,
)
from museion.testing.event_loop import in_event_loop

HOUR_MS = 3_600_000


def eur(cents: int) -> Money:
    return Money(cents, "EUR")


@asynccontextmanager
async def players(
    *names: str, clock: Clock | None = None, store: MemoryEventStore | None = None
) -> AsyncIterator[tuple[EventLog, list[Wallet]]]:
    """A log with open wallets, 100.00 EUR in each."""
    async with (
        EventLog(store or MemoryEventStore()) as log,
        wallets_on(log, clock_ms=clock or Clock()) as wallets,
    ):
        for name in names:
            await wallets.handle(name).open("open", "EUR")
            await wallets.handle(name).deposit("first", eur(100_00))
        yield log, [wallets.handle(name) for name in names]


# Money


@given(st.integers(-(10**12), 10**12), st.sampled_from(sorted(DIGITS)))
def test_an_amount_is_read_as_it_is_shown(minor: int, currency: str) -> None:
    assert Money.parse(str(Money(minor, currency))) == Money(minor, currency)


@pytest.mark.parametrize("text", ["1.5 EUR", "1 EUR", "1.00 XYZ", "1.0 JPY", "1e2 EUR", "EUR", ""])
def test_an_amount_with_other_digits_than_its_currency_has_is_refused(text: str) -> None:
    with pytest.raises(NotMoney):
        Money.parse(text)


def test_a_float_is_never_an_amount() -> None:
    with pytest.raises(NotMoney):
        Money(1.0, "EUR")  # type: ignore[arg-type]  # what a type checker would refuse


def test_currencies_are_never_converted_silently() -> None:
    with pytest.raises(CurrencyMismatch):
        eur(1) + Money(1, "USD")


# Keys


@in_event_loop
async def test_a_request_that_is_repeated_returns_its_first_answer_and_writes_nothing() -> None:
    async with players("anna") as (log, (anna,)):
        first = await anna.withdraw("w", eur(60_00))
        written = log.sequence_nr

        again = await asyncio.gather(*(anna.withdraw("w", eur(60_00)) for _ in range(10)))

        assert again == [first] * 10
        assert log.sequence_nr == written
        assert (await anna.balance()).available == eur(40_00)


@in_event_loop
async def test_a_key_stays_known_after_a_restart() -> None:
    store = MemoryEventStore()
    async with players("anna", store=store) as (_, (anna,)):
        first = await anna.withdraw("w", eur(60_00))

    async with players("anna", store=store) as (_, (anna,)):
        assert await anna.withdraw("w", eur(60_00)) == first


@in_event_loop
async def test_a_key_with_another_request_is_refused() -> None:
    async with players("anna") as (_, (anna,)):
        await anna.withdraw("w", eur(1))

        with pytest.raises(KeyReused):
            await anna.withdraw("w", eur(2))
        with pytest.raises(KeyReused):
            await anna.deposit("w", eur(1))


# Races


@in_event_loop
async def test_concurrent_commands_cannot_spend_the_same_money_twice() -> None:
    async with players("anna", "bert") as (log, (anna, _)):
        spending = [
            *(anna.withdraw(f"w{each}", eur(30_00)) for each in range(10)),
            *(anna.reserve(f"r{each}", eur(30_00), lasts_ms=HOUR_MS) for each in range(10)),
            *(anna.transfer(f"t{each}", eur(30_00), to="bert") for each in range(10)),
        ]
        outcomes = await asyncio.gather(*spending, return_exceptions=True)

        refused = [each for each in outcomes if isinstance(each, BaseException)]
        assert len(outcomes) - len(refused) == 3
        assert {type(each) for each in refused} == {InsufficientFunds}
        assert (await anna.balance()).available == eur(10_00)
        async with running(Ledger, log) as ledger:
            assert ledger.totals() == {"EUR": 0}


@in_event_loop
async def test_two_wallets_can_send_to_each_other_at_once() -> None:
    async with players("anna", "bert") as (_, (anna, bert)):
        await asyncio.gather(
            *(anna.transfer(f"t{each}", eur(1_00), to="bert") for each in range(20)),
            *(bert.transfer(f"t{each}", eur(2_00), to="anna") for each in range(20)),
        )
        await asyncio.gather(
            *(wallet.outcome(f"t{each}") for wallet in (anna, bert) for each in range(20))
        )

        assert (await anna.balance()).available == eur(120_00)
        assert (await bert.balance()).available == eur(80_00)


# Stakes


@in_event_loop
async def test_limits_hold_for_each_stake_and_each_day() -> None:
    clock = Clock()
    async with players("anna", clock=clock) as (_, (anna,)):
        await anna.set_limits("limits", Limits(per_stake=20_00, per_day=30_00))
        with pytest.raises(LimitExceeded):
            await anna.reserve("a", eur(20_01), lasts_ms=HOUR_MS)
        await anna.reserve("b", eur(20_00), lasts_ms=HOUR_MS)
        with pytest.raises(LimitExceeded):
            await anna.reserve("c", eur(10_01), lasts_ms=HOUR_MS)

        clock.pass_ms(DAY_MS)

        await anna.reserve("d", eur(20_00), lasts_ms=HOUR_MS)


@in_event_loop
async def test_a_hold_that_expires_is_released_and_cannot_be_committed() -> None:
    clock = Clock()
    async with players("anna", clock=clock) as (_, (anna,)):
        await anna.reserve("bet", eur(40_00), lasts_ms=HOUR_MS)

        clock.pass_ms(HOUR_MS)

        with pytest.raises(NoSuchHold):
            await anna.commit_hold("commit", "bet")
        assert (await anna.balance()).available == eur(100_00)


@in_event_loop
async def test_an_excluded_player_can_withdraw_and_nothing_else() -> None:
    clock = Clock()
    async with players("anna", clock=clock) as (_, (anna,)):
        await anna.exclude("x", clock() + DAY_MS)

        with pytest.raises(PlayerExcluded):
            await anna.reserve("bet", eur(1), lasts_ms=HOUR_MS)
        with pytest.raises(PlayerExcluded):
            await anna.deposit("d", eur(1))
        await anna.withdraw("w", eur(1))
        clock.pass_ms(DAY_MS)
        await anna.deposit("d", eur(1))


@in_event_loop
async def test_a_move_is_reversed_once_and_stays_on_the_statement() -> None:
    async with players("anna") as (log, (anna,)):
        await anna.withdraw("w", eur(30_00))
        await anna.reverse("undo", "w")

        with pytest.raises(NotReversible):
            await anna.reverse("undo again", "w")
        async with running(Statement, log, aggregate_id="anna") as statement:
            assert [line.balance.minor for line in statement.lines] == [100_00, 70_00, 100_00]


# Books


@in_event_loop
async def test_the_statement_tells_the_balance_at_any_past_time() -> None:
    clock = Clock()
    start_ms = clock()
    async with players("anna", clock=clock) as (log, (anna,)):
        clock.pass_ms(1000)
        await anna.withdraw("w", eur(30_00))
        clock.pass_ms(1000)
        await anna.reserve("bet", eur(50_00), lasts_ms=HOUR_MS)
        await anna.commit_hold("c", "bet")

        async with running(Statement, log, aggregate_id="anna") as statement:
            balances = [
                statement.balance_at(start_ms + after) for after in (-1, 0, 999, 1000, 5000)
            ]

    assert balances == [None, eur(100_00), eur(100_00), eur(70_00), eur(20_00)]


@in_event_loop
async def test_reconciliation_lists_every_difference_and_nothing_else() -> None:
    async with players("anna") as (log, (anna,)):
        await anna.withdraw("w1", eur(10_00))
        await anna.withdraw("w2", eur(20_00))
        await anna.reserve("bet", eur(5_00), lasts_ms=HOUR_MS)
        async with running(OutsideMoves, log) as moves:
            ours = dict(moves.amounts)
    agreed = [BankLine(reference, amount) for reference, amount in ours.items()]
    bank = [
        BankLine("anna/first", eur(100_00)),
        BankLine("anna/first", eur(100_00)),
        BankLine("anna/w1", eur(-11_00)),
        BankLine("bert/w9", eur(-1_00)),
    ]

    assert reconcile(ours, agreed) == []
    assert [(each.reference, each.reason) for each in reconcile(ours, bank)] == [
        ("anna/first", "the bank has it 2 times"),
        ("anna/w1", "another amount"),
        ("anna/w2", "the bank does not have it"),
        ("bert/w9", "no wallet has it"),
    ]


@in_event_loop
async def test_a_wallet_goes_on_from_a_snapshot() -> None:
    store, snapshots = MemoryEventStore(), MemorySnapshotStore()
    for _ in range(2):
        async with (
            EventLog(store) as log,
            wallets_on(log, clock_ms=Clock(), snapshots=snapshots) as wallets,
        ):
            anna = wallets.handle("anna")
            await anna.open("open", "EUR")
            for number in range(1100):
                await anna.deposit(f"d{number}", eur(1))
            assert (await anna.balance()).available == eur(1100)

    saved = list(snapshots.newest_first(f"wallet:anna@{log.log_id}", log_id=log.log_id))
    assert len(saved) == 1


# The program


def test_the_wallet_program_tells_its_story_and_its_books_balance() -> None:
    told = run_example("wallet")

    assert "10 withdrawals of 100.00 EUR at once: 1 paid, 9 refused" in told
    assert "anna → yuki: TransferReturned" in told
    assert "sum of all accounts: {'EUR': 0}; in transit: 0.00 EUR" in told
    assert "bert/d9: no wallet has it" in told


def test_the_wallet_program_prints_throughput_and_latency(tmp_path: Path) -> None:
    told = run_example("wallet", "--measure", "--clients", 8, "--rounds", 5)

    assert re.search(r"160 commands, 8 clients: [\d,]+/s, p50 [\d.]+ ms, p99 [\d.]+ ms", told)
    assert re.search(r"8 transfers, both legs and settled, 8 clients: [\d,]+/s", told)
    assert "sum of all accounts: {'EUR': 0}" in told
