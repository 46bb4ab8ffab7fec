"""The contract of blob stores: immutable runs of bytes under their BLAKE3 digest."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import NewType, Protocol

from museion.base.errors import Conflict, Damaged, InvalidInput, NotFound, Unavailable

Digest = NewType("Digest", str)
"""BLAKE3 of a blob, 64 lower-case hexadecimal characters."""

_DIGEST_LENGTH = 64
_DIGEST = re.compile(f"[0-9a-f]{{{_DIGEST_LENGTH}}}")


@dataclass(frozen=True, slots=True)
class Blob:
    """A kept blob: its name and its size."""

    digest: Digest
    size_bytes: int


class Incoming(Protocol):
    """Bytes on their way into a store; nothing is visible under a digest before `keep` returns.

    Write, finish, look at the file under `path`, then keep it or leave it to be removed. Calls
    block; one thread at a time.
    """

    @property
    def path(self) -> Path:
        """The file that holds the bytes so far."""

    def write(self, chunk: bytes) -> None:
        """Add bytes."""

    def finish(self) -> Blob:
        """Say that all bytes have come, and return what they are; no more can be written."""

    def keep(self) -> Blob:
        """Make the blob durable, then visible. One that is there stays, unless it is damaged.

        Finishes it, if that was not done.
        """


class Partial(Protocol):
    """Bytes that are still coming for one known blob, from elsewhere; they survive a restart.

    Where bytes are there, first `recall` until it says that there is no more; then write what
    follows, then keep. Calls block; one at a time.
    """

    @property
    def digest(self) -> Digest:
        """The blob that they are to become."""

    @property
    def size_bytes(self) -> int:
        """How many bytes are there: the next ones go behind them."""

    def recall(self) -> bool:
        """Look at some of the bytes that came before; tell whether there are more to look at."""

    def write(self, chunk: bytes | bytearray) -> None:
        """Add bytes; after an error none of them are there."""

    def restart(self) -> None:
        """Throw away what has come."""

    def keep(self) -> Blob:
        """Verify, make durable, then visible. A damaged blob under this name is healed.

        Raises:
            WrongBytes: they are not that blob; none is left, and all must come anew.
        """


class BlobStore(Protocol):
    """Keeps blobs; what is kept is durable, and verified when it is read.

    Calls block; any thread may make them. A damaged blob is healed by keeping the same bytes again.
    """

    def incoming(self) -> AbstractContextManager[Incoming]:
        """Open a place for bytes; what is not kept is removed when the context ends.

        Raises:
            BlobWriteFailed: also from the methods of `Incoming`: nothing was kept.
        """

    def resume(self, digest: Digest) -> AbstractContextManager[Partial]:
        """Open the place for the bytes of one blob that come from elsewhere.

        What came before is there; what is not kept stays for the next time, also after a crash,
        within bounds.

        Raises:
            InvalidDigest: the text is not a digest.
            BlobArriving: it is open already.
            BlobWriteFailed: also from the methods of `Partial`.
        """

    def put(self, content: bytes) -> Blob:
        """Keep bytes; idempotent.

        Raises:
            BlobWriteFailed: nothing was kept.
        """

    def read(self, digest: Digest) -> bytes:
        """Return a blob's bytes.

        Raises:
            InvalidDigest: the text is not a digest.
            UnknownBlob: no such blob is here.
            DamagedBlob: the bytes do not match the digest.
            BlobUnreadable: the bytes are there but cannot be read.
        """

    def path(self, digest: Digest) -> Path:
        """Return the verified file of a blob, to be read only. Raises as `read`."""

    def __contains__(self, digest: object) -> bool:
        """Tell whether a blob is here, which does not say that it is undamaged."""

    def digests(self) -> Iterator[Digest]:
        """Return the digests of all blobs, in no order."""


class InvalidDigest(InvalidInput):
    """A text is not the name of a blob."""

    def __init__(self, text: str) -> None:
        super().__init__(
            f"Expected a digest of {_DIGEST_LENGTH} hexadecimal characters, got {text[:80]!r}.",
            remedy="Copy the whole digest as `museion show` prints it.",
        )


class UnknownBlob(NotFound):
    """No blob with this digest is here."""

    def __init__(self, digest: str) -> None:
        super().__init__(f"No blob {digest} is here.", remedy="It may lie at another site.")


class DamagedBlob(Damaged):
    """A blob's bytes do not match its digest."""

    def __init__(self, digest: str, found: str) -> None:
        super().__init__(
            f"Blob {digest} is damaged: its bytes have the digest {found}.",
            remedy="Restore the file from a backup; it is not served as it is.",
        )


class WrongBytes(Damaged):
    """Bytes that came for a blob are not that blob."""

    def __init__(self, digest: str, found: str) -> None:
        super().__init__(
            f"Expected the bytes of blob {digest}, got bytes with the digest {found}.",
            remedy="None of them were kept. They must come anew, or from another site.",
        )


class BlobArriving(Conflict):
    """Bytes for this blob are coming in already."""

    def __init__(self, digest: str) -> None:
        super().__init__(
            f"The bytes of blob {digest} are coming in already.",
            remedy="Wait until they have come.",
        )


class BlobUnreadable(Unavailable):
    """A blob's file is there, but the system does not let it be read."""

    def __init__(self, digest: str, reason: str) -> None:
        super().__init__(
            f"Blob {digest} cannot be read: {reason}.",
            remedy="Check the disk, and the rights of the site's folder.",
        )


class BlobWriteFailed(Unavailable):
    """A blob could not be made durable; count on nothing of it being kept."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The bytes could not be kept: {reason}.",
            remedy="Check free space and rights of the site's folder, then try again.",
        )


def as_digest(text: str) -> Digest:
    """Return a checked digest.

    Raises:
        InvalidDigest: the text is not 64 lower-case hexadecimal characters.
    """
    if not _DIGEST.fullmatch(text):
        raise InvalidDigest(text)
    return Digest(text)
