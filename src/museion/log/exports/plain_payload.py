"""What an opaque payload holds, as far as it shows without the types of the program that wrote it.

For people and tools only: guessing is no way to decode what is to be acted on.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Literal, TypeAlias

import msgspec

from museion.log.event import Event

PayloadForm: TypeAlias = Literal["empty", "msgpack", "json", "text", "binary", "encrypted"]

_NOT_MSGPACK = (msgspec.MsgspecError, ValueError, RecursionError)


class PlainPayload(msgspec.Struct, frozen=True):
    """A payload that JSON can hold.

    Attributes:
        form: what the bytes are taken for; `encrypted` where they belong to a data subject.
        value: plain values; bytes, also those inside, as base64.
    """

    form: PayloadForm
    value: object


def plain_payload(event: Event) -> PlainPayload:
    """Return what the payload of an event holds.

    Maps and lists of msgpack, JSON and text are told by their looks; the rest is binary. An
    encrypted payload stays as it is, whether its key still exists or not.
    """
    if event.subject_key_id is not None:
        return PlainPayload("encrypted", _base64(event.payload))
    if not event.payload:
        return PlainPayload("empty", None)
    return _structured(event.payload) or _textual(event.payload)


def _structured(payload: bytes) -> PlainPayload | None:
    try:
        value = msgspec.msgpack.decode(payload, ext_hook=_extension)
        if isinstance(value, dict | list):
            return PlainPayload("msgpack", _plain(value))
    except _NOT_MSGPACK:
        pass
    return None


def _textual(payload: bytes) -> PlainPayload:
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        return PlainPayload("binary", _base64(payload))
    if text[0] in "{[":
        try:
            return PlainPayload("json", msgspec.json.decode(text))
        except _NOT_MSGPACK:
            pass
    if text.isprintable() or not any(_is_control(each) for each in text):
        return PlainPayload("text", text)
    return PlainPayload("binary", _base64(payload))


def _plain(value: object) -> object:
    """Return a decoded value with texts as keys and without bytes."""
    if isinstance(value, Mapping):
        return {_key(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return _base64(value) if isinstance(value, bytes) else value


def _key(key: object) -> str:
    if isinstance(key, str):
        return key
    return _base64(key) if isinstance(key, bytes) else str(key)


def _extension(code: int, content: memoryview) -> object:
    return {"extension": code, "content": bytes(content)}


def _is_control(character: str) -> bool:
    return ord(character) < 32 and character not in "\t\r\n"


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
