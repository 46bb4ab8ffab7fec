"""An event loop on which time is only a number: waiting costs nothing, and nothing is by chance.

Callbacks run in the order in which they were due, ties in the order in which they were asked for.
There are no sockets and no threads; what would run in a thread runs here, somewhat later, as in a
thread that gets its turn. When nothing is left that could ever happen, the run ends with `Stalled`
in place of waiting for ever.
"""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Callable, Coroutine, Generator, Sized
from contextvars import Context
from typing import Any, TypeVar

T = TypeVar("T")

Delay = Callable[[], float]
"""Returns how long something takes, seconds."""


class Stalled(RuntimeError):
    """Everybody waits for something that nobody will bring about."""

    def __init__(self, at_s: float) -> None:
        super().__init__(f"at {at_s:.3f} s all tasks wait, and no timer is set")


class VirtualLoop(asyncio.BaseEventLoop):
    """An event loop with virtual time, which begins at 0.

    Attributes:
        work_delay: how long work takes that would run in a thread; asked twice, for the time before
            the work is done and for the time until its result is known.
        is_dead: tells whether the running code is of a program that was killed; its work is not
            done any more.
        on_task: called with every new task and the context it was given, None for the present one.
    """

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0
        self._serial = 0
        # A timer is due when the time is beyond it, not when it is near: whoever looks at the clock
        # then, and waits for the little that is left, would do so for ever: time stands still.
        self._clock_resolution = 0.0
        self._selector = _Sleep(self)
        self.work_delay: Delay = lambda: 0.0
        self.is_dead: Callable[[], bool] = lambda: False
        self.on_task: Callable[[asyncio.Task[Any], Context | None], None] = lambda _, __: None
        self.set_task_factory(_make_task)

    def time(self) -> float:
        """Return the virtual time, seconds."""
        return self._now

    def serial(self) -> int:
        """Return the next number; tasks and futures are hashed by it, not by their address."""
        self._serial += 1
        return self._serial

    def create_future(self) -> asyncio.Future[Any]:
        """Return a future whose hash is the same in every run."""
        return _Future(loop=self)

    def call_soon_threadsafe(  # type: ignore[override]  # the stub has type variables of its own
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        """Call back in the next turn; only from this thread, for any other would bring chance."""
        assert threading.get_ident() == self._thread_id, "a thread takes part in the simulation"
        return self.call_soon(callback, *args, context=context)

    def run_in_executor(  # type: ignore[override]  # as above
        self, executor: object, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        """Do work that may block, on this loop, later; its result comes later still."""
        answer: asyncio.Future[T] = self.create_future()
        self.call_later(self.work_delay(), self._work, answer, func, args)
        return answer

    def _work(
        self, answer: asyncio.Future[T], func: Callable[..., T], args: tuple[Any, ...]
    ) -> None:
        if self.is_dead():
            answer.cancel()
            return
        try:
            result = func(*args)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:
            self.call_later(self.work_delay(), _fail, answer, error)
        else:
            self.call_later(self.work_delay(), _answer, answer, result)

    def sleep_until_due(self, timeout: float | None) -> None:
        """Let the time jump to the next timer."""
        if timeout is None:
            if not self._stopping:
                raise Stalled(self._now)
        elif self._scheduled and not self._ready:
            self._now = max(self._now, math.nextafter(self._scheduled[0].when(), math.inf))

    def _process_events(self, event_list: list[object]) -> None:
        """Nothing comes from outside."""

    def _write_to_self(self) -> None:
        """Nobody has to be woken."""

    # The event loop of Python keeps these; they are no part of its published face.
    _ready: Sized
    _scheduled: list[asyncio.TimerHandle]
    _stopping: bool
    _thread_id: int


class _Sleep:
    """Stands where an ordinary loop waits for sockets."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> list[object]:
        self._loop.sleep_until_due(timeout)
        return []


class _Future(asyncio.Future[Any]):
    def __init__(self, *, loop: VirtualLoop) -> None:
        super().__init__(loop=loop)
        self._number = loop.serial()

    def __hash__(self) -> int:
        return self._number


class _Task(asyncio.Task[Any]):
    # Sets of tasks are walked by asyncio itself, for example to cancel a group.
    def __init__(
        self,
        coro: Generator[Any, None, Any] | Coroutine[Any, Any, Any],
        *,
        loop: VirtualLoop,
        **more: Any,
    ) -> None:
        self._number = loop.serial()
        super().__init__(coro, loop=loop, **more)

    def __hash__(self) -> int:
        return self._number


def _make_task(
    loop: asyncio.AbstractEventLoop,
    coro: Generator[Any, None, Any] | Coroutine[Any, Any, Any],
    context: Context | None = None,
    **more: Any,
) -> asyncio.Task[Any]:
    assert isinstance(loop, VirtualLoop)
    task = _Task(coro, loop=loop, context=context, **more)
    loop.on_task(task, context)
    return task


def _fail(answer: asyncio.Future[T], error: BaseException) -> None:
    if not answer.done():
        answer.set_exception(error)


def _answer(answer: asyncio.Future[T], result: T) -> None:
    if not answer.done():
        answer.set_result(result)


def run_virtually(main: Coroutine[Any, Any, T], *, limit_s: float = 86_400.0) -> T:
    """Run a coroutine on a virtual loop of its own and return its result.

    Args:
        limit_s: virtual seconds after which it fails with `TimeoutError`.

    Raises:
        Stalled: all tasks wait for ever.
    """

    async def limited() -> T:
        async with asyncio.timeout(limit_s):
            return await main

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(limited())
