"""Disaster recovery: an endpoint that lost events gets them back from its neighbours.

1. New events are held, connections stand still, and every neighbour sets back what it knows of this
   endpoint and tells how far its own logs reach.
2. Snapshots that cover lost events are deleted.
3. What is missing is read back: first from neighbours that share everything, then over filtered
   connections. In the other order a part would come first, its stamps would cover the rest, and
   that would be dropped as known.
4. New events are taken again. Their numbers begin behind all that any neighbour knows (`Stamper`).

Each step can be repeated. Endpoints that recover at once serve each other, and none ends before
what is left with any of them has come to all: else it would give identities a second time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from museion.base.errors import MuseionError
from museion.log.replication.connection import Connection, NotActive
from museion.log.replication.local_side import LocalSide
from museion.log.replication.protocol import Neighbour
from museion.log.replication.recoverer import Recoverer
from museion.log.replication.recovery_errors import (
    HistoryForked,
    RecoveryFailed,
    RecoveryImpossible,
    RecoveryUnderWay,
)
from museion.log.replication.way_back import WayBack
from museion.log.snapshots import SnapshotStore


class Recovering(Protocol):
    """What a recovery needs of its endpoint."""

    @property
    def local(self) -> LocalSide:
        """What the parts of the endpoint share."""

    @property
    def connections(self) -> tuple[Connection, ...]:
        """The present connections."""

    @property
    def neighbours(self) -> Mapping[str, Neighbour]:
        """The doors of the connected endpoints, by their id."""

    async def begin_recovery(self) -> None:
        """Stop all connections and serve nobody."""

    def end_recovery(self) -> None:
        """Serve again and let all connections go on."""


async def recover(
    endpoint: Recovering, *, snapshots: Sequence[SnapshotStore] = (), limit_s: float = 60.0
) -> None:
    """Bring back the events that an endpoint lost, all or the newest of its logs.

    Needs all direct neighbours, over connections in both directions. Idempotent: a repeat goes on
    where the last try ended, and changes nothing where nothing is missing.

    Args:
        snapshots: stores in which emitters of the endpoint's logs keep snapshots.
        limit_s: how long to wait for neighbours that recover at the same time, seconds.

    Raises:
        RecoveryUnderWay, RecoveryImpossible, NotActive: it cannot begin; nothing was changed.
        RecoveryFailed: it did not come to its end; says whether something was changed.
        HistoryForked: the endpoint wrote on after the loss; nothing was merged.
    """
    local = endpoint.local
    if local.recoveries.is_running:
        raise RecoveryUnderWay
    local.recoveries.is_running = True
    try:
        ways = [
            WayBack(local, each, endpoint.neighbours[each.remote_id])
            for each in endpoint.connections
        ]
        recoverer = Recoverer(local, ways, snapshots=snapshots, limit_s=limit_s)
        await recoverer.require_possible()
        local.recoveries.needed = "a recovery was begun and has not come to its end"
        for log in local.logs.values():
            await log.write_hold.hold()
        await endpoint.begin_recovery()
        local.met.clear()  # numbers will mean other events: all have to hear of it first
        await recoverer.run()
    except (RecoveryFailed, RecoveryImpossible, HistoryForked, NotActive):
        raise
    except MuseionError as reason:
        raise RecoveryFailed(str(reason), partially_changed=True) from reason
    finally:
        local.recoveries.is_running = False
    endpoint.end_recovery()
