"""The stored form of an event: a checksum, the chain digest, and the envelope.

An envelope is what is the same at every site: the event in msgpack, with the fields that belong to
one log alone left blank. It is encoded once, where the event is first written, and its chain digest
covers these bytes. Layout of a frame:

    crc32 (4 bytes, big endian) | 0x02 | chain digest (32 bytes) | envelope

The checksum is over what follows it and starts from the sequence number instead of 0 (its halves
joined by exclusive or), so it also tells when a frame stands in the place of another. 32 zero bytes
stand for no chain digest.

Version 0.1 of Museion wrote `crc32 | envelope`, all fields filled in and without a digest. The
first byte of such an envelope is that of a msgpack array, so both forms can stand in one log.
"""

from __future__ import annotations

import struct
import zlib
from typing import TypeAlias

import msgspec
from msgspec.structs import force_setattr, replace

from museion.log.chain import START
from museion.log.event import UNWRITTEN, Event
from museion.log.event_store import DamagedEvent

_CRC = struct.Struct(">I")
_FORM = b"\x02"
_HEAD = struct.Struct(f">IB{len(START)}s")
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Event)

_MANY_FIELDS = 0xDC
"""First byte of a msgpack array of 16 items or more: an envelope has 15."""

Stored: TypeAlias = bytes | memoryview


class NewerEvent(Event, frozen=True, array_like=True, kw_only=True):
    """An event whose envelope has fields that this version does not know.

    Attributes:
        envelope: as it was received, so that it can be passed on unharmed.
    """

    envelope: bytes


def envelope_of(event: Event) -> bytes:
    """Return the bytes that the chain digest covers; the same at every site."""
    if isinstance(event, NewerEvent):
        return event.envelope
    if event.sequence_nr != UNWRITTEN or event.log_id or event.chain_digest is not None:
        event = replace(event, log_id="", sequence_nr=UNWRITTEN, chain_digest=None)
    return encode_envelope(event)


encode_envelope = _ENCODER.encode
"""Return the envelope of an event whose local fields are blank."""


def frame_of(event: Event) -> bytes:
    """Return the stored form of a written event."""
    return pack_frame(envelope_of(event), event.chain_digest, event.sequence_nr)


def pack_frame(envelope: bytes, chain_digest: bytes | None, sequence_nr: int) -> bytes:
    """Return the stored form of an envelope and its chain digest, for one place in a log."""
    head = _FORM + (chain_digest or START)
    # In two steps, so that the envelope is copied once only.
    checksum = zlib.crc32(envelope, _checksum(head, sequence_nr))
    return b"%b%b%b" % (_CRC.pack(checksum), head, envelope)


def unpack_frame(stored: Stored, sequence_nr: int, log_id: str) -> Event:
    """Return the event that a frame holds, as event `sequence_nr` of a log.

    Raises:
        DamagedEvent: the checksum does not match, or the content is no event.
    """
    if len(stored) <= _HEAD.size or stored[_CRC.size] != _FORM[0]:
        return _unpack_form_1(stored, sequence_nr)
    checksum, _, digest = _HEAD.unpack_from(stored)
    if checksum != _checksum(stored[_CRC.size :], sequence_nr):
        raise DamagedEvent(sequence_nr)
    event = _decode(stored[_HEAD.size :], sequence_nr)
    if stored[_HEAD.size] == _MANY_FIELDS:
        event = NewerEvent(**msgspec.structs.asdict(event), envelope=bytes(stored[_HEAD.size :]))
    # NOTE: nobody has seen this object yet, so filling it in spares a copy of a hot path.
    force_setattr(event, "log_id", log_id)
    force_setattr(event, "sequence_nr", sequence_nr)
    if digest != START:
        force_setattr(event, "chain_digest", digest)
    return event


def _checksum(content: Stored, sequence_nr: int) -> int:
    # It begins with the number, both halves, so that a frame in the place of another is damage.
    return zlib.crc32(content, (sequence_nr ^ sequence_nr >> 32) & 0xFFFF_FFFF)


def _unpack_form_1(stored: Stored, sequence_nr: int) -> Event:
    content = stored[_CRC.size :]
    if len(stored) <= _CRC.size or _CRC.unpack_from(stored)[0] != zlib.crc32(content):
        raise DamagedEvent(sequence_nr)
    event = _decode(content, sequence_nr)
    if event.sequence_nr != sequence_nr:
        raise DamagedEvent(sequence_nr, f"it says that it is event {event.sequence_nr}")
    return event


def _decode(content: Stored, sequence_nr: int) -> Event:
    try:
        return _DECODER.decode(content)
    except msgspec.MsgspecError as reason:
        raise DamagedEvent(sequence_nr, f"it is no envelope of an event: {reason}") from reason
