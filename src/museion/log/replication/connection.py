"""One connection of an endpoint, as its owner asks for it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from museion.base.errors import Conflict, InvalidInput
from museion.log.replication.filters import EVERYTHING, Filter

_SEPARATOR = ":"


class Direction(StrEnum):
    """Who asks. The door is always that of the remote endpoint."""

    READ = "read"
    """This endpoint reads from the remote one."""
    OFFER = "offer"
    """This endpoint brings its events to the remote one, which need not be able to ask for them."""
    BOTH = "both"
    """One open door serves both ways."""


@dataclass(frozen=True, slots=True)
class Connection:
    """What an endpoint shall exchange with a remote one.

    Attributes:
        remote_id: id of the remote endpoint.
        only: what to read of its logs; applies to `read`, not to what is offered.
        log_names: which logs; None for all that both have.
    """

    remote_id: str
    only: Filter = EVERYTHING
    log_names: tuple[str, ...] | None = None
    direction: Direction = Direction.READ

    @property
    def reads(self) -> bool:
        """Tell whether events come here over it."""
        return self.direction is not Direction.OFFER

    @property
    def offers(self) -> bool:
        """Tell whether events are brought over it."""
        return self.direction is not Direction.READ

    def takes(self, log_name: str) -> bool:
        """Tell whether a log is part of it."""
        return self.log_names is None or log_name in self.log_names


def log_id_of(endpoint_id: str, log_name: str) -> str:
    """Return the id of an endpoint's log; the log without a name has the id of its endpoint."""
    return f"{endpoint_id}{_SEPARATOR}{log_name}" if log_name else endpoint_id


class BadEndpointId(InvalidInput):
    """An endpoint id would make ids of logs ambiguous, or is missing."""

    def __init__(self, endpoint_id: str) -> None:
        super().__init__(
            f"Expected an endpoint id without {_SEPARATOR!r} and not empty, got {endpoint_id!r}."
        )


def require_endpoint_id(endpoint_id: str) -> None:
    """Raise `BadEndpointId` for what cannot be one."""
    if not endpoint_id or _SEPARATOR in endpoint_id:
        raise BadEndpointId(endpoint_id)


class ForeignLog(InvalidInput):
    """A log was made for another endpoint or name, so its events would carry a wrong origin."""

    def __init__(self, log_name: str, *, expected: str, found: str) -> None:
        super().__init__(
            f"Expected the log {log_name!r} to have the id {expected!r}, got {found!r}.",
            remedy="Make the store of the log with `log_id_of(endpoint_id, log_name)` as log id.",
        )


class UnsuitableConnection(InvalidInput):
    """A connection cannot be made as it was asked for; nothing was changed."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The connection cannot be made: {reason}.")


class AlreadyConnected(Conflict):
    """There is a connection with that endpoint already."""

    def __init__(self, remote_id: str) -> None:
        super().__init__(
            f"There is a connection with {remote_id} already.",
            remedy="Disconnect it first, or replace its neighbour.",
        )


class NotConnected(InvalidInput):
    """There is no connection with that endpoint."""

    def __init__(self, remote_id: str) -> None:
        super().__init__(f"There is no connection with {remote_id}.")


class NotActive(Conflict):
    """The endpoint is not active, was active before, or is recovering."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The endpoint cannot do that: {reason}.")
