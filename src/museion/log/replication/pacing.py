"""How much one read asks for: more while all goes fast, less when time runs out."""

from __future__ import annotations

from museion.log.replication.endpoint_settings import EndpointSettings

_FIRST_SPAN = 128
_LEAST_BYTES = 64 << 10
_SLOW_SHARE = 4
"""An answer that takes longer than this share of its time limit is slow."""


class Pace:
    """The size of the next read of one log.

    Attributes:
        span: how many numbers of the source one read covers; what may not leave counts, too.
        max_bytes: bound of the answer.
    """

    def __init__(self, settings: EndpointSettings) -> None:
        self._settings = settings
        self.span = min(_FIRST_SPAN, settings.max_scanned, settings.max_batch_events)
        self.max_bytes = settings.max_batch_bytes

    def answered(
        self, *, scanned: int, events: int, size_bytes: int, took_s: float, was_cut: bool
    ) -> None:
        """Learn from an answer.

        Args:
            scanned: how many numbers it covers.
            took_s: how long it took, without the time it was held.
            was_cut: it ended at a bound, before what was asked for.
        """
        if took_s > self._settings.remote_read_timeout_s / _SLOW_SHARE:
            self._shrink(2)
            return
        self.max_bytes = min(self.max_bytes * 2, self._settings.max_batch_bytes)
        if scanned < 1:
            return
        if was_cut:
            self.span = max(1, min(self.span, scanned))
            return
        span = max(self.span, min(self.span, scanned) * 2)
        # What would not fit in one answer would be cut, and then cost a second way.
        if events:
            span = min(span, self._settings.max_batch_events * scanned // events)
        if size_bytes:
            span = min(span, self.max_bytes * scanned // size_bytes)
        self.span = max(1, min(span, self._settings.max_scanned))

    def brought(self, took_s: float) -> None:
        """Learn from how long it took to bring events to a target."""
        if took_s > self._settings.remote_read_timeout_s / _SLOW_SHARE:
            self._shrink(2)
        else:
            self.max_bytes = min(self.max_bytes * 2, self._settings.max_batch_bytes)

    def timed_out(self) -> None:
        """Learn from an answer that did not come in time, or broke off on its way."""
        self._shrink(4)

    def wrote(self, took_s: float) -> None:
        """Learn from how long it took to store a batch; infinite for a failure."""
        if took_s > self._settings.slow_write_s:
            self._shrink(2)

    def _shrink(self, divisor: int) -> None:
        self.span = max(1, self.span // divisor)
        self.max_bytes = max(
            min(_LEAST_BYTES, self._settings.max_batch_bytes), self.max_bytes // divisor
        )
