"""Commands and turn-taking: in which order an aggregate carries out what it is asked.

With state sync on, one command runs at a time, whole, with all its writes: it decides on a state
that nobody else changes meanwhile. With it off, commands run side by side: more are served while a
disk flushes, but a command may decide on a state that lacks what another is about to write.

A command runs in the task of its caller, so cancelling the caller cancels the command.
"""

from __future__ import annotations

import asyncio
import inspect
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from typing import Any, NoReturn, TypeVar

from museion.log.sourced.handlers import marked_methods
from museion.log.sourced.refusals import InvalidDefinition, NotInCommand, Overloaded, WaitsForItself

__all__ = ["Turns", "command", "commands_of", "outside_commands"]

R = TypeVar("R")
# Any: the marked method itself is returned, so its signature is kept whatever it is.
C = TypeVar("C", bound=Callable[..., Coroutine[Any, Any, Any]])

_MARK = "__museion_command__"
_OF_HANDLES = ("id", "version", "at_least")


def command(method: C) -> C:
    """Mark an `async` method that may be called from outside; its signature is kept.

    On `self` it is an ordinary method, part of the command that calls it.
    """
    setattr(method, _MARK, True)
    return method


def commands_of(owner: type) -> frozenset[str]:
    """Return the names of a class's commands.

    Raises:
        InvalidDefinition: a command does not wait, or has a name that a handle has itself.
    """
    names: set[str] = set()
    for name, method in marked_methods(owner, _MARK):
        place = f"{owner.__qualname__}.{name}"
        if not inspect.iscoroutinefunction(method):
            raise InvalidDefinition(place, "a command that is `async def`", method)
        if name in _OF_HANDLES or name.startswith("_"):
            raise InvalidDefinition(place, "a public name for a command, not one of a handle", name)
        names.add(name)
    return frozenset(names)


class _Stashed(BaseException):
    """Ends the run of a command that is put aside. No `except Exception` shall catch it."""


class Turn:
    """One command on its way: waiting, running, or put aside.

    Attributes:
        task: that of its caller, in which it runs.
        running: its body runs at present.
        persisted: it has begun to write, so it cannot be put aside any more.
        granted: done when it may run; None if it never had to wait.
    """

    __slots__ = ("caller", "granted", "persisted", "running", "task", "turns")

    def __init__(self, turns: Turns, caller: Turn | None) -> None:
        self.turns = turns
        self.caller = caller
        self.task = asyncio.current_task()
        self.running = False
        self.persisted = False
        self.granted: asyncio.Future[None] | None = None


_running: ContextVar[Turn | None] = ContextVar("museion_running_command", default=None)


def outside_commands() -> Context:
    """Return the present context without the command that runs in it, for tasks that outlive it."""
    context = copy_context()
    context.run(_running.set, None)
    return context


