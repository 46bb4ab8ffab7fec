"""A writer keeps an external database up to date with a log, in batches.

The database keeps the writer's progress in the same transaction as what was derived, so what it
holds and how far it has come cannot disagree, and every event has its effect exactly once. The
recipe is in `docs/how-to/project-into-a-database.md`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from enum import Enum
from typing import Generic, NoReturn, Protocol, TypeVar, runtime_checkable

from museion.base.errors import Unavailable
from museion.base.retry import RetryPolicy
from museion.base.waiting import to_end
from museion.log.event import Event
from museion.log.event_log import EventLog
from museion.log.sourced.conditional import LIMIT_S, CausalWaits
from museion.log.vector_time import VectorTime

__all__ = [
    "Restorable",
    "Verdict",
    "WriteCancelled",
    "Writer",
    "WriterBusy",
    "WriterRunner",
    "restart_always",
    "writing",
]


class Writer(Protocol):
    """Collects what events lead to, and writes it to a database.

    One writer object lives from one start to the next failure; its methods never overlap.
    """

    async def read(self) -> int | None:
        """Connect, and return the sequence number of the first event to handle.

        That is the stored progress plus one. None where the database does not say: then a snapshot
        is used (`Restorable`), or all events are replayed. Called once, before anything else.
        """

    def handle(self, event: Event) -> None:
        """Take in one event, in log order. Nothing waits here; an error ends the runner."""

    async def write(self) -> None:
        """Write what was collected since the last write, and the progress, in one transaction.

        Called after every batch of events, while a replay is suspended and live. It sets a limit to
        what it waits for: a cancelled runner waits for it. When it raises, the writer is closed,
        and what the database holds is asked of a new one.
        """

    async def close(self) -> None:
        """Release the connection. Called once, whatever went wrong before; raises nothing."""


@runtime_checkable
class Restorable(Protocol):
    """A writer whose state can come from a snapshot, where `read` gave no sequence number."""

    async def restore(self) -> int:
        """Take the state from the newest snapshot; return the number it covers, 0 without one."""


class Verdict(Enum):
    """What to do about a read or a write that failed."""

    RESTART = "restart"
    STOP = "stop"


def restart_always(error: Exception) -> Verdict:  # noqa: ARG001, RUF100 (one of many policies)
    """Restart after any failure: the default."""
    return Verdict.RESTART


class WriterBusy(Unavailable):
    """The writer was not where a request needs it, for longer than the request's limit."""

    def __init__(self, name: str, limit_s: float) -> None:
        super().__init__(
            f"Expected the writer {name!r} to be there within {limit_s} s; it is still behind.",
            remedy="Ask again later; its `trouble` says what it waits for.",
        )


class WriteCancelled(RuntimeError):
    """Something within a writer's read or write was cancelled, though the writer was not."""

    def __init__(self, name: str) -> None:
        super().__init__(f"Writer {name!r} gave its work up from within.")


