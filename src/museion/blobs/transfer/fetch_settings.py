"""How blobs are fetched, and what is to be fetched."""

from __future__ import annotations

from dataclasses import dataclass, field

from museion.base.errors import InvalidInput
from museion.base.retry import RetryPolicy
from museion.blobs.blob_store import Digest


@dataclass(frozen=True, slots=True)
class FetchSettings:
    """How blobs are fetched.

    Attributes:
        parallel: transfers at a time; more help on a long line with many small blobs.
        extra_for_people: so many more for what a person waits for.
        max_waiting: blobs in the queue; people may fill a quarter more.
        tries: rounds over all sources before a fetch is given up; a round that brought a MiB or
            more does not count.
        retry: waits between the rounds, and how long a source that failed is left alone.
        idle_s: the longest wait for the next bytes of a source.
        ask_s: the longest wait for an answer to the question who has a blob.
        max_unknown_bytes: the most that may come for a blob of unknown size.
        wrong_rest_s: how long a source is left alone that sent wrong bytes for three blobs.
    """

    parallel: int = 8
    extra_for_people: int = 2
    max_waiting: int = 256
    tries: int = 4
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    idle_s: float = 30.0
    ask_s: float = 5.0
    max_unknown_bytes: int = 64 << 30
    wrong_rest_s: float = 600.0

    def __post_init__(self) -> None:
        if min(self.parallel, self.max_waiting, self.tries) < 1 or self.extra_for_people < 0:
            raise InvalidInput(f"Expected one transfer, place and try or more, got {self}.")


@dataclass(frozen=True, slots=True)
class WantedBlob:
    """A blob to be fetched, and its size where that is known, which bounds what may come."""

    digest: Digest
    size_bytes: int | None = None
