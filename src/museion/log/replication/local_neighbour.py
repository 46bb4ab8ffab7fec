"""Two endpoints of one process talk to each other without a network."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

from museion.base.errors import MuseionError
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
from museion.log.replication.refusals import Refused, Unreachable
from museion.log.replication.service import EndpointService

T = TypeVar("T")


class LocalNeighbour:
    """The door of an endpoint in the same event loop.

    Args:
        caller_id: the endpoint that it is handed to.
    """

    def __init__(self, service: EndpointService, caller_id: str) -> None:
        self._service = service
        self._caller_id = caller_id

    async def info(self, request: InfoRequest) -> EndpointInfo:
        """Return who the remote endpoint is."""
        return await self._answered(self._service.info(self._caller_id, request))

    async def read(self, request: ReadRequest) -> ReadAnswer:
        """Return the next events of a log, or hold on until there are some."""
        return await self._answered(self._service.read(self._caller_id, request))

    async def offer(self, offer: Offer) -> OfferTaken:
        """Bring events to the remote endpoint."""
        return await self._answered(self._service.offer(self._caller_id, offer))

    async def recover(self, request: RecoveryRequest) -> RecoveryAnswer:
        """Let the remote endpoint set back what it believes to know of this one."""
        return await self._answered(self._service.recover(self._caller_id, request))

    async def close(self) -> None:
        """Do nothing: there is no connection."""

    async def _answered(self, call: Awaitable[T]) -> T:
        try:
            return await call
        except Refused:
            raise
        except MuseionError as reason:
            # Trouble of the remote log must not be taken for trouble of the own one.
            raise Unreachable(self._service.endpoint_id, str(reason)) from reason
