"""Work that a site did before it lost its log is not done again when its events have come back.

A processor of a recovered log begins anew, and meets all assets that were born at this site. What
it found then is in the log, too: it was replicated as they were. The blobs may still be on their
way, so that doing it again would only bring failures.
"""

from __future__ import annotations

from collections.abc import Sequence

from museion.log.event import Event, NewEvent
from museion.log.event_log import EventLog
from museion.log.replication.recovery_states import RECOVERED
from museion.log.sourced.processor import Processor

_PAGE = 256


class NotAgain:
    """A processor that passes over own events to which the log already has an output of it.

    It waits while the log is held: what was found earlier is still coming back then. Costs nothing
    in a log that was never recovered; else a look at the events of one asset for each event.
    """

    def __init__(self, processor: Processor, log: EventLog) -> None:
        self._processor = processor
        self._log = log
        self.name = processor.name
        self.handles = processor.handles

    async def process(self, event: Event) -> Sequence[NewEvent]:
        """Return the outputs for one event, none where there are some already.

        Raises:
            LogHeld: the log is being recovered; try again later.
        """
        self._log.write_hold.require_none()
        if self._log.progress(RECOVERED) and await self._is_done(event):
            return ()
        return await self._processor.process(event)

    async def _is_done(self, event: Event) -> bool:
        if event.process_id != event.log_id:
            return False  # the processor leaves it to the other site
        position = event.sequence_nr
        while page := await self._log.read(
            after=position, limit=_PAGE, aggregate_id=event.aggregate_id
        ):
            # What was appended anew from a forked log names no cause that was lost with it.
            if any(
                each.emitter_id == self.name and each.cause in {event.id, None} for each in page
            ):
                return True
            position = page[-1].sequence_nr
        return False
