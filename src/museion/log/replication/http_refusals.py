"""Errors as refusals on the wire: which HTTP status and which words each one gets."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from museion.base.errors import Damaged, InvalidInput, MuseionError, Unavailable
from museion.log.replication.http_errors import TemporarilyUnavailable
from museion.log.replication.refusals import BadRequest, RefusalMessage, Refused

STATUS_OF_CODE: Mapping[str, int] = MappingProxyType(
    {
        "bad-request": 400,
        "device-event": 400,
        "not-trusted": 401,
        "replayed": 401,
        "unknown-log": 404,
        "protocol-version": 409,
        "application-version": 409,
        "source-lost-events": 409,
        "filtered-cycle": 409,
        "device-forked": 409,
        "retired": 410,
        "damaged": 500,
        "defect": 500,
        "recovering": 503,
        "unavailable": 503,
        "busy": 503,
        "device-must-wait": 503,
    }
)
"""HTTP status of each reason; 403 for all others."""


class NothingThere(BadRequest):
    """The address is none of the protocol."""

    def __init__(self, path: str) -> None:
        super().__init__(
            f"There is nothing at {path!r:.80}.",
            remedy="Check the address that is kept for the site, and whether both speak version 1.",
        )


class SourceDamaged(Refused):
    """What the endpoint has stored cannot be read."""

    code = "damaged"


def refusal_for(error: MuseionError) -> Refused:
    """Return the refusal that tells of an error."""
    match error:
        case Refused():
            return error
        case InvalidInput():
            return BadRequest(error.message, remedy=error.remedy)
        case Damaged():
            return SourceDamaged(error.message, remedy=error.remedy)
        case Unavailable():
            return TemporarilyUnavailable(error.message, remedy=error.remedy)
        case _:
            return Refused(error.message, remedy=error.remedy)


def on_the_wire(error: Refused) -> tuple[int, RefusalMessage]:
    """Return the HTTP status and the body of a refusal."""
    message = RefusalMessage(error.code, error.message, error.remedy)
    return STATUS_OF_CODE.get(error.code, 403), message