class Turns:
    """Who runs next. Begins paused: commands that come before the recovery is complete wait.

    Waiting has no limit in time: a caller who wants one puts `asyncio.timeout` around the command.

    Args:
        name: what errors call the aggregate.
        at_once: how many commands may run side by side.
        max_waiting: how many may wait, and how many may be put aside.
    """

    def __init__(self, name: str, *, at_once: int, max_waiting: int) -> None:
        self._name = name
        self._at_once = at_once
        self._max_waiting = max_waiting
        self._open = False
        self._failure: Exception | None = None
        self._running = 0
        self._beginning = 0
        self._quiet: asyncio.Future[None] | None = None
        self._waiting: deque[Turn] = deque()
        self._stashed: deque[Turn] = deque()

    @property
    def idle(self) -> bool:
        """Whether no command runs, waits, or is put aside."""
        return not (self._running or self._waiting or self._stashed)

    async def run(self, name: str, body: Callable[[], Awaitable[R]]) -> R:
        """Run a command when its turn has come, and again whenever it was put aside and taken up.

        Raises:
            Overloaded: too many wait.
            WaitsForItself: it is called from a command that it would have to wait for.
            Exception: what the command raised, or why the aggregate stopped.
        """
        turn = Turn(self, _running.get())
        if self._at_once == 1:
            self._refuse_deadlock(turn, name)
        await self._begin(turn)
        while True:
            mark = _running.set(turn)
            turn.running = True
            try:
                return await body()
            except _Stashed:
                if self._failure is not None:
                    raise self._failure from None
                turn.granted = asyncio.get_running_loop().create_future()
                self._stashed.append(turn)
            finally:
                turn.running = False
                _running.reset(mark)
                self._running -= 1
                self._grant()
                self._tell_ended()
            await self._granted(turn)

    def stash(self) -> NoReturn:
        """Put the running command aside; never returns.

        Raises:
            NotInCommand: no command runs here, or it has begun to write.
            Overloaded: too many are put aside.
        """
        turn = self._current("stash()")
        if turn.persisted:
            raise NotInCommand("stash()", "before the command's first persist")
        if len(self._stashed) >= self._max_waiting:
            raise Overloaded(f"commands put aside at {self._name!r}", self._max_waiting)
        raise _Stashed

    def unstash_all(self) -> None:
        """Let all that are put aside run again, in their order, before those that wait.

        Raises:
            NotInCommand: no command runs here.
        """
        self._current("unstash_all()")
        self._waiting.extendleft(reversed(self._stashed))
        self._stashed.clear()
        self._grant()

    def note_write(self) -> None:
        """Take note that the running command, if one runs here, begins to write."""
        turn = _running.get()
        while turn is not None:
            if turn.turns is self:
                turn.persisted = True
            turn = turn.caller

    def pause(self) -> None:
        """Let no further command begin."""
        self._open = False

    def resume(self) -> None:
        """Let commands begin."""
        self._open = True
        self._grant()

    def fail(self, error: Exception) -> None:
        """Refuse all that wait or are put aside, and all that come, with an error."""
        self._failure = error
        for turn in (*self._waiting, *self._stashed):
            if turn.granted is not None and not turn.granted.done():
                turn.granted.set_exception(error)
                turn.granted.exception()  # the waiting task may have been cancelled: do not warn
        self._waiting.clear()
        self._stashed.clear()

    async def ended(self) -> None:
        """Wait until no command runs, after `fail`; without a limit of its own."""
        if self._running:
            self._quiet = asyncio.get_running_loop().create_future()
            await self._quiet

    def _tell_ended(self) -> None:
        if self._quiet is not None and not self._running and not self._quiet.done():
            self._quiet.set_result(None)

    async def _begin(self, turn: Turn) -> None:
        if self._failure is not None:
            raise self._failure
        if self._may_begin() and not self._beginning and not self._waiting:
            self._running += 1
            return
        if len(self._waiting) >= self._max_waiting:
            raise Overloaded(f"commands waiting at {self._name!r}", self._max_waiting)
        turn.granted = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        self._grant()
        await self._granted(turn)

    async def _granted(self, turn: Turn) -> None:
        granted = turn.granted
        assert granted is not None
        try:
            await granted
        except asyncio.CancelledError:
            self._give_up(turn, granted)
            raise
        self._beginning -= 1

    def _give_up(self, turn: Turn, granted: asyncio.Future[None]) -> None:
        for place in (self._waiting, self._stashed):
            if turn in place:
                place.remove(turn)
                return
        if granted.done() and not granted.cancelled() and granted.exception() is None:
            self._beginning -= 1
            self._running -= 1
            self._grant()
            self._tell_ended()

    def _may_begin(self) -> bool:
        return self._open and self._running < self._at_once

    def _grant(self) -> None:
        while self._waiting and self._may_begin():
            granted = self._waiting.popleft().granted
            assert granted is not None
            if not granted.done():
                granted.set_result(None)
                self._running += 1
                self._beginning += 1

    def _current(self, what: str) -> Turn:
        turn = _running.get()
        if turn is None or turn.turns is not self or not turn.running:
            raise NotInCommand(what, "within a command")
        return turn

    def _refuse_deadlock(self, turn: Turn, name: str) -> None:
        caller = turn.caller
        while caller is not None:
            # In another task it need not wait for this one, for example when it comes later.
            if caller.turns is self and caller.running and caller.task is turn.task:
                raise WaitsForItself(self._name, name)
            caller = caller.caller
