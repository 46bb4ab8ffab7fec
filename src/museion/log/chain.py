"""Digests chained over the events of one origin, so that a history can be proven whole.

Each event's digest covers its envelope and the digest of the event that the same log wrote before
it. Who changes, drops or reorders an event of the past would have to change every later one.
"""

from __future__ import annotations

from blake3 import blake3

START = bytes(32)
"""What the first event of a log is chained to."""


def next_digest(previous: bytes, envelope: bytes) -> bytes:
    """Return the digest (32 bytes, BLAKE3) of an event that follows the one with `previous`."""
    return bytes(blake3(previous + envelope).digest())
