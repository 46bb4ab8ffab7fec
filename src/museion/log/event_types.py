"""Typed events: payloads of classes to envelopes and back, over all forms that were ever written.

A set of event types is explicit: it knows the classes it was given and nothing else. What it does
not know it hands on as `Unknown`, so an older site goes on when a newer one writes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Self

import msgspec

from museion.log.event import Event, EventId, InvalidEvent, NewEvent
from museion.log.payloads.event_adapters import TAG_PREFIX, EventAdapter, Tagged, Tagging, tag
from museion.log.payloads.event_mark import (
    EventMark,
    InvalidEventType,
    NotAnEventType,
    event_type,
    mark_of,
    written_name,
)
from museion.log.payloads.payload_outcomes import (
    DuplicateEventType,
    Erased,
    NoSubjectKeys,
    TamperedPayload,
    UndecodablePayload,
    UnencodablePayload,
    Unknown,
    UnknownForm,
)
from museion.log.payloads.upcasting import upcast
from museion.log.subject_keys import KeyMissing, NoKey, SubjectKeys
from museion.log.vector_time import VectorTime

if TYPE_CHECKING:
    from museion.log.payloads.encryption import PayloadEncryption

__all__ = [
    "DuplicateEventType",
    "Erased",
    "EventAdapter",
    "EventTypes",
    "InvalidEventType",
    "KeyMissing",
    "NoSubjectKeys",
    "NotAnEventType",
    "Tagged",
    "Tagging",
    "TamperedPayload",
    "UndecodablePayload",
    "UnencodablePayload",
    "Unknown",
    "UnknownForm",
    "event_type",
    "tag",
    "written_name",
]

_ENCODER = msgspec.msgpack.Encoder()
_UNENCODABLE = (TypeError, ValueError, OverflowError, RecursionError, msgspec.MsgspecError)
_UNDECODABLE = (msgspec.MsgspecError, ValueError, RecursionError)
_FIELDS_DECODER = msgspec.msgpack.Decoder()
_NOTHING_KNOWN = VectorTime()


class _Reading(msgspec.Struct, frozen=True):
    """How one event type is read. `plain_form` is -1 where bytes alone do not make the payload."""

    mark: EventMark
    plain_form: int
    decode: Callable[[bytes], object]


class EventTypes:
    """The event types that a program writes and reads; immutable.

    Safe in any thread. Encoding and decoding cost about what msgspec costs, but for encrypted
    payloads and old forms.

    Args:
        kinds: classes marked with `event_type`.
        adapters: for classes that are written otherwise than the domain has them; the classes that
            they write are known without being named among `kinds`.
        keys: of data subjects; needed for types that have one.

    Raises:
        NotAnEventType: a class has no mark of its own.
        DuplicateEventType: two classes have one name, or two adapters one class.
    """

    def __init__(
        self,
        *kinds: type,
        adapters: Iterable[EventAdapter[Any, Any]] = (),
        keys: SubjectKeys | None = None,
    ) -> None:
        self._adapters = tuple(adapters)
        self._keys = keys
        self._encryption = None if keys is None else _encryption(keys)
        self._incoming: dict[type, EventAdapter[Any, Any]] = {}
        self._outgoing: dict[type, EventAdapter[Any, Any]] = {}
        self._marks: dict[type, EventMark] = {}
        self._readings: dict[str, _Reading] = {}
        for adapter in self._adapters:
            _claim(self._outgoing, adapter.domain, adapter)
            _claim(self._incoming, adapter.stored, adapter)
        self._kinds = tuple(dict.fromkeys((*kinds, *self._incoming)))
        for kind in self._kinds:
            self._add(kind)

    @property
    def kinds(self) -> tuple[type, ...]:
        """The written classes, each once."""
        return self._kinds

    def with_kinds(self, *kinds: type) -> Self:
        """Return a set that knows these classes too."""
        return type(self)(*self._kinds, *kinds, adapters=self._adapters, keys=self._keys)

    def erased_keys(self, key_ids: Iterable[str]) -> list[str]:
        """Return those of some keys that were destroyed; none where this set has no keys."""
        if self._keys is None:
            return []
        return [each for each in key_ids if self._keys.find(each) is NoKey.DESTROYED]

    def with_keys(self, keys: SubjectKeys) -> Self:
        """Return a set of the same types that encrypts and decrypts with these keys."""
        return type(self)(*self._kinds, adapters=self._adapters, keys=keys)

    def encode(
        self,
        payload: object,
        *,
        emitter_id: str,
        aggregate_id: str | None = None,
        destinations: Iterable[str] = (),
        vector_timestamp: VectorTime = _NOTHING_KNOWN,
        cause: EventId | None = None,
        delivery_id: str | None = None,
    ) -> NewEvent:
        """Return the event that asks to be written for a payload.

        The first event about a new data subject makes its key, which is flushed to disk.

        Args:
            payload: of a class that this set knows, not of a subclass.
            destinations: further aggregates, and tags (`tag("red")`), under which it is found.

        Raises:
            NotAnEventType: the payload's own class is not one of this set.
            UnencodablePayload: a value in it cannot be written, or is not of its field's type.
            NoSubjectKeys: it is about a data subject and this set has no keys.
            InvalidEvent: the aggregate's id begins as tags do.
        """
        adapter = self._outgoing.get(type(payload))
        if adapter is not None:
            payload, tags = _adapted(adapter, payload)
            destinations = (*destinations, *tags)
        mark = self._marks.get(type(payload))
        if mark is None:
            raise NotAnEventType(type(payload), "a payload of one of the set's own classes")
        if aggregate_id is not None and aggregate_id.startswith(TAG_PREFIX):
            raise InvalidEvent(
                f"an aggregate id that does not begin with {TAG_PREFIX}", aggregate_id
            )
        try:
            content = _ENCODER.encode(payload)
            # A class does not check its fields when it is made. What its own type could not be
            # read back from would stop, for good, whoever has to replay it.
            self._readings[mark.type_name].decode(content)
        except _UNENCODABLE as reason:
            if mark.subject is None:
                raise UnencodablePayload(mark.type_name, str(reason)) from reason
            # What is about a person must not come into a log file in clear: reasons may quote it.
            raise UnencodablePayload(mark.type_name, type(reason).__name__) from None
        key_id = None
        if mark.subject is not None:
            content, key_id = self._sealed(mark, content, mark.subject(payload))
        return NewEvent(
            type_name=mark.type_name,
            payload=content,
            emitter_id=emitter_id,
            form=mark.form,
            aggregate_id=aggregate_id,
            destinations=tuple(destinations),
            vector_timestamp=vector_timestamp,
            cause=cause,
            delivery_id=delivery_id,
            subject_key_id=key_id,
        )

    def decode(self, event: Event) -> Sequence[object]:
        """Return the payloads that a stored event stands for; mostly one.

        `Unknown` stands for what this program does not know, `Erased` for what nobody can read any
        more. A payload that an upcaster or adapter turned into nothing gives an empty sequence.

        Raises:
            UndecodablePayload: the bytes are not what the type's form says.
            TamperedPayload: an encrypted payload was changed or moved.
            NoSubjectKeys, KeyMissing: it is encrypted, and the key is not at hand.
        """
        reading = self._readings.get(event.type_name)
        if reading is None:
            return (Unknown(event.type_name, event.form, event.payload),)
        if event.form != reading.plain_form or event.subject_key_id is not None:
            return self._decode_otherwise(event, reading)
        try:
            return (reading.decode(event.payload),)
        except _UNDECODABLE as reason:
            raise UndecodablePayload(event, reason) from reason

    def decode_known(self, event: Event) -> Sequence[object]:
        """Return the payloads as `decode` does, for callers that must not pass over anything.

        Raises:
            UnknownForm: the event has a type or form that this program does not know.
        """
        payloads = self.decode(event)
        for payload in payloads:
            if type(payload) is Unknown:
                raise UnknownForm(event.type_name, event.form)
        return payloads

    def _add(self, kind: type) -> None:
        mark = mark_of(kind)
        for other, known in self._marks.items():
            if known.type_name == mark.type_name:
                raise DuplicateEventType(f"class for event type {mark.type_name}", other, kind)
        self._marks[kind] = mark
        self._readings[mark.type_name] = _Reading(
            mark,
            plain_form=-1 if kind in self._incoming else mark.form,
            decode=msgspec.msgpack.Decoder(kind).decode,
        )

    def _sealed(
        self, mark: EventMark, content: bytes, subject_id: str | None
    ) -> tuple[bytes, str | None]:
        if subject_id is None:
            return content, None
        if self._encryption is None:
            raise NoSubjectKeys(mark.type_name)
        return self._encryption.seal(content, subject_id, type_name=mark.type_name, form=mark.form)

    def _decode_otherwise(self, event: Event, reading: _Reading) -> Sequence[object]:
        """Decode what is encrypted, of another form, or adapted."""
        if event.form > reading.mark.form:
            return (Unknown(event.type_name, event.form, event.payload),)
        content: bytes | None = event.payload
        if event.subject_key_id is not None:
            if self._encryption is None:
                raise NoSubjectKeys(event.type_name)
            content = self._encryption.open(event, event.subject_key_id)
            if content is None:
                return (Erased(event.type_name, event.subject_key_id),)
        assert content is not None
        payloads: list[object] = []
        for payload in self._stored_payloads(event, content, reading):
            adapter = self._incoming.get(type(payload))
            payloads += (payload,) if adapter is None else adapter.incoming(payload)
        return payloads

    def _stored_payloads(self, event: Event, content: bytes, reading: _Reading) -> Sequence[object]:
        mark = reading.mark
        try:
            if event.form == mark.form:
                return (reading.decode(content),)
            fields = _FIELDS_DECODER.decode(content)
            upcasted = upcast(fields, form=event.form, to_form=mark.form, upcasters=mark.upcasters)
            # Encoding again costs old forms only, and lets them be read exactly as new ones are.
            return [
                reading.decode(_ENCODER.encode(each)) if type(each) is dict else self._known(each)
                for each in upcasted
            ]
        except Exception as reason:  # an upcaster may raise anything where fields surprise it
            shown = reason if event.subject_key_id is None else None
            raise UndecodablePayload(event, reason) from shown

    def _known(self, payload: object) -> object:
        kind = type(payload)
        if kind not in self._marks and kind not in self._outgoing:
            raise NotAnEventType(kind, "a mapping, or a payload of one of the set's own classes")
        return payload


def _encryption(keys: SubjectKeys) -> PayloadEncryption:
    # Imported where it is needed: most logs encrypt nothing, and it takes long to load.
    from museion.log.payloads.encryption import PayloadEncryption

    return PayloadEncryption(keys)


def _adapted(adapter: EventAdapter[Any, Any], payload: object) -> tuple[object, Sequence[str]]:
    stored = adapter.outgoing(payload)
    if not isinstance(stored, Tagged):
        return stored, ()
    return stored.payload, [tag(name) for name in stored.tags]


def _claim(
    claimed: dict[type, EventAdapter[Any, Any]], kind: type, adapter: EventAdapter[Any, Any]
) -> None:
    if kind in claimed:
        raise DuplicateEventType(
            f"adapter for {kind.__qualname__}", type(claimed[kind]), type(adapter)
        )
    claimed[kind] = adapter
