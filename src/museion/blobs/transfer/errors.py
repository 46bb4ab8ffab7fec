"""Why a blob does not come from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping

from museion.base.errors import Conflict, Damaged, NotFound, Unavailable
from museion.blobs.blob_store import Digest


class SourceUnavailable(Unavailable):
    """A source does not answer, or breaks off; what has come is kept, and it may be tried again.

    Attributes:
        retry_after_s: how long it wants to be left alone; None where it did not say.
    """

    def __init__(self, source: str, reason: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(
            f"{source} does not deliver: {reason}.",
            remedy="It is tried again. Check the line and the other site.",
        )
        self.retry_after_s = retry_after_s


class BlobNotThere(NotFound):
    """A source has no such blob, or none that it gives away."""

    def __init__(self, source: str, digest: Digest) -> None:
        super().__init__(
            f"{source} has no blob {digest} for this site.",
            remedy="Ask another site that has it.",
        )


class SourceRefused(Conflict):
    """A source does not know who asks, or does not serve it."""

    def __init__(self, source: str, status: int) -> None:
        super().__init__(
            f"{source} refuses to serve blobs to this site (status {status}).",
            remedy="Check there that this site has joined and is not revoked.",
        )


class BadBlobAnswer(Damaged):
    """A source answered something that cannot be used."""

    def __init__(self, source: str, reason: str) -> None:
        super().__init__(
            f"The answer of {source} cannot be used: {reason}.",
            remedy="None of it was kept. Check what stands between the sites.",
        )


class TooManyBytes(Damaged):
    """A source sent more bytes than the blob has."""

    def __init__(self, source: str, digest: Digest, max_bytes: int) -> None:
        super().__init__(
            f"{source} sent more than the {max_bytes} bytes that blob {digest} may have.",
            remedy="None of them were kept. Check that site's disk and program.",
        )


class BlobNotFetched(Unavailable):
    """No source could deliver a blob within the tries of one fetch.

    Attributes:
        reasons: name of each source that was asked -> why it did not deliver.
    """

    def __init__(self, digest: Digest, reasons: Mapping[str, str]) -> None:
        why = " ".join(reasons.values()) or "No site is connected that could be asked."
        super().__init__(
            f"Blob {digest} could not be fetched. {why}",
            remedy="Connect a site that has it; what has come so far is kept.",
        )
        self.reasons = dict(reasons)


class FetchQueueFull(Unavailable):
    """More blobs wait than may."""

    def __init__(self, max_waiting: int) -> None:
        super().__init__(
            f"Expected at most {max_waiting} blobs to wait at a time.",
            remedy="Try again when some have come.",
        )


class FetcherClosed(Unavailable):
    """Nothing is fetched any more, because the site closes."""

    lasting = True

    def __init__(self) -> None:
        super().__init__("Blobs are not fetched now.", remedy="Open the site again.")
