"""What happened on one link so far; read as its status."""

from __future__ import annotations

import random

from museion.base.errors import MuseionError
from museion.log.event_log import LogClosed
from museion.log.replication.endpoint_settings import EndpointSettings
from museion.log.replication.failure_detector import FailureDetector
from museion.log.replication.local_side import LocalSide
from museion.log.replication.pacing import Pace
from museion.log.replication.refusals import FilteredCycle, NowRecovering, Refused, Retired
from museion.log.replication.status import LinkCondition, LogStatus


class Backoff:
    """Waits between tries: doubling up to a limit, and shortened by chance."""

    def __init__(self, settings: EndpointSettings, chance: random.Random) -> None:
        self._settings = settings
        self._chance = chance
        self._delay_s = settings.first_retry_delay_s

    def next_s(self) -> float:
        """Return how long to wait now: between half of the present delay and all of it."""
        delay_s = self._delay_s
        self._delay_s = min(delay_s * 2, self._settings.retry_delay_s)
        return delay_s * (0.5 + self._chance.random() / 2)

    def reset(self) -> None:
        """Begin anew after a success."""
        self._delay_s = self._settings.first_retry_delay_s


class LinkRecord:
    """Counts what one log got, or brought, over one connection, and how it stands.

    Attributes:
        backoff: of this link.
        pace: of its reads; kept while the line breaks and comes back.
        condition: present one; `unavailable` is worked out from it and the failure detector.
    """

    def __init__(self, local: LocalSide, remote_id: str, log_name: str) -> None:
        self._local = local
        self.log_name = log_name
        self.backoff = Backoff(local.settings, local.chance)
        self.pace = Pace(local.settings)
        self.condition = LinkCondition.CONNECTING
        self._detector = FailureDetector(
            remote_id, log_name, local.settings.failure_detection_limit_s, local.report
        )
        self._position = self._source_nr = self._oldest_ms = 0
        self._events = self._size_bytes = self._reads = self._failures = 0
        self._last_success_ms = self._last_error_ms = 0
        self._last_error = ""

    def succeeded(self, *, events: int = 0, size_bytes: int = 0) -> None:
        """Note an exchange that worked."""
        self._events += events
        self._size_bytes += size_bytes
        self._reads += 1
        self._last_success_ms = self._local.now_ms()
        self.backoff.reset()
        self._detector.succeeded()

    def stands_at(self, position: int, source_nr: int, oldest_ms: int) -> None:
        """Note how far the target has stored the source, and where the source ends."""
        self._position, self._source_nr, self._oldest_ms = position, source_nr, oldest_ms
        behind = position < source_nr
        self.condition = LinkCondition.CATCHING_UP if behind else LinkCondition.UP_TO_DATE

    def failed(self, reason: BaseException) -> None:
        """Note why an exchange did not work."""
        self._failures += 1
        self._last_error = str(reason) or type(reason).__name__
        self._last_error_ms = self._local.now_ms()
        self._detector.failed(self._last_error)
        self.condition = condition_after(reason)

    def status(self) -> LogStatus:
        """Return how the link stands now."""
        works = self.condition in (LinkCondition.CATCHING_UP, LinkCondition.UP_TO_DATE)
        return LogStatus(
            self.log_name,
            self._shown_condition(),
            position=self._position,
            source_sequence_nr=self._source_nr,
            lag_events=max(0, self._source_nr - self._position),
            lag_s=self._lag_ms(works=works) / 1000,
            events=self._events,
            size_bytes=self._size_bytes,
            reads=self._reads,
            failures=self._failures,
            last_success_ms=self._last_success_ms,
            last_error=self._last_error,
            last_error_ms=self._last_error_ms,
            causes=() if works else self._detector.causes,
        )

    def close(self) -> None:
        """Watch it no more."""
        self.condition = LinkCondition.DISCONNECTED
        self._detector.close()

    def _lag_ms(self, *, works: bool) -> int:
        since = 0
        if self._position < self._source_nr:
            since = self._oldest_ms
        if not works:
            since = min(since or self._last_success_ms, self._last_success_ms)
        # Clocks of sites differ; a lag below zero would only puzzle.
        return max(0, self._local.now_ms() - since) if since else 0

    def _shown_condition(self) -> LinkCondition:
        passing = (LinkCondition.CONNECTING, LinkCondition.WAITING_TO_RETRY)
        if self._detector.is_available is False and self.condition in passing:
            return LinkCondition.UNAVAILABLE
        return self.condition


def condition_after(reason: BaseException) -> LinkCondition:
    """Return the condition in which a failure leaves a link."""
    for kind, condition in _CONDITIONS:
        if isinstance(reason, kind):
            return condition
    return LinkCondition.UNAVAILABLE


_CONDITIONS: tuple[tuple[type[Exception], LinkCondition], ...] = (
    (FilteredCycle, LinkCondition.FILTERED_CYCLE),
    (Retired, LinkCondition.RETIRED),
    (LogClosed, LinkCondition.DISCONNECTED),
    (NowRecovering, LinkCondition.RECOVERING),
    (Refused, LinkCondition.REFUSED),
    (MuseionError, LinkCondition.WAITING_TO_RETRY),
)
