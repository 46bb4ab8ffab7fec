"""A process that dies anywhere within a transfer leaves both legs or none."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
import wallet_client_program
from example_programs import start_program
from wallet.demo import Clock
from wallet.ledger import TRANSIT, Ledger, free
from wallet.transfers import OpenTransfers, wallets_on
from wallet_client_program import DIED

from museion.log import EventLog, LmdbEventStore, running
from museion.testing.event_loop import in_event_loop, until

PROGRAM = Path(wallet_client_program.__file__)
ACCEPTED_WRITES = 6  # two opened, deposited, sent, received, completed
REFUSED_WRITES = 4  # opened, deposited, sent, returned


@dataclass(frozen=True)
class Books:
    """What the log says once no transfer is under way any more."""

    anna: int
    bert: int
    transit: int
    total: int
    times_received: int
    ends: list[str]


def run_client(folder: Path, how: str, number: int, when: str) -> tuple[int, str]:
    with start_program(PROGRAM, folder, how, number, when) as client:
        output, errors = client.communicate(timeout=60)
    assert errors == ""
    return client.returncode, output.strip()


async def books_after_restart(folder: Path) -> Books:
    """Start the wallets again, without any client, and wait until every transfer has ended."""
    async with EventLog(LmdbEventStore(folder)) as log:
        async with wallets_on(log, clock_ms=Clock()), running(OpenTransfers, log) as transfers:
            await until(lambda: not transfers.under_way)
        async with running(Ledger, log) as ledger, running(OpenTransfers, log) as transfers:
            return Books(
                ledger.balance(free("anna"), "EUR").minor,
                ledger.balance(free("bert"), "EUR").minor,
                ledger.balance(TRANSIT, "EUR").minor,
                ledger.totals().get("EUR", 0),
                sum(transfers.received.values()),
                [type(end).__name__ for end in transfers.ended.values()],
            )


def accepted(*, deposited: bool, sent: bool) -> Books:
    anna = 100_00 * deposited - 30_00 * sent
    return Books(anna, 30_00 * sent, 0, 0, int(sent), ["TransferCompleted"] * sent)


def refused(*, deposited: bool, sent: bool) -> Books:
    return Books(100_00 * deposited, 0, 0, 0, 0, ["TransferReturned"] * sent)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", range(1, ACCEPTED_WRITES + 1))
def test_a_crash_at_any_step_of_a_transfer_leaves_both_legs_or_none(
    tmp_path: Path, number: int, when: str
) -> None:
    written = number - (when == "before")

    code, _ = run_client(tmp_path / "log", "accepted", number, when)

    assert code == DIED
    in_event_loop(_expect)(tmp_path / "log", accepted(deposited=written >= 3, sent=written >= 4))


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", range(1, REFUSED_WRITES + 1))
def test_a_crash_at_any_step_of_a_refused_transfer_gives_the_money_back_once(
    tmp_path: Path, number: int, when: str
) -> None:
    written = number - (when == "before")

    code, _ = run_client(tmp_path / "log", "refused", number, when)

    assert code == DIED
    in_event_loop(_expect)(tmp_path / "log", refused(deposited=written >= 2, sent=written >= 3))


@pytest.mark.parametrize(
    ("how", "end"), [("accepted", "TransferCompleted"), ("refused", "TransferReturned")]
)
def test_a_client_that_repeats_everything_through_crashes_is_served_once(
    tmp_path: Path, how: str, end: str
) -> None:
    """Each run dies right after its first write, so every step is cut off from the next."""
    folder = tmp_path / "log"

    runs = [run_client(folder, how, 1, "after")]
    while runs[-1][0] == DIED:
        runs.append(run_client(folder, how, 1, "after"))

    assert len(runs) - 1 == (ACCEPTED_WRITES if how == "accepted" else REFUSED_WRITES)
    assert runs[-1] == (0, end)
    expected = accepted if how == "accepted" else refused
    in_event_loop(_expect)(folder, expected(deposited=True, sent=True))


async def _expect(folder: Path, expected: Books) -> None:
    assert await books_after_restart(folder) == expected
