"""Commands and events of a value that may have concurrent versions.

Commands are checked against the versions that are known here, and events are folded into them.
Nothing here has state or knows a log, so an aggregate can use it within its own commands and
handlers, and a test without either. The application brings its own event classes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from museion.log.sourced.conflicts.concurrent_versions import ConcurrentVersions, Version
from museion.log.sourced.conflicts.conflict_errors import (
    AlreadyExists,
    ConflictDetected,
    ConflictNotDetected,
    DoesNotExist,
    NothingSelected,
    ResolutionRejected,
    UnknownVersion,
)
from museion.log.vector_time import VectorTime

S = TypeVar("S")
P = TypeVar("P")
V = TypeVar("V", bound=ConcurrentVersions[Any, Any])
M = TypeVar("M", bound="Merging")
R = TypeVar("R", bound="Selection")


class Stamped(Protocol):
    """What is needed of the envelope of an event; `log.event.Event` has it."""

    @property
    def vector_timestamp(self) -> VectorTime:
        """Its causal past, and its own time."""

    @property
    def system_time_ms(self) -> int:
        """Wall clock of its first write, milliseconds since 1970 UTC."""

    @property
    def emitter_id(self) -> str:
        """Who emitted it."""

    @property
    def process_id(self) -> str:
        """The log that wrote it first."""


class Selection(Protocol):
    """The payload of an event by which somebody selects one of the versions."""

    @property
    def selected(self) -> VectorTime:
        """The timestamp of the version."""


class Merging(Protocol):
    """The payload of an event by which somebody merges versions.

    The merged value is in the event, so a later change of the merging function leaves history as
    it is.
    """

    @property
    def selected(self) -> Sequence[VectorTime]:
        """The timestamps of the versions that went into it; the others are rejected."""

    @property
    def merged(self) -> Any:
        """The value that takes the place of all of them."""


def emitter_of(event: Stamped) -> str:
    """Return who emitted an event: the usual origin."""
    return event.emitter_id


@dataclass(frozen=True, slots=True)
class Versioned:
    """The rules of one value with concurrent versions.

    Args:
        id: names the value in errors.
        resolves: the application's event class that selects a version.
        merges: its event class that merges versions.
        origin: returns where an event came from. An origin creates and owns values, and must emit
            one event after the other: usually an emitter id, or the log (`process_id`) where all
            sites share the emitter id.
    """

    id: str
    resolves: type[Selection] | None = None
    merges: type[Merging] | None = None
    origin: Callable[[Stamped], str] = emitter_of

    def create(self, versions: ConcurrentVersions[Any, Any], event: P) -> P:
        """Return the event if it may be emitted.

        Raises:
            AlreadyExists: the value is known here. Another site may create it all the same; that
                is a conflict like any other.
        """
        if versions.all:
            raise AlreadyExists(self.id)
        return event

    def update(self, versions: ConcurrentVersions[Any, Any], event: P) -> P:
        """Return the event if it may be emitted.

        Raises:
            DoesNotExist: there is nothing to change.
            ConflictDetected: it is not clear what to change.
        """
        self.value(versions)
        return event

    def resolve(self, versions: ConcurrentVersions[Any, Any], event: R, *, origin: str) -> R:
        """Return the event if it may be emitted by `origin`.

        Raises:
            DoesNotExist: there is nothing to select from.
            ConflictNotDetected: there is one version only.
            ResolutionRejected: `origin` is not the owner.
            UnknownVersion: the selected one is none of them.
        """
        self._require_choice(versions, [event.selected], origin)
        return event

    def merge(self, versions: ConcurrentVersions[Any, Any], event: M, *, origin: str) -> M:
        """Return the event if it may be emitted by `origin`.

        Raises as `resolve`, and `NothingSelected` when no version is.
        """
        self._require_choice(versions, event.selected, origin)
        return event

    def value(self, versions: ConcurrentVersions[S, Any]) -> S:
        """Return the value of the only version.

        Raises:
            DoesNotExist: there is none.
            ConflictDetected: there are several.
        """
        known = versions.all
        if not known:
            raise DoesNotExist(self.id)
        if len(known) > 1:
            raise ConflictDetected(self.id, known)
        return known[0].value

    def handle(self, versions: V, payload: object, event: Stamped) -> V:
        """Return the versions after an event of any origin."""
        if self.resolves is not None and isinstance(payload, self.resolves):
            return versions.resolve(payload.selected, vector_timestamp=event.vector_timestamp)
        if self.merges is not None and isinstance(payload, self.merges):
            return versions.merge(
                payload.selected,
                payload.merged,
                vector_timestamp=event.vector_timestamp,
                system_time_ms=event.system_time_ms,
                creator=self.origin(event),
            )
        return versions.update(
            payload,
            vector_timestamp=event.vector_timestamp,
            system_time_ms=event.system_time_ms,
            creator=self.origin(event),
        )

    def _require_choice(
        self,
        versions: ConcurrentVersions[Any, Any],
        selected: Sequence[VectorTime],
        origin: str,
    ) -> None:
        known: Sequence[Version[object]] = versions.all
        owner = versions.owner
        if owner is None or not known:
            raise DoesNotExist(self.id)
        if len(known) == 1:
            raise ConflictNotDetected(self.id)
        if origin != owner:
            raise ResolutionRejected(self.id, owner=owner, origin=origin)
        if not selected:
            raise NothingSelected(self.id)
        names = [version.vector_timestamp for version in known]
        for name in selected:
            if name not in names:
                raise UnknownVersion(self.id, name)
