"""What a client and a site of the chaos test say to each other: JSON, one message a line."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from museion.log.vector_time import VectorTime

CounterName = Literal["counter", "pure-counter"]
Result = Literal["acknowledged", "refused", "unknown"]


class Step(msgspec.Struct, frozen=True, tag="step"):
    """Count one of the two counters on."""

    counter: CounterName
    by: int


class Put(msgspec.Struct, frozen=True, tag="put"):
    """Put an element into the set."""

    element: str


class Take(msgspec.Struct, frozen=True, tag="take"):
    """Take an element out of the set."""

    element: str


class Pay(msgspec.Struct, frozen=True, tag="pay"):
    """Pay into the account, or out of it where `amount` is negative.

    Attributes:
        reference: of this payment alone.
    """

    reference: str
    amount: int


Operation: TypeAlias = Step | Put | Take | Pay


class Report(msgspec.Struct, frozen=True, tag="report"):
    """Tell how it stands."""


class StorageOutage(msgspec.Struct, frozen=True, tag="storage-outage"):
    """Let the disk fail for a while; `unsure` ones may have written or not."""

    length_s: float
    unsure: bool


class Request(msgspec.Struct, frozen=True):
    """One request; answers may come in any order."""

    nr: int
    what: Step | Put | Take | Pay | Report | StorageOutage


class Values(msgspec.Struct, frozen=True):
    """What a site sees, and how far it is."""

    sequence_nr: int
    version: VectorTime
    counter: int
    pure_counter: int
    set: frozenset[str]
    balance: int
    trouble: str


class Answer(msgspec.Struct, frozen=True):
    """What became of a request."""

    nr: int
    result: Result
    reason: str = ""
    values: Values | None = None


class Peer(msgspec.Struct, frozen=True):
    """Another site, as this one reaches it: through a bad line."""

    site_id: str
    url: str
    direction: str = "read"


class Setting(msgspec.Struct, frozen=True):
    """What a site process is started with.

    Attributes:
        site_ids: all sites that there are.
        port: of its door on loopback.
        lost: its log is gone, or an old one: it has to recover before it goes on.
    """

    site_id: str
    folder: str
    port: int
    site_ids: tuple[str, ...]
    peers: tuple[Peer, ...]
    seed: int
    lost: bool = False
