"""The story that `python examples/log/wallet` tells, on a clock that it sets itself."""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections.abc import Awaitable
from pathlib import Path

from museion.base.errors import MuseionError
from museion.log import Aggregates, EventLog, LmdbEventStore, running
from wallet.events import Limits
from wallet.ledger import TRANSIT, Ledger
from wallet.measure import measure
from wallet.money import Money
from wallet.reconciliation import BankLine, reconcile
from wallet.state import DAY_MS
from wallet.statements import OutsideMoves, Statement, printed
from wallet.transfers import wallets_on
from wallet.wallet import Wallet

HOUR_MS = 3_600_000
START_MS = 1_767_258_000_000  # 1 January 2026, 09:00 UTC


class Clock:
    """A wall clock that stands until it is told to go on."""

    def __init__(self, now_ms: int = START_MS) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        """Return milliseconds since 1970 UTC."""
        return self.now_ms

    def pass_ms(self, duration_ms: int) -> None:
        """Let time pass."""
        self.now_ms += duration_ms


def eur(text: str) -> Money:
    """Return an amount of euros."""
    return Money.parse(f"{text} EUR")


async def tell(folder: Path) -> None:
    """Tell the whole story on a new log."""
    clock = Clock()
    async with EventLog(LmdbEventStore(folder)) as log:
        async with wallets_on(log, clock_ms=clock) as wallets:
            anna = await wallets.get("anna")
            await _money_comes_and_goes(anna)
            await _stakes(anna, clock)
            await _transfers(wallets, anna)
            await _exclusion(anna, clock)
        await _books(log)


async def _money_comes_and_goes(anna: Wallet) -> None:
    print("\n— Money comes and goes")
    await anna.open("o1", "EUR", Limits(per_stake=50_00, per_day=80_00))
    first = await anna.deposit("d1", eur("200.00"))
    again = await anna.deposit("d1", eur("200.00"))
    print(f"deposited {first.amount}; the same request again changes nothing: {first == again}")
    await _refused("the same key for another amount", anna.deposit("d1", eur("1.00")))
    await _refused("another currency", anna.deposit("d2", Money.parse("5.00 USD")))
    await anna.withdraw("w1", eur("20.00"))
    await _refused("more than there is", anna.withdraw("w2", eur("500.00")))
    asked = [anna.withdraw(f"race-{each}", eur("100.00")) for each in range(10)]
    outcomes = await asyncio.gather(*asked, return_exceptions=True)
    paid = [each for each in outcomes if not isinstance(each, BaseException)]
    print(f"10 withdrawals of 100.00 EUR at once: {len(paid)} paid, {10 - len(paid)} refused")
    await anna.reverse("r1", paid[0].key)
    print(f"the bank sent it back, so it is reversed: {(await anna.balance()).available}")


async def _stakes(anna: Wallet, clock: Clock) -> None:
    print("\n— Stakes, holds and limits")
    await anna.reserve("bet-1", eur("30.00"), lasts_ms=HOUR_MS)
    await anna.commit_hold("c1", "bet-1")
    await anna.reserve("bet-2", eur("40.00"), lasts_ms=HOUR_MS)
    await anna.release_hold("rel-1", "bet-2")
    await anna.reserve("bet-3", eur("45.00"), lasts_ms=HOUR_MS)
    balance = await anna.balance()
    print(f"30.00 played, 40.00 released, 45.00 on hold: {balance.available} free")
    await _refused("a stake above the limit", anna.reserve("bet-4", eur("50.01"), lasts_ms=HOUR_MS))
    await _refused("too much in a day", anna.reserve("bet-5", eur("5.01"), lasts_ms=HOUR_MS))
    clock.pass_ms(2 * HOUR_MS)
    print(f"two hours later the hold has expired: {(await anna.balance()).available} free")
    await _refused("committing it now", anna.commit_hold("c2", "bet-3"))


async def _transfers(wallets: Aggregates[Wallet], anna: Wallet) -> None:
    print("\n— Transfers: both legs or none")
    bert, yuki = await wallets.get("bert"), await wallets.get("yuki")
    await bert.open("o1", "EUR")
    await yuki.open("o1", "JPY")
    for key, to in (("t1", "bert"), ("t2", "yuki"), ("t3", "nobody")):
        await anna.transfer(key, eur("25.00"), to=to)
        async with asyncio.timeout(10):
            outcome = await anna.outcome(key)
        print(f"anna → {to}: {type(outcome).__name__} {getattr(outcome, 'reason', '')}")
    print(f"anna has {(await anna.balance()).available}, bert {(await bert.balance()).available}")


async def _exclusion(anna: Wallet, clock: Clock) -> None:
    print("\n— Self-exclusion")
    await anna.exclude("x1", clock() + 7 * DAY_MS)
    await _refused("a stake", anna.reserve("bet-6", eur("1.00"), lasts_ms=HOUR_MS))
    await _refused("ending it early", anna.exclude("x2", clock()))
    await anna.withdraw("w3", eur("10.00"))
    print("what is left can be withdrawn all the same")


async def _books(log: EventLog) -> None:
    print("\n— The books, folded from the same events")
    async with running(Statement, log, aggregate_id="anna") as statement:
        print(printed(statement.lines))
        at_ms = START_MS + HOUR_MS
        print(f"one hour after the start anna owned {statement.balance_at(at_ms)}")
    async with running(Ledger, log) as ledger, running(OutsideMoves, log) as moves:
        for (account, currency), minor in sorted(ledger.balances.items()):
            print(f"  {account:<12}{Money(minor, currency)!s:>14}")
        transit = ledger.balance(TRANSIT, "EUR")
        print(f"sum of all accounts: {ledger.totals()}; in transit: {transit}")
        ours = moves.amounts
        bank = [BankLine(reference, amount) for reference, amount in ours.items()]
        bank[0] = BankLine(bank[0].reference, eur("199.00"))
        bank.append(BankLine("bert/d9", eur("5.00")))
        print("reconciled with a bank statement in which two lines are wrong:")
        for difference in reconcile(ours, bank):
            print(f"  {difference}")


async def _refused(what: str, request: Awaitable[object]) -> None:
    try:
        await request
    except MuseionError as refusal:
        print(f"refused, {what}: {refusal}")
    else:
        raise SystemExit(f"Expected a refusal of {what}.")


def main() -> None:
    """Read the command line; tell the story, or measure."""
    parser = argparse.ArgumentParser(description="An e-wallet on one event log.")
    parser.add_argument("--log", type=Path, help="folder of a new log, to keep (else a temporary)")
    parser.add_argument("--measure", action="store_true", help="print throughput and latency")
    parser.add_argument("--clients", type=int, default=256, help="with --measure (%(default)s)")
    parser.add_argument("--rounds", type=int, default=100, help="with --measure (%(default)s)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="wallet-") as temporary:
        folder = arguments.log or Path(temporary) / "log"
        if arguments.measure:
            asyncio.run(measure(folder, clients=arguments.clients, rounds=arguments.rounds))
        else:
            asyncio.run(tell(folder))
