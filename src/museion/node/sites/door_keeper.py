"""Keeps a site out with which a person ended the connection: nothing is given to it or taken."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from museion.log.replication.answers import EndpointAnswers
from museion.log.replication.protocol import (
    EndpointInfo,
    InfoRequest,
    Offer,
    OfferTaken,
    ReadAnswer,
    ReadRequest,
    RecoveryAnswer,
    RecoveryRequest,
)
from museion.log.replication.refusals import Refused


class ConnectionEnded(Refused):
    """The people of a site ended the connection with the one that asks."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name} has ended the connection with this site.",
            remedy="Ask its people to connect again: `museion sites connect`.",
        )


class DoorKeeper:
    """An endpoint's service that asks first whether it may serve a site.

    Args:
        name: of this site, for people.
        is_ended: tells whether the connection with a site was ended.
        on_read: told of each read, before it is answered.
    """

    def __init__(
        self,
        service: EndpointAnswers,
        *,
        name: str,
        is_ended: Callable[[str], bool],
        on_read: Callable[[str, ReadRequest], Awaitable[None]],
    ) -> None:
        self._on_read = on_read
        self._service = service
        self._name = name
        self._is_ended = is_ended

    async def info(self, caller_id: str, request: InfoRequest) -> EndpointInfo:
        """Return who this endpoint is."""
        self._require_connected(caller_id)
        return await self._service.info(caller_id, request)

    async def read(self, caller_id: str, request: ReadRequest) -> ReadAnswer:
        """Return the next events; what was held while the connection was ended is not given."""
        self._require_connected(caller_id)
        await self._on_read(caller_id, request)
        answer = await self._service.read(caller_id, request)
        self._require_connected(caller_id)
        return answer

    async def offer(self, caller_id: str, request: Offer) -> OfferTaken:
        """Take events that were brought."""
        self._require_connected(caller_id)
        return await self._service.offer(caller_id, request)

    async def recover(self, caller_id: str, request: RecoveryRequest) -> RecoveryAnswer:
        """Set back what is believed to be known of the caller."""
        self._require_connected(caller_id)
        return await self._service.recover(caller_id, request)

    def _require_connected(self, caller_id: str) -> None:
        if self._is_ended(caller_id):
            raise ConnectionEnded(self._name)
