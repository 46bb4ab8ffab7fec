"""How operations and states of a replicated type are written to a log and read back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import msgspec

from museion.base.errors import Damaged, InvalidInput
from museion.log.crdt.crdt import StoredCrdt
from museion.log.event_types import event_type
from museion.log.sourced.refusals import SnapshotRefused


@event_type("museion.crdt.operation-written")
class OperationWritten(msgspec.Struct, frozen=True):
    """An operation of a replicated type took place.

    Attributes:
        crdt: the name of the type.
        operation: its stored form.
    """

    crdt: str
    operation: bytes


class UnwritableOperation(InvalidInput):
    """An operation has no stored form that it could be read back from; nothing was written."""

    def __init__(self, crdt: str, operation: object, reason: Exception) -> None:
        super().__init__(
            f"Expected an operation of {crdt!r}, got {operation!r:.200}: {reason}.",
            remedy="Give values of the declared type, or a ValueForm for types of your own.",
        )


class UnreadableOperation(Damaged):
    """A stored operation is not of the form that its type has here."""

    def __init__(self, crdt: str, reason: Exception) -> None:
        super().__init__(
            f"Expected the stored form of an operation of {crdt!r}; {reason}.",
            remedy="Use one type of values under one name of a CRDT at all sites.",
        )


@dataclass(frozen=True, slots=True)
class ValueForm:
    """How values of types that msgspec does not know are written and read back.

    Args:
        to_plain: makes something that msgspec encodes; as `enc_hook` of `msgspec`.
        from_plain: makes a value of a type from it; as `dec_hook` of `msgspec`.
    """

    to_plain: Callable[[Any], Any] | None = None
    from_plain: Callable[[type, Any], Any] | None = None


@runtime_checkable
class KnowsStates(Protocol):
    """A type that may find a state to be none of its own although it could be decoded."""

    def is_mine(self, state: Any) -> bool:
        """Tell whether this type, as it is now, can go on from a state."""


class OperationForm:
    """Writes and reads the states and operations of one type."""

    def __init__(self, crdt: StoredCrdt[Any, Any, Any], form: ValueForm) -> None:
        self.crdt = crdt
        self._encoder = msgspec.msgpack.Encoder(enc_hook=form.to_plain)
        self._operations = msgspec.msgpack.Decoder(crdt.operation_type, dec_hook=form.from_plain)
        self._states = msgspec.msgpack.Decoder(crdt.state_type, dec_hook=form.from_plain)

    def write(self, operation: object) -> OperationWritten:
        """Return the payload of an operation. Raises `UnwritableOperation`."""
        try:
            content = self._encoder.encode(operation)
            # What could not be read back would stop, for good, every site that replays it.
            self._operations.decode(content)
        except Exception as reason:  # hooks may raise anything
            raise UnwritableOperation(self.crdt.name, operation, reason) from reason
        return OperationWritten(self.crdt.name, content)

    def read(self, written: OperationWritten) -> Any:
        """Return the operation of a payload. Raises `UnreadableOperation`."""
        try:
            return self._operations.decode(written.operation)
        except Exception as reason:
            raise UnreadableOperation(self.crdt.name, reason) from reason

    def encode_state(self, state: object) -> bytes:
        """Return the stored form of a state."""
        return self._encoder.encode(state)

    def decode_state(self, content: bytes) -> Any:
        """Return a state. Raises `SnapshotRefused`, so that the operations are replayed."""
        refused = SnapshotRefused(f"its state is not one of {self.crdt.name!r}")
        try:
            state = self._states.decode(content)
        except Exception as reason:
            raise refused from reason
        if isinstance(self.crdt, KnowsStates) and not self.crdt.is_mine(state):
            raise refused
        return state
