"""What a door of an endpoint needs to have behind it."""

from __future__ import annotations

from typing import Protocol

from museion.log.replication.asgi_exchange import Exchange
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


class EndpointAnswers(Protocol):
    """What an endpoint answers to a known site. All calls raise `Refused`."""

    async def info(self, caller_id: str, request: InfoRequest) -> EndpointInfo:
        """Return who this endpoint is."""

    async def read(self, caller_id: str, request: ReadRequest) -> ReadAnswer:
        """Return the next events, or hold on until there are some; may be cancelled."""

    async def offer(self, caller_id: str, request: Offer) -> OfferTaken:
        """Take events that were brought."""

    async def recover(self, caller_id: str, request: RecoveryRequest) -> RecoveryAnswer:
        """Set back what is believed to be known of the caller."""


class JoinAnswers(Protocol):
    """What answers a join by invitation."""

    async def join(self, exchange: Exchange) -> object:
        """Return the answer. Raises `Refused`."""
