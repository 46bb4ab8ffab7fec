"""What is said of blobs that are not here yet: of one, of all, and how they are kept coming."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from museion.base.errors import Unavailable
from museion.base.retry import RetryPolicy
from museion.blobs.blob_store import Digest
from museion.blobs.transfer.policies import BlobPolicy


class BlobNotHere(Unavailable):
    """A blob is not at this site yet.

    Attributes:
        sites: names of the sites that say they have it.
        arriving: whether it is being fetched.
        retry_after_s: when to ask again.
    """

    def __init__(
        self,
        digest: Digest,
        sites: tuple[str, ...],
        *,
        arriving: bool,
        retry_after_s: int,
        reason: str = "",
    ) -> None:
        where = f"it lies at {', '.join(sites)}" if sites else "no site that answers has it"
        super().__init__(
            f"Blob {digest} is not here yet: {where}.{f' {reason}' if reason else ''}",
            remedy=f"It is on its way; ask again in {retry_after_s} s."
            if arriving
            else "Connect a site that has it, or wait until one answers.",
        )
        self.sites = sites
        self.arriving = arriving
        self.retry_after_s = retry_after_s


class ExchangeStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How blobs are coming, for the sites page.

    Attributes:
        wanted: blobs that the policy wants and that are not here, and their bytes.
        on_demand: blobs that are fetched only when someone asks.
        failing: of the wanted, those that were tried in vain and are tried again.
        waiting: blobs in the queue of the moment.
        trouble: why nothing can be fetched or noted now.
    """

    policy: BlobPolicy
    wanted: int
    wanted_bytes: int
    on_demand: int
    on_demand_bytes: int
    failing: int
    waiting: int
    running: int
    fetched: int
    fetched_bytes: int
    bytes_from: dict[str, int]
    rate_bytes_per_s: float
    limit_bytes_per_s: float | None
    trouble: str | None


@dataclass(frozen=True, slots=True)
class ExchangeSettings:
    """How blobs are kept coming.

    Attributes:
        in_flight: blobs that are fetched by policy or queue for it; the rest waits on disk.
        look_s: how often it is looked whether a next try is due.
        retry: waits between fetches of one blob that failed.
        full_disk_s: how long nothing is fetched by policy after the disk was full.
        shown_after_s: what `BlobNotHere` says when to ask again.
    """

    in_flight: int = 32
    look_s: float = 1.0
    retry: RetryPolicy = field(default_factory=lambda: RetryPolicy(10.0, 3600.0))
    full_disk_s: float = 30.0
    shown_after_s: int = 5
