"""Events as bytes between sites.

An event travels as the bytes of its envelope and its chain digest. The envelope is not taken apart
and put together on the way: what one log wrote is what every other one stores, also where it holds
a type or a field that a site does not know.
"""

from __future__ import annotations

import msgspec

from museion.base.errors import InvalidInput
from museion.log.event import DIGEST_BYTES, UNWRITTEN, Event
from museion.log.frame import NewerEvent, encode_envelope, envelope_of
from museion.log.replication.protocol import WireEvent

_MANY_FIELDS = 0xDC
_DECODER = msgspec.msgpack.Decoder(Event)


class UnusableEvent(InvalidInput):
    """The bytes of an event cannot be stored so that they stay what they are; nothing was kept."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"Expected the envelope of a written event, got one that cannot be kept: {reason}.",
            remedy="Check which program wrote it, and update this site if it is older.",
        )


def to_wire(event: Event) -> WireEvent:
    """Return an event as it travels: what all sites share of it, byte for byte."""
    return WireEvent(envelope_of(event), event.chain_digest)


def from_wire(wire: WireEvent) -> Event:
    """Return the event that came, its local fields blank; storing it keeps its bytes.

    Raises:
        UnusableEvent: it is no envelope, has local fields filled in, or is written in another form
            of msgpack than this log would write, so that its chain digest could not be checked.
    """
    envelope = wire.envelope
    try:
        event = _DECODER.decode(envelope)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as reason:
        raise UnusableEvent(str(reason)) from reason
    if event.sequence_nr != UNWRITTEN or event.log_id or event.chain_digest is not None:
        raise UnusableEvent("fields of one log only are filled in")
    digest = wire.chain_digest
    if digest is not None and len(digest) != DIGEST_BYTES:
        raise UnusableEvent(f"its chain digest has {len(digest)} bytes, not {DIGEST_BYTES}")
    if envelope[0] == _MANY_FIELDS:  # a later version wrote it
        fields = msgspec.structs.asdict(event)
        return NewerEvent(**(fields | {"chain_digest": digest}), envelope=envelope)
    # 0.5 µs an event. Without it a client that writes numbers longer than needed would break the
    # chain here, for good: a log stores an event of known fields as it reads it.
    if encode_envelope(event) != envelope:
        raise UnusableEvent("it is not in the shortest form of msgpack, all fields in order")
    if digest is not None:
        # NOTE: nobody has seen this object yet, so filling it in spares a copy of a hot path.
        msgspec.structs.force_setattr(event, "chain_digest", digest)
    return event
