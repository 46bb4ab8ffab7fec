"""Updates of replicated types: with state sync and without, and what one effect costs."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from figures import Figure, at_least_times, at_most

from museion.log.crdt.add_wins_set import Add, AddWinsSet, AddWinsSetState
from museion.log.crdt.counter import Count, Counter
from museion.log.crdt.crdt import Stamp
from museion.log.crdt.ordered_list import InsertElements, MoveElements, OrderedList
from museion.log.crdt.service import CrdtService
from museion.log.event import EventId
from museion.log.event_log import EventLog
from museion.log.lmdb_store import LmdbEventStore
from museion.log.vector_time import VectorTime

_ELEMENTS = 10_000


class _InTurn(Counter):
    """A counter whose updates wait for each other, as if it had a precondition."""

    needs_state = True


def crdt_figures(
    folder: Path, *, updates: int = 5_000, at_once: int = 200, rounds: int = 3
) -> Iterator[Figure]:
    """Yield updates of one instance a second, and the cost of effects in large states.

    Args:
        folder: on the disk to measure; every write is flushed.
        updates: of each round.
        at_once: how many callers update at the same time.
        rounds: the best of so many counts.
    """
    sync_off = max(_updates_per_s(folder, Counter(), updates, at_once) for _ in range(rounds))
    in_turn = max(1, updates // 10)
    sync_on = max(_updates_per_s(folder, _InTurn(), in_turn, at_once) for _ in range(rounds))
    yield Figure("updates of one CRDT instance, state sync on", round(sync_on), "1/s")
    yield at_least_times(
        "updates of one CRDT instance, state sync off",
        round(sync_off),
        "1/s",
        "state sync on",
        sync_on,
        2,
    )
    yield from _large_states()


def _updates_per_s(folder: Path, crdt: Counter, updates: int, at_once: int) -> float:
    async def run(log_folder: Path) -> float:
        async with (
            EventLog(LmdbEventStore(log_folder)) as log,
            CrdtService(log, crdt, service_id="bench") as service,
        ):
            await service.value("one")

            async def caller(count: int) -> None:
                for _ in range(count):
                    await service.update("one", Count(1))

            begun_s = time.perf_counter()
            await asyncio.gather(*(caller(updates // at_once or 1) for _ in range(at_once)))
            taken_s = time.perf_counter() - begun_s
            return await service.value("one") / taken_s

    with tempfile.TemporaryDirectory(prefix="crdt-", dir=folder) as made:
        return asyncio.run(run(Path(made) / "log"))


def _large_states() -> Iterator[Figure]:
    stamp = Stamp(VectorTime({"A": _ELEMENTS + 1}), 0, "A")
    words = AddWinsSet(str)
    adds: dict[str, tuple[EventId, ...]] = {
        f"element-{number}": (EventId("A", number),) for number in range(1, _ELEMENTS + 1)
    }
    large = AddWinsSetState(adds)
    add_ms = _best_ms(lambda: words.effect(large, Add("new"), stamp))
    yield at_most(f"effect in an add-wins set of {_ELEMENTS}", add_ms, "ms", 1)

    ordered = OrderedList(str)
    insert = ordered.prepare(ordered.zero(), InsertElements(tuple(adds)))
    assert insert is not None
    full = ordered.effect(ordered.zero(), insert, Stamp(VectorTime({"A": 1}), 0, "A"))
    ask = MoveElements(("element-7000",), index=3)
    move = ordered.prepare(full, ask)
    assert move is not None
    yield at_most(
        f"move in an ordered list of {_ELEMENTS}, prepared",
        _best_ms(lambda: ordered.prepare(full, ask)),
        "ms",
        100,
    )
    yield at_most(
        f"effect of a move in an ordered list of {_ELEMENTS}",
        _best_ms(lambda: ordered.effect(full, move, stamp)),
        "ms",
        5,
    )
    yield at_most(
        f"an ordered list of {_ELEMENTS}, read", _best_ms(lambda: ordered.value(full)), "ms", 50
    )


def _best_ms(work: Callable[[], object], times: int = 20) -> float:
    taken: list[float] = []
    for _ in range(times):
        begun_s = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begun_s)
    return round(min(taken) * 1000, 3)
