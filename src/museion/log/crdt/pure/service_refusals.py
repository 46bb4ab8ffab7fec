"""What a service of pure CRDTs answers when it cannot do what it was asked."""

from __future__ import annotations

from museion.base.errors import Conflict, InvalidInput, Unavailable


class NoFounders(InvalidInput):
    """A service was given no locations, so nothing could ever be written."""

    def __init__(self) -> None:
        super().__init__(
            "Expected the ids of the logs that take part from the beginning, got none.",
            remedy="Give at least this log's id; all locations name the same.",
        )


class NotTakingPart(Conflict):
    """A location that was not admitted yet, or has left, wants to write; nothing was written."""

    def __init__(self, location: str, locations: tuple[str, ...]) -> None:
        super().__init__(
            f"Expected to write as one of {', '.join(locations)}; this is {location}.",
            remedy="Let one of them admit it, and wait until that has come here. A location that"
            " was retired comes back under a new log id only.",
        )


class NoSuchChange(Conflict):
    """A location is to come or leave that has done so; nothing was written."""

    def __init__(self, location: str, *, expected: str) -> None:
        super().__init__(f"Expected a location that {expected}, got {location}.")


class PureServiceStopped(Unavailable):
    """The service does not run: it was not opened, was closed, or has failed; nothing was done."""

    def __init__(self, emitter_id: str, reason: BaseException | None = None) -> None:
        because = f" ({type(reason).__name__}: {reason})" if reason is not None else ""
        super().__init__(
            f"The service {emitter_id!r} does not run{because}.",
            remedy="Use it within `async with`; if it failed, mend the reason and open it anew.",
        )
