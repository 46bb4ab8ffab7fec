"""Typed values to msgpack bytes and back."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from museion.base.errors import Damaged

T = TypeVar("T")

_ENCODER = msgspec.msgpack.Encoder()


class Undecodable(Damaged):
    """Bytes do not hold the type that they should hold."""

    def __init__(self, kind: type, reason: str) -> None:
        super().__init__(
            f"Expected the msgpack form of {kind.__name__}; {reason}.",
            remedy="Check which program version wrote it.",
        )


def encode(value: object) -> bytes:
    """Return the msgpack form of a struct, dataclass or plain value."""
    return _ENCODER.encode(value)


def decode(content: bytes, kind: type[T]) -> T:
    """Return the value of type `kind` that `content` holds.

    Raises:
        Undecodable: the bytes are not msgpack or do not fit the type.
    """
    try:
        return msgspec.msgpack.decode(content, type=kind)
    except msgspec.MsgspecError as reason:
        raise Undecodable(kind, str(reason)) from reason
