"""What writing and reading a typed payload can end in, apart from a payload."""

from __future__ import annotations

import msgspec

from museion.base.errors import Damaged, InvalidInput, MuseionError
from museion.log.event import Event


class Unknown(msgspec.Struct, frozen=True):
    """A payload of a type, or of a newer form of a type, that this program does not know."""

    type_name: str
    form: int
    payload: bytes


class Erased(msgspec.Struct, frozen=True):
    """What is left of a payload whose data subject was erased."""

    type_name: str
    subject_key_id: str


class DuplicateEventType(InvalidInput):
    """Two classes or two adapters claim the same; no set of event types was made."""

    def __init__(self, what: str, first: type, second: type) -> None:
        super().__init__(
            f"Expected one {what}, got {first.__qualname__} and {second.__qualname__}.",
            remedy="A written name is never used again; give the newer type another.",
        )


class NoSubjectKeys(InvalidInput):
    """An event is about a data subject, and there are no keys to encrypt or decrypt it with."""

    def __init__(self, type_name: str) -> None:
        super().__init__(
            f"Event type {type_name} is about a data subject; expected EventTypes with keys.",
            remedy="Pass keys=FileSubjectKeys(folder); personal data is not written in clear.",
        )


class UnencodablePayload(InvalidInput):
    """A payload holds what msgpack, or its own class, does not take; nothing was done."""

    def __init__(self, type_name: str, reason: str) -> None:
        super().__init__(
            f"A payload of event type {type_name} cannot be written: {reason}.",
            remedy="Give its fields values of the types that the class names.",
        )


class UndecodablePayload(Damaged):
    """A payload of a known form is not what that form says."""

    def __init__(self, event: Event, reason: Exception) -> None:
        # What was encrypted must not come into a log file in clear: reasons may quote it.
        told = _told(reason) if event.subject_key_id is None else type(reason).__name__
        super().__init__(
            f"Event {event.id.time} of {event.id.process_id} (number {event.sequence_nr} here) is"
            f" no {event.type_name} of form {event.form}: {told}.",
            remedy="Look whether the class, or an upcaster, fits what that form once wrote.",
        )
        self.event_id = event.id


class UnknownForm(InvalidInput):
    """An event has a type or a form that this program version does not know."""

    def __init__(self, type_name: str, form: int) -> None:
        super().__init__(
            f"Event type {type_name} came in form {form}, which this program does not know.",
            remedy="Update this site's program.",
        )


class TamperedPayload(Damaged):
    """An encrypted payload is not what was encrypted for this type, form and key."""

    def __init__(self, type_name: str, form: int, key_id: str) -> None:
        super().__init__(
            f"A payload of event type {type_name}, form {form}, encrypted with key {key_id}, was"
            " changed or moved.",
            remedy="Run `museion log verify`, and restore the log from a backup or another site.",
        )


def _told(reason: Exception) -> str:
    """Return a reason that can be understood alone: a KeyError says no more than a key."""
    if isinstance(reason, msgspec.MsgspecError | MuseionError):
        return str(reason)
    return f"{type(reason).__name__}: {reason}"
