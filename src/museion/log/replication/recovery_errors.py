"""Why lost events could not be brought back, and what was changed by trying."""

from __future__ import annotations

from collections.abc import Sequence

from museion.base.errors import Conflict, Unavailable
from museion.log.event import EventId


class RecoveryUnderWay(Conflict):
    """The endpoint recovers already."""

    def __init__(self) -> None:
        super().__init__("The site recovers already.", remedy="Wait until that has ended.")


class RecoveryImpossible(Conflict):
    """A connection is missing over which lost events could come back; nothing was changed."""

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__(
            f"The site cannot recover: {'; '.join(reasons)}.",
            remedy="Connect with each neighbour in both directions, retire those that are gone,"
            " then try again.",
        )


class RecoveryFailed(Unavailable):
    """A recovery did not come to its end. Repeating it goes on where it was.

    Attributes:
        partially_changed: something was changed here or at neighbours; nothing that harms. New
            events are then refused here until a repeat succeeds.
    """

    def __init__(self, reason: str, *, partially_changed: bool) -> None:
        changed = "New events are refused here until then." if partially_changed else ""
        super().__init__(
            f"The site could not recover: {reason.rstrip('.')}.",
            remedy=f"Try again. {changed}".strip(),
        )
        self.partially_changed = partially_changed


class HistoryForked(Conflict):
    """The site wrote on after it had lost events: others know other events by the same identities.

    Attributes:
        log_name: the log in question.
        remote_id: a neighbour that knows the other history.
        at: an identity under which both have an event, and not the same.
    """

    def __init__(self, log_name: str, remote_id: str, at: EventId) -> None:
        super().__init__(
            f"The log {log_name!r} was written on after it had lost events: {remote_id} has another"
            f" event {at.process_id}@{at.time}.",
            remedy="Nothing was merged, and new events are refused here. Stop the site, then keep"
            " both histories: `museion sites recover --keep-own`. A log by itself: put it aside,"
            " recover an empty one in its place, then `append_anew`.",
        )
        self.log_name = log_name
        self.remote_id = remote_id
        self.at = at
