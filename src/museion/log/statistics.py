"""What a log tells about itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LogStatistics:
    """What a log has done since it was opened, and what it does now.

    Attributes:
        requests, groups, events: what was written, and in how many batches.
        pending_requests: how many wait for the writer.
        refused_requests: how many failed, with nothing of them written.
        retries: how often the store was tried again.
        breaker_open: whether new requests are refused at once because the store keeps failing.
        write_seconds: time in the writer, from taking a group to its answer.
        largest_group: events of the largest batch.
        subscriptions: how many follow the log.
        catch_ups: how often a subscriber was too slow for its queue.
    """

    requests: int = 0
    groups: int = 0
    events: int = 0
    pending_requests: int = 0
    refused_requests: int = 0
    retries: int = 0
    breaker_open: bool = False
    write_seconds: float = 0.0
    largest_group: int = 0
    subscriptions: int = 0
    catch_ups: int = 0
