"""The events that every log under measurement gets: the same, of the same size, in the same order.

Works without Museion, for the peers have an environment of their own. An event is a payload of
about 270 bytes in an envelope of 445: what Museion keeps for each event beside checksum and digest.
Peers that know no envelope keep one as their opaque state.
"""

from __future__ import annotations

import random
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

import msgspec

ENVELOPE_BYTES = 445
EVENTS_PER_AGGREGATE = 20
TYPE_NAME = "order.line-changed"
SITES = ("a2v6xk3q7mwn4tzb", "c5y7hd2r6jpl3sfe")
"""Two more sites whose events an emitter has handled: with its own, three entries in each stamp."""

_SEED = 7
_NOTES = 64
_NOTE_CHARACTERS = 141
_ENCODER = msgspec.msgpack.Encoder()


class LineChanged(msgspec.Struct, frozen=True):
    """The payload: what an order service would say of one line of an order."""

    line: int
    article: str
    title: str
    quantity: int
    price_minor: int
    currency: str
    changed_by: str
    note: str


class Envelope(msgspec.Struct, frozen=True, array_like=True):
    """What an event carries beside its payload, for the logs that leave this to the application."""

    type_name: str
    form: int
    payload: LineChanged
    emitter_id: str
    aggregate_id: str
    destinations: tuple[str, ...]
    system_time_ms: int
    vector_timestamp: dict[str, int]
    process_id: str
    log_id: str
    sequence_nr: int
    cause: str | None
    delivery_id: str | None


@dataclass(frozen=True, slots=True)
class Drawn:
    """An event to write: the `version`-th (from 1) of its aggregate."""

    aggregate: UUID
    version: int
    payload: LineChanged
    stamps: dict[str, int]

    @property
    def aggregate_id(self) -> str:
        """The aggregate as text, 32 hexadecimal digits."""
        return self.aggregate.hex

    @property
    def emitter_id(self) -> str:
        """Who emits it: one emitter an aggregate."""
        return self.aggregate.hex[:16]

    def encoded(self) -> bytes:
        """Return the payload in msgpack."""
        return _ENCODER.encode(self.payload)

    def state(self) -> bytes:
        """Return payload and envelope in msgpack."""
        time = self.stamps[SITES[0]]
        stamps = {**self.stamps, "own4site5id6own7": time}
        return _ENCODER.encode(
            Envelope(
                TYPE_NAME,
                1,
                self.payload,
                self.emitter_id,
                self.aggregate_id,
                (),
                1_790_000_000_000 + time,
                stamps,
                "own4site5id6own7",
                "",
                time,
                None,
                None,
            )
        )


def aggregates(count: int) -> list[UUID]:
    """Return the ids of the aggregates that `count` events belong to, in no order."""
    numbers = random.Random(_SEED)  # noqa: S311 (drawn alike in every process)
    amount = max(1, count // EVENTS_PER_AGGREGATE)
    return [UUID(int=numbers.getrandbits(128), version=4) for _ in range(amount)]


def drawn(count: int) -> Iterator[Drawn]:
    """Yield `count` events, 20 for each aggregate, those of all aggregates shuffled."""
    ids = aggregates(count)
    owners = array("L", (place % len(ids) for place in range(count)))
    numbers = random.Random(_SEED)  # noqa: S311 (drawn alike in every process)
    numbers.shuffle(owners)
    notes = ["".join(numbers.choices("abcdefgh ", k=_NOTE_CHARACTERS)) for _ in range(_NOTES)]
    versions = array("L", bytes(8 * len(ids)))
    for place, owner in enumerate(owners, 100_000):
        versions[owner] += 1
        payload = LineChanged(
            line=versions[owner],
            article=f"article-{place % 9973:06}",
            title="a title of moderate length",
            quantity=place % 90 + 1,
            price_minor=100_000 + place % 7919,
            currency="EUR",
            changed_by="somebody",
            note=notes[place % _NOTES],
        )
        yield Drawn(ids[owner], versions[owner], payload, dict.fromkeys(SITES, place))