class _Failed(Exception):
    """A read or write raised; never leaves this module."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


W = TypeVar("W", bound=Writer)
T = TypeVar("T")


class WriterRunner(Generic[W]):
    """Drives one writer. One for each name and database at a time.

    Events of the log are read in batches of bounded size, and none is read while a write is under
    way: what arrives meanwhile waits in the log and forms the next batch. So nothing is queued.

    Args:
        make: gives a writer without state; called at each start and restart.
        name: for progress displays and errors.
        retry: the waits between restarts; they begin anew after a write that worked.
        on_failure: what to do when `read` or `write` raised.
    """

    def __init__(
        self,
        log: EventLog,
        make: Callable[[], W],
        *,
        name: str,
        retry: RetryPolicy | None = None,
        on_failure: Callable[[Exception], Verdict] = restart_always,
    ) -> None:
        self.name = name
        self._log = log
        self._make = make
        self._policy = retry or RetryPolicy()
        self._delays_s = self._policy.delays_s()
        self._on_failure = on_failure
        self._ready: W | None = None
        self._trouble: Exception | None = None
        self._position = 0
        self._changed = asyncio.Condition()
        self._waits = CausalWaits(log, self)

    @property
    def position(self) -> int:
        """Sequence number of the last event whose effect is in the database."""
        return self._position

    @property
    def trouble(self) -> str | None:
        """Why the writer waits to be started again, if it does."""
        return None if self._trouble is None else str(self._trouble) or repr(self._trouble)

    async def run(self) -> None:
        """Follow the log until cancelled; a write that has begun is ended first.

        It can be run again afterwards.

        Raises:
            EmitterInUse: a writer of this name runs on this log already.
            UnknownPosition: the database is ahead of the log; it must be rebuilt.
            LogClosed: the log was closed.
            Exception: what `read` or `write` raised, where the policy says stop; what `handle`
                raised.
        """
        with self._log.claim(f"writer:{self.name}"):
            while True:
                error = await self._run_once()
                if self._on_failure(error) is Verdict.STOP:
                    raise error
                await asyncio.sleep(next(self._delays_s))

    async def ask(self, query: Callable[[W], T], *, limit_s: float = 30.0) -> T:
        """Return what a query makes of the writer; a command is a query that has an effect.

        Waits while the writer reads its progress, and while a write suspends a replay; not for
        writes of live events.

        Raises:
            WriterBusy: that took longer than the limit; nothing was done.
        """
        try:
            async with asyncio.timeout(limit_s), self._changed:
                await self._changed.wait_for(lambda: self._ready is not None)
        except TimeoutError as reason:
            raise WriterBusy(self.name, limit_s) from reason
        assert self._ready is not None, "nothing ran since it was seen"
        return query(self._ready)

    async def at_least(self, token: VectorTime, *, limit_s: float = LIMIT_S) -> None:
        """Return once the database holds all that a causal token covers; see `at_least`.

        Raises:
            NotReached: not within the limit.
            LogClosed: the log was closed.
        """
        await self._waits.at_least(token, limit_s=limit_s)

    def has_received(self, sequence_nr: int) -> bool:
        """Tell whether the database holds everything up to this number of the log."""
        return self._position >= sequence_nr

    async def receive_up_to(self, sequence_nr: int) -> None:
        """Wait until the database holds everything up to this number of the log.

        There is no limit: a database that stays away is waited for.
        """
        async with self._changed:
            await self._changed.wait_for(lambda: self.has_received(sequence_nr))

    async def _run_once(self) -> Exception:
        """Run one writer until its read or write fails, and return why."""
        writer = self._make()
        try:
            await self._drive(writer)
        except _Failed as failure:
            self._trouble = failure.error
            return failure.error
        finally:
            self._ready = None
            await to_end(writer.close())

    async def _drive(self, writer: W) -> NoReturn:
        after = await self._attempt(_start(writer))
        replay_ends = self._log.sequence_nr
        await self._show(writer, after)
        async with aclosing(self._log.follow(after)) as batches:
            async for events in batches:
                if events[0].sequence_nr <= replay_ends:
                    self._ready = None
                await self._write(writer, events)
                await self._show(writer, events[-1].sequence_nr)
        raise AssertionError("a log is followed until an error")

    async def _write(self, writer: W, events: Sequence[Event]) -> None:
        for event in events:
            writer.handle(event)
        await self._attempt(to_end(writer.write()))
        self._trouble = None
        self._delays_s = self._policy.delays_s()

    async def _show(self, writer: W, position: int) -> None:
        self._position = position
        self._ready = writer
        async with self._changed:
            self._changed.notify_all()

    async def _attempt(self, work: Awaitable[T]) -> T:
        try:
            return await work
        except asyncio.CancelledError as cancellation:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            raise _Failed(WriteCancelled(self.name)) from cancellation
        except Exception as error:
            raise _Failed(error) from error


async def _start(writer: Writer) -> int:
    first = await writer.read()
    if first is not None:
        return first - 1
    return await writer.restore() if isinstance(writer, Restorable) else 0


@asynccontextmanager
async def writing(
    log: EventLog,
    make: Callable[[], W],
    *,
    name: str,
    retry: RetryPolicy | None = None,
    on_failure: Callable[[Exception], Verdict] = restart_always,
) -> AsyncIterator[WriterRunner[W]]:
    """Keep a database up to date within the block, and hand over what drives the writer.

    If the writer ends with an error, the block is cancelled and the error raised: nobody goes on
    reading a database that stands still. The arguments are those of `WriterRunner`.
    """
    runner = WriterRunner(log, make, name=name, retry=retry, on_failure=on_failure)
    try:
        async with asyncio.TaskGroup() as tasks:
            following = tasks.create_task(runner.run())
            try:
                yield runner
            finally:
                following.cancel()
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from errors.exceptions[0].__cause__
