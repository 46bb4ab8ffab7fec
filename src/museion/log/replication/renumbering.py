"""Reading a log from its beginning once it was recovered: its numbers mean other events since.

Neighbours that were asked during the recovery have set back their progress. Who was away, or could
not be reached, finds out at the next meeting, before anything is read or taken.
"""

from __future__ import annotations

from collections.abc import Mapping

from museion.log.replication.connection import log_id_of
from museion.log.replication.local_side import LocalSide
from museion.log.replication.recovery_states import RECOVERED, RECOVERY_OF


def last_recoveries(local: LocalSide) -> dict[str, int]:
    """Return when each log here was last recovered: name -> milliseconds since 1970, 0 for never.

    Raises as `EventLog.progress`.
    """
    return {name: log.progress(RECOVERED) for name, log in local.logs.items()}


async def begin_anew_where_recovered(
    local: LocalSide, remote_id: str, recovered_ms: Mapping[str, int]
) -> None:
    """Set back the progress in those logs of an endpoint that were recovered since they were read.

    Idempotent. What was read before is known here and is not taken twice.

    Args:
        recovered_ms: as the remote endpoint told it; a log that is left out stays as it is.

    Raises:
        WriteFailed, LogUnavailable, LogClosed, LogDefect: as `EventLog.append`; a repeat goes on.
    """
    for name, log in local.logs.items():
        log_id = log_id_of(remote_id, name)
        told_ms = recovered_ms.get(name)
        if told_ms is not None and told_ms != log.progress(RECOVERY_OF + log_id):
            await local.remote_logs.set_back(log, log_id, 0)
            await log.append([], progress={RECOVERY_OF + log_id: told_ms})
