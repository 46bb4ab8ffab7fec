"""The five families of errors; every error of Museion derives from one of them.

A family says what a failed call means for the caller: whose fault it was, whether anything was
done, and what can be tried. Modules derive named errors from a family and build the message from
values: what was expected, what came, what to do.
"""

from __future__ import annotations

from typing import ClassVar


class MuseionError(Exception):
    """Base of the five families; `message` is one line, `remedy` says what to do about it."""

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()

    def __reduce__(self) -> tuple[object, ...]:
        # Errors cross process borders. Subclasses build their message from other arguments than
        # the ones kept here, so unpickling must not call their constructor again.
        return (_rebuild, (type(self), self.message, self.remedy, self.__dict__.copy()))


class InvalidInput(MuseionError):
    """What the caller gave cannot be accepted; nothing was done and a repeat fails alike."""


class NotFound(MuseionError):
    """What was asked for does not exist here; nothing was done."""


class Conflict(MuseionError):
    """The present state does not allow the request; nothing was done, a later try may succeed."""


class Unavailable(MuseionError):
    """A resource cannot serve now (disk full, time-out); the request was not carried out.

    Attributes:
        lasting: it does not pass by itself, so trying again is in vain; declared by the class.
    """

    lasting: ClassVar[bool] = False


class Damaged(MuseionError):
    """Stored or received bytes are not what was written; they were not used."""


def _rebuild(
    kind: type[MuseionError], message: str, remedy: str, state: dict[str, object]
) -> MuseionError:
    error = kind.__new__(kind)
    Exception.__init__(error, message)
    error.message = message
    error.remedy = remedy
    error.__dict__.update(state)
    return error
