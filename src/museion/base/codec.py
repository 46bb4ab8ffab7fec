"""Typed values to msgpack bytes and back."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from museion.base.errors import Damaged, InvalidInput

T = TypeVar("T")

_ENCODER = msgspec.msgpack.Encoder()


class Undecodable(Damaged):
    """Bytes do not hold the type that they should hold."""

    def __init__(self, kind: type, reason: str) -> None:
        super().__init__(
            f"Expected the msgpack form of {kind.__name__}; {reason}.",
            remedy="Check which program version wrote it.",
        )


class Unencodable(InvalidInput):
    """A text holds characters that no stored form can hold."""

    def __init__(self, reason: UnicodeEncodeError) -> None:
        super().__init__(
            f"Expected text that UTF-8 can hold, got {reason.object[:80]!r}.",
            remedy="Give names of files as bytes, or replace what is not UTF-8.",
        )


def encode(value: object) -> bytes:
    """Return the msgpack form of a struct, dataclass or plain value.

    Raises:
        Unencodable: a text in it holds lone surrogates, as names of files may.
    """
    try:
        return _ENCODER.encode(value)
    except UnicodeEncodeError as reason:
        raise Unencodable(reason) from reason


def decode(content: bytes, kind: type[T]) -> T:
    """Return the value of type `kind` that `content` holds.

    Raises:
        Undecodable: the bytes are not msgpack or do not fit the type.
    """
    try:
        return msgspec.msgpack.decode(content, type=kind)
    except msgspec.MsgspecError as reason:
        raise Undecodable(kind, str(reason)) from reason
