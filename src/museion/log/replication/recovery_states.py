"""Which endpoints recover at present, as far as one endpoint knows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from museion.log.replication.protocol import RecoveryState
from museion.log.vector_time import VectorTime

PULLING, PULLED, ENDED = 0, 1, 2
"""Phases of `RecoveryState`."""

RECOVERED = "museion.recoveries"
"""Name whose progress says when a log was last recovered: its numbers then began anew."""

RECOVERY_OF = "museion.recovery-of:"
"""Prefix of a name whose progress says after which recovery of a remote log it was read."""


class RecoveryStates:
    """Owns what is known of recoveries: the own one, and those that neighbours tell of.

    Attributes:
        own: state of the own recovery, None if there was none in this process.
        is_running: the own recovery is at work right now.
        needed: why the endpoint has to recover, empty if it does not.
        served: remote endpoint id -> its recovery that was served last.
    """

    def __init__(self, endpoint_id: str) -> None:
        self._endpoint_id = endpoint_id
        self._others: dict[str, RecoveryState] = {}
        self.own: RecoveryState | None = None
        self.is_running = False
        self.needed = ""
        self.served: dict[str, int] = {}

    @property
    def others(self) -> tuple[RecoveryState, ...]:
        """What is known of other endpoints, in the order in which they were heard of."""
        return tuple(self._others.values())

    def of(self, endpoint_id: str) -> RecoveryState | None:
        """Return what is known of one other endpoint."""
        return self._others.get(endpoint_id)

    def told(self, *, is_recovering: bool) -> tuple[RecoveryState, ...]:
        """Return what to tell others, the own state first."""
        own = self.own
        if is_recovering and (own is None or own.phase == ENDED):
            own = RecoveryState(self._endpoint_id, 0)  # it has to, and has not begun
        return (*([own] if own is not None else []), *self._others.values())

    def hear(self, states: Iterable[RecoveryState]) -> None:
        """Take over what another endpoint tells; what is older is dropped."""
        for state in states:
            known = self._others.get(state.endpoint_id)
            if state.endpoint_id != self._endpoint_id:
                self._others[state.endpoint_id] = newer(known, state)

    def begin(self, began_ms: int) -> None:
        """Begin the own recovery."""
        self.own = RecoveryState(self._endpoint_id, began_ms)

    def advance(self, phase: int, versions: Mapping[str, VectorTime]) -> None:
        """Tell from now on that the own recovery has come further."""
        assert self.own is not None, "a recovery has begun"
        self.own = replace(self.own, phase=phase, versions=dict(versions))


def newer(known: RecoveryState | None, told: RecoveryState) -> RecoveryState:
    """Return the later one of two states of an endpoint; what both know where they are equal."""
    if known is None or (told.began_ms, told.phase) > (known.began_ms, known.phase):
        return told
    if (told.began_ms, told.phase) < (known.began_ms, known.phase):
        return known
    versions = dict(known.versions)
    for name, version in told.versions.items():
        versions[name] = versions.get(name, VectorTime()).merge(version)
    return replace(known, versions=versions)
