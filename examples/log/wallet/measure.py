"""How many commands a second, and how long a client waits: each command is on disk when it ends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from pathlib import Path

from museion.log import Aggregates, EventLog, LmdbEventStore, running
from wallet.ledger import Ledger
from wallet.money import Money
from wallet.transfers import wallets_on
from wallet.wallet import Wallet

HOUR_MS = 3_600_000


async def measure(folder: Path, *, clients: int, rounds: int) -> None:
    """Let clients play side by side, each with a wallet of his own, and print the figures.

    A round is a deposit, a stake that is reserved and committed, and a withdrawal. Afterwards each
    client sends a transfer to his neighbour and waits for its end.
    """
    async with (
        EventLog(LmdbEventStore(folder)) as log,
        wallets_on(log, clock_ms=lambda: time.time_ns() // 1_000_000) as wallets,
    ):
        players = [await _player(wallets, number) for number in range(clients)]
        started_s = time.perf_counter()
        waits = await asyncio.gather(*(_play(player, rounds) for player in players))
        _print("commands", [wait for each in waits for wait in each], started_s, clients)
        if clients > 1:
            started_s = time.perf_counter()
            names = [player.id for player in players]
            ends = await asyncio.gather(*map(_send, players, (*names[1:], names[0])))
            _print("transfers, both legs and settled", ends, started_s, clients)
        async with running(Ledger, log) as ledger:
            print(f"sum of all accounts: {ledger.totals()}")


async def _player(wallets: Aggregates[Wallet], number: int) -> Wallet:
    wallet = await wallets.get(f"player-{number}")
    await wallet.open("open", "EUR")
    return wallet


async def _play(wallet: Wallet, rounds: int) -> list[float]:
    waits: list[float] = []
    for number in range(rounds):
        hold = f"stake-{number}"
        waits += [
            await _wait_s(wallet.deposit(f"deposit-{number}", Money(500, "EUR"))),
            await _wait_s(wallet.reserve(hold, Money(200, "EUR"), lasts_ms=HOUR_MS)),
            await _wait_s(wallet.commit_hold(f"commit-{number}", hold)),
            await _wait_s(wallet.withdraw(f"withdraw-{number}", Money(100, "EUR"))),
        ]
    return waits


async def _send(wallet: Wallet, to: str) -> float:
    async def send() -> None:
        await wallet.transfer("send", Money(50, "EUR"), to=to)
        await wallet.outcome("send")

    return await _wait_s(send())


async def _wait_s(request: Awaitable[object]) -> float:
    started_s = time.perf_counter()
    await request
    return time.perf_counter() - started_s


def _print(what: str, waits_s: list[float], started_s: float, clients: int) -> None:
    passed_s = time.perf_counter() - started_s
    ordered = sorted(waits_s)
    p50, p99 = (ordered[min(len(ordered) - 1, int(len(ordered) * q))] for q in (0.5, 0.99))
    print(
        f"{len(ordered):,} {what}, {clients} clients: {len(ordered) / passed_s:,.0f}/s,"
        f" p50 {p50 * 1000:.1f} ms, p99 {p99 * 1000:.1f} ms"
    )
