"""What a log answers when it cannot do what it was asked."""

from __future__ import annotations

from museion.base.errors import Conflict, InvalidInput, Unavailable


class LogClosed(Unavailable):
    """The log was closed, or stopped at a defect; the request was not carried out."""

    lasting = True

    def __init__(self) -> None:
        super().__init__("The event log is closed.", remedy="Open it again.")


class LogDefect(RuntimeError):
    """A defect met while a request was written; whether it is in the log is not known.

    Not of the five families: there is nothing that a caller could do but open the log again, and
    look. The log is closed by it. The cause is the error that was met.
    """

    def __init__(self, defect: BaseException) -> None:
        super().__init__(
            f"The event log stopped at a defect ({type(defect).__name__}: {defect}); whether this"
            " request was written is not known. Open the log again and look."
        )


class UnknownPosition(InvalidInput):
    """A reader claims to have read what this log does not hold."""

    def __init__(self, position: int, end: int) -> None:
        super().__init__(
            f"Expected a position from 0 to {end}, the end of the event log, got {position}.",
            remedy="If the log was restored from a backup, rebuild from it what follows it.",
        )


class LogUnavailable(Unavailable):
    """The store keeps failing, so the request was refused at once; nothing was done."""

    def __init__(self) -> None:
        super().__init__(
            "The event log cannot be written now: its store keeps failing.",
            remedy="Try again in some seconds; look for the cause in what the last write reported.",
        )


class LogHeld(Unavailable):
    """The log lost events and takes no new ones until those are back; nothing was done."""

    def __init__(self) -> None:
        super().__init__(
            "The event log lost events; a new one would take the identity of a lost one.",
            remedy="Recover the site from its neighbours; then it takes events again.",
        )


class EmitterInUse(Conflict):
    """Another aggregate or processor with the same id is alive; two would overlook each other."""

    def __init__(self, emitter_id: str) -> None:
        super().__init__(
            f"The emitter {emitter_id!r} is already active on this log.",
            remedy="Use that one, or end it first.",
        )
