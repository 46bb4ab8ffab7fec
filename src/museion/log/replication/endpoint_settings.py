"""Settings of a replication endpoint: one frozen value, checked when it is made."""

from __future__ import annotations

from dataclasses import dataclass

from museion.base.errors import InvalidInput
from museion.log.replication.protocol import MAX_WAIT_S


class BadEndpointSettings(InvalidInput):
    """Settings of an endpoint contradict each other, or are out of range."""

    def __init__(self, expected: str, found: object) -> None:
        super().__init__(f"Expected {expected}, got {found}.", remedy="Change the settings.")


@dataclass(frozen=True, slots=True)
class EndpointSettings:
    """How an endpoint reads from others and serves them.

    Attributes:
        retry_delay_s: longest wait between two tries, and between two reads of a source that does
            not hold them.
        first_retry_delay_s: wait after the first failure; doubled with each further one, up to
            `retry_delay_s`, and shortened by chance so that not all come back at once.
        remote_read_timeout_s: how long an answer may take, beyond the time that it is held.
        wait_s: how long a source shall hold a read while there is nothing new; 0 is polling.
        max_scanned: how many events a source looks at for one read.
        max_batch_events, max_batch_bytes: bounds of one answer; one event always fits.
        reads_ahead: how many reads may be under way while catching up; with 1 each answer is stored
            before the next read.
        max_ahead_bytes: bound of what the reads under way may bring together.
        slow_write_s: a write that takes longer makes the batches smaller.
        failure_detection_limit_s: how long after the last success a link is reported unavailable.
    """

    retry_delay_s: float = 5.0
    first_retry_delay_s: float = 0.1
    remote_read_timeout_s: float = 10.0
    wait_s: float = 25.0
    max_scanned: int = 65_536
    max_batch_events: int = 2_048
    max_batch_bytes: int = 4 << 20
    reads_ahead: int = 4
    max_ahead_bytes: int = 16 << 20
    slow_write_s: float = 1.0
    failure_detection_limit_s: float = 60.0

    def __post_init__(self) -> None:
        least = min(
            self.max_scanned,
            self.max_batch_events,
            self.max_batch_bytes,
            self.reads_ahead,
            self.max_ahead_bytes,
        )
        if least < 1:
            raise BadEndpointSettings("bounds of 1 or more", self)
        if not 0 < self.first_retry_delay_s <= self.retry_delay_s:
            raise BadEndpointSettings("0 < first_retry_delay_s <= retry_delay_s", self)
        if self.remote_read_timeout_s <= 0 or self.slow_write_s <= 0:
            raise BadEndpointSettings("time limits above 0", self)
        if not 0 <= self.wait_s <= MAX_WAIT_S:
            raise BadEndpointSettings(f"wait_s from 0 to {MAX_WAIT_S}", self.wait_s)
        needed_s = self.remote_read_timeout_s + self.retry_delay_s
        if self.failure_detection_limit_s < needed_s:
            raise BadEndpointSettings(
                "failure_detection_limit_s of at least remote_read_timeout_s + retry_delay_s"
                f" = {needed_s}",
                self.failure_detection_limit_s,
            )

    @property
    def ahead(self) -> int:
        """How many reads of the largest size may be under way within `max_ahead_bytes`."""
        return max(1, min(self.reads_ahead, self.max_ahead_bytes // self.max_batch_bytes))
