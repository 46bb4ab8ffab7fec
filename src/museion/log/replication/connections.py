"""All connections of one endpoint: made, ended and changed while everything runs."""

from __future__ import annotations

from collections.abc import Mapping

from museion.log.replication.connection import (
    AlreadyConnected,
    Connection,
    NotActive,
    NotConnected,
    UnsuitableConnection,
    require_endpoint_id,
)
from museion.log.replication.connector import Connector
from museion.log.replication.local_side import LocalSide
from museion.log.replication.protocol import Neighbour
from museion.log.replication.refusals import BadAnswer, Refused, Retired, Unreachable
from museion.log.replication.service import EndpointService
from museion.log.replication.source import Source
from museion.log.replication.status import ConnectionStatus


class Connections:
    """Owns what works for each connection, and what others hear of them."""

    def __init__(self, local: LocalSide, source: Source, service: EndpointService) -> None:
        self._local = local
        self._source = source
        self._service = service
        self._connectors: dict[str, Connector] = {}

    @property
    def neighbours(self) -> Mapping[str, Neighbour]:
        """The doors of the connected endpoints, by their id."""
        return {each: connector.neighbour for each, connector in self._connectors.items()}

    @property
    def present(self) -> tuple[Connection, ...]:
        """The present connections."""
        return tuple(each.connection for each in self._connectors.values())

    def status(self) -> tuple[ConnectionStatus, ...]:
        """Return how each stands now."""
        return tuple(each.status() for each in self._connectors.values())

    async def connect(self, connection: Connection, neighbour: Neighbour) -> None:
        """Add a connection; as `Endpoint.connect` says."""
        self._require_suitable(connection)
        connector = self._connector(connection, neighbour)
        # From here on a second call for the same endpoint fails, also while this one waits.
        self._connectors[connection.remote_id] = connector
        try:
            await self._try_to_meet(connector)
            self._require_present(connector)
            self._require_allowed(connector)
            self._local.gossip.declare(connection.remote_id, connector.links)
        except BaseException:
            if self._connectors.get(connection.remote_id) is connector:
                del self._connectors[connection.remote_id]
            await connector.end()
            raise
        connector.is_declared = True
        self._start(connector)

    async def disconnect(self, remote_id: str) -> None:
        """End a connection; as `Endpoint.disconnect` says."""
        connector = self._connectors.pop(remote_id, None)
        if connector is None and not self._local.gossip.is_declared(remote_id):
            raise NotConnected(remote_id)
        if connector is not None:
            await connector.end()
        # Only now: what others stopped because of it may go on as soon as they hear.
        self._local.gossip.declare(remote_id, ())

    async def replace_neighbour(self, remote_id: str, neighbour: Neighbour) -> None:
        """Go on through another door; as `Endpoint.replace_neighbour` says."""
        old = self._connectors.get(remote_id)
        if old is None or not old.is_declared:
            raise NotConnected(remote_id)
        connector = self._connector(old.connection, neighbour)
        connector.is_declared = True
        self._connectors[remote_id] = connector
        await old.end()
        if self._connectors.get(remote_id) is connector:
            self._start(connector)

    async def pause(self) -> None:
        """Let all stand still; nothing is under way when it returns."""
        for connector in list(self._connectors.values()):
            await connector.pause()

    def go_on(self) -> None:
        """Let all work again after a pause."""
        for connector in self._connectors.values():
            if connector.is_declared:
                connector.start()

    async def end(self) -> None:
        """End all; others still hear of them, because they come back with this endpoint.

        Raises:
            Exception: the first defect of this program that stopped a connection, if one did.
        """
        connectors = list(self._connectors.values())
        self._connectors.clear()
        for connector in connectors:
            await connector.end()
        for connector in connectors:
            if connector.defect is not None:
                raise connector.defect

    def _connector(self, connection: Connection, neighbour: Neighbour) -> Connector:
        return Connector(
            self._local,
            connection,
            neighbour,
            source=self._source,
            service=self._service,
            declare=self._declare,
        )

    def _declare(self) -> None:
        for remote_id, connector in self._connectors.items():
            if connector.is_declared:
                self._local.gossip.declare(remote_id, connector.links)

    def _start(self, connector: Connector) -> None:
        if not self._local.is_recovering:
            connector.start()

    def _require_suitable(self, connection: Connection) -> None:
        if not self._local.is_active:
            raise NotActive("it is not active")
        require_endpoint_id(connection.remote_id)
        if connection.remote_id == self._local.endpoint_id:
            raise UnsuitableConnection("both ends are the same endpoint")
        if connection.remote_id in self._connectors:
            raise AlreadyConnected(connection.remote_id)
        unknown = [name for name in connection.log_names or () if name not in self._local.logs]
        if unknown:
            raise UnsuitableConnection(f"there is no log {unknown[0]!r} here")

    def _require_present(self, connector: Connector) -> None:
        if self._connectors.get(connector.remote_id) is not connector:
            raise NotActive("the connection was ended while it was made")

    async def _try_to_meet(self, connector: Connector) -> None:
        try:
            await connector.meet()
        except Retired:
            raise
        except (Refused, BadAnswer, Unreachable):
            return  # it is tried again in the background, and checked then

    def _require_allowed(self, connector: Connector) -> None:
        gossip = self._local.gossip
        for endpoint_id in (self._local.endpoint_id, connector.remote_id):
            if gossip.has_retired(endpoint_id):
                raise Retired(
                    f"{endpoint_id} takes part no more.",
                    remedy="To take part again it joins as a new site.",
                )
        gossip.require_allowed(connector.links)
