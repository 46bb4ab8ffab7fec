"""What happens here when an endpoint is retired, wherever that was said."""

from __future__ import annotations

import asyncio

from museion.base.errors import MuseionError
from museion.log.event_log import LogClosed
from museion.log.replication.local_side import LocalSide
from museion.log.replication.service import EndpointService


class Retirements:
    """Lets deletion wait no more for endpoints that take part no more.

    Links with them end by themselves: each looks at the topology.
    """

    def __init__(self, local: LocalSide, service: EndpointService) -> None:
        self._local = local
        self._service = service
        self._done: set[str] = set()

    async def run(self) -> None:
        """Follow what is told of retirements, until cancelled or until a log is closed."""
        gossip = self._local.gossip
        while True:
            revision = gossip.revision
            try:
                for endpoint_id in gossip.topology.retired:
                    await self.carry_out(endpoint_id)
            except LogClosed:
                return
            except MuseionError:  # the log cannot be written now; nothing but deletion waits
                await asyncio.sleep(self._local.settings.retry_delay_s)
            else:
                await gossip.changed(revision)

    async def carry_out(self, endpoint_id: str) -> None:
        """Forget one endpoint as a reader of all logs. Idempotent; raises as `EventLog.append`."""
        if endpoint_id in self._done:
            return
        for name in self._local.logs:
            await self._service.forget_reader(name, endpoint_id)
        self._done.add(endpoint_id)
