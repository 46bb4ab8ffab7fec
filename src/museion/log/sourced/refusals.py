"""What aggregates and views answer when they cannot do what they were asked."""

from __future__ import annotations

from collections.abc import Iterable

from museion.base.errors import Conflict, InvalidInput, Unavailable


class Overloaded(Unavailable):
    """Too many requests wait already; this one was not begun."""

    def __init__(self, what: str, limit: int) -> None:
        super().__init__(
            f"Expected at most {limit} {what}, and there are so many already.",
            remedy="Try again later, or send less at a time.",
        )


class AggregateStopped(Unavailable):
    """The aggregate stopped or began anew before the request was done; it wrote nothing more."""

    def __init__(self, emitter_id: str, reason: BaseException | None = None) -> None:
        because = f" ({type(reason).__name__}: {reason})" if reason is not None else ""
        super().__init__(
            f"The aggregate {emitter_id!r} has stopped{because}.",
            remedy="Ask again: it starts anew on demand. If it stops again, mend the reason.",
        )


class NotOpen(AggregateStopped):
    """Aggregates of a kind were asked for outside of the `async with` block that runs them."""

    def __init__(self, kind_name: str) -> None:
        Unavailable.__init__(
            self,
            f"The aggregates of kind {kind_name!r} do not run: expected to be within the"
            " `async with` block of their `Aggregates`, which has not begun or has ended.",
            remedy="Use `async with Aggregates(log, …) as …`.",
        )


class WrittenNotHandled(RuntimeError):
    """Events are stored, but the aggregate stopped before it handled them.

    Not of the five families, each of which says that nothing was done. The cause says why.
    """

    def __init__(self, emitter_id: str, reason: Exception) -> None:
        super().__init__(
            f"What {emitter_id!r} persisted is stored, but it stopped before it handled it"
            f" ({type(reason).__name__}: {reason})."
            " Do not repeat the request; look at the state once it has recovered."
        )


class NotHandled(RuntimeError):
    """The handler of a stored event raised, or its payload could not be read; the cause says why.

    The state is not to be trusted any more, so the aggregate or view stops. It meets the same
    event again when it recovers, so the handler has to be mended.
    """

    def __init__(self, name: str, type_name: str, sequence_nr: int, reason: Exception) -> None:
        super().__init__(
            f"{name!r} could not handle event {sequence_nr} of type {type_name}"
            f" ({type(reason).__name__}: {reason}). Mend its handler, then recover."
        )


class UnhandledCommand(Conflict):
    """The present behaviour of an aggregate has no such command; nothing was done."""

    def __init__(self, emitter_id: str, command: str, known: Iterable[str]) -> None:
        super().__init__(
            f"The aggregate {emitter_id!r} takes no command {command!r} at present;"
            f" it takes {', '.join(sorted(known)) or 'none'}."
        )


class NotACommand(InvalidInput, AttributeError):
    """Something other than a command was asked of an aggregate from outside."""

    def __init__(self, type_name: str, attribute: str) -> None:
        super().__init__(
            f"Expected a command of {type_name}, got {attribute!r}.",
            remedy="State is not read from outside: mark a method with @command that returns it.",
        )


class NotInCommand(Conflict):
    """Something that only a command may do was tried elsewhere, or too late within it."""

    def __init__(self, what: str, where: str) -> None:
        super().__init__(f"Expected {what} {where}; it was called elsewhere. Nothing was done.")


class NotInHandler(Conflict):
    """Something that only an event handler may do was tried elsewhere."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"Expected {what} within an event handler; it was called elsewhere.",
            remedy="In a command, write with `await self.persist(…)`.",
        )


class WaitsForItself(Conflict):
    """A command called its own aggregate from outside, which would wait for itself for ever."""

    def __init__(self, emitter_id: str, command: str) -> None:
        super().__init__(
            f"Command {command!r} was called at {emitter_id!r} from within a command of the same"
            " aggregate; it could never begin.",
            remedy="Call the method on `self`, or turn state sync off.",
        )


class NotStarted(Conflict):
    """An aggregate or view that runs on no log was asked for what only a running one can do."""

    def __init__(self, type_name: str) -> None:
        super().__init__(
            f"This {type_name} runs on no log.",
            remedy="Get it from `Aggregates` (or `running` for a view) instead of making it.",
        )


class InThePast(Conflict):
    """An aggregate that was recovered to a past state was asked to write."""

    def __init__(self, emitter_id: str, sequence_nr: int) -> None:
        super().__init__(
            f"The aggregate {emitter_id!r} shows its state at event {sequence_nr}, not the present"
            " one; it must not write.",
            remedy="Start it without `to_sequence_nr`.",
        )


class SnapshotRefused(Conflict):
    """Raised by `restore`: the state in a snapshot is not taken; everything is replayed."""

    def __init__(self, reason: str = "the state is of another form") -> None:
        super().__init__(f"The snapshot is not accepted: {reason}.")


class SnapshotUnderway(Conflict):
    """A snapshot was asked for while one of the same emitter is being saved."""

    def __init__(self, emitter_id: str) -> None:
        super().__init__(f"A snapshot of {emitter_id!r} is being saved already.")


class NoSnapshotStore(InvalidInput):
    """A snapshot was asked for, and there is no store to keep it."""

    def __init__(self, emitter_id: str) -> None:
        super().__init__(
            f"There is no place for a snapshot of {emitter_id!r}.", remedy="Pass snapshots=…."
        )


class NotSnapshotable(InvalidInput):
    """The declared attributes of a class do not make a state that can be encoded."""

    def __init__(self, type_name: str, reason: str) -> None:
        super().__init__(
            f"The state of {type_name} cannot be saved by itself: {reason}.",
            remedy="Annotate the attribute in the class body, name it in `transient`, or override"
            " `snapshot_state` and `restore`.",
        )


class InvalidDefinition(InvalidInput):
    """A class of aggregates, views or behaviours is not written as one; nothing was started."""

    def __init__(self, type_name: str, expected: str, found: object) -> None:
        super().__init__(f"Class {type_name}: expected {expected}, got {found!r:.200}.")


class NotReached(Unavailable):
    """A causal token was not reached within the limit; the request was not begun."""

    def __init__(self, limit_s: float) -> None:
        super().__init__(
            f"What was to be seen has not arrived here within {limit_s:g} s.",
            remedy="Wait longer, ask the place that wrote it, or accept an older state.",
        )


class NoVersion(InvalidInput):
    """A causal token was given to something that does not know which events it has handled."""

    def __init__(self, receiver: object) -> None:
        super().__init__(
            "Expected an aggregate, view, stateful writer or stateful processor, got"
            f" {type(receiver).__name__}, which has no version to compare a causal token with."
        )
