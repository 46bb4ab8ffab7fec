"""The key pair by which a site proves who it is, and how one key hands over to the next.

Keys are Ed25519. The folder holds one file, `site-key`, for its owner only; it is replaced whole,
so a crash leaves the old key or the new one. A new key is announced in words that the old one
signs; a site that trusts the old key can check the announcement and trust the new one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Self
from urllib.parse import quote

import msgspec
from blake3 import blake3
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from museion.base.errors import Conflict, NotFound
from museion.base.ids import short_id
from museion.log.event import require_name
from museion.log.replication.shared_file import SharedFile

KEY_BYTES = 32
SIGNATURE_BYTES = 64

MAX_ANNOUNCEMENTS = 4
"""A site tells the last few changes of its key; who was away for more must join anew."""

_FORM = 1
_FILE = "site-key"


class NoSiteKey(NotFound):
    """The folder holds no key of a site."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"There is no site key in {folder}.", remedy="Make one first.")


class SiteKeyExists(Conflict):
    """The folder holds a key already; it was left as it is."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            f"There is a site key in {folder} already.",
            remedy="Use it, or roll it: other sites trust it.",
        )


class KeyAnnouncement(msgspec.Struct, frozen=True, array_like=True):
    """A site's word that it signs with another key from now on.

    Attributes:
        previous_key_id: the key that signs this.
        announced_ms: when, by the clock of the site, milliseconds since 1970.
    """

    site_id: str
    public_key: bytes
    previous_key_id: str
    announced_ms: int
    signature: bytes = b""

    def signed_text(self) -> bytes:
        """Return what the signature covers."""
        lines = (
            "museion-key-1",
            quote(self.site_id, safe=""),
            self.previous_key_id,
            self.public_key.hex(),
            str(self.announced_ms),
        )
        return "\n".join(lines).encode()


class _KeyFile(msgspec.Struct, frozen=True, array_like=True):
    form: int
    site_id: str
    private_key: bytes
    announcements: tuple[KeyAnnouncement, ...] = ()

    def __repr__(self) -> str:  # the private key is never printed
        return f"_KeyFile(site_id={self.site_id!r})"


class SiteKeys:
    """The keys of this site; sees at once when another process has rolled them.

    All calls raise `FileUnavailable` and `DamagedFile` when the file cannot be used.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = _file_in(folder)
        self._loaded: _KeyFile | None = None
        self._load()

    @classmethod
    def make(cls, folder: Path, site_id: str) -> Self:
        """Make the first key of a site, on disk when this returns.

        Raises:
            SiteKeyExists: there is one; nothing was done.
            InvalidEvent: `site_id` is no name.
        """
        require_name(site_id)

        def first(held: _KeyFile | None) -> _KeyFile:
            if held is not None:
                raise SiteKeyExists(folder)
            return _KeyFile(_FORM, site_id, Ed25519PrivateKey.generate().private_bytes_raw())

        _file_in(folder).change(first)
        return cls(folder)

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open the key in a folder.

        Raises:
            NoSiteKey: there is none.
        """
        return cls(folder)

    def __repr__(self) -> str:
        return f"SiteKeys(site_id={self.site_id!r}, key_id={self.key_id!r})"

    @property
    def site_id(self) -> str:
        """The site whose keys these are."""
        return self._load().site_id

    @property
    def public_key(self) -> bytes:
        """The public part of the key that signs now, `KEY_BYTES` bytes."""
        self._load()
        return self._public

    @property
    def key_id(self) -> str:
        """Id of the key that signs now."""
        return key_id_of(self.public_key)

    @property
    def announcements(self) -> tuple[KeyAnnouncement, ...]:
        """How the present key came after earlier ones, oldest first; the last few."""
        return self._load().announcements

    def sign(self, content: bytes) -> bytes:
        """Return the signature of the present key."""
        self._load()
        return self._private.sign(content)

    def roll(self, now_ms: int) -> KeyAnnouncement:
        """Sign with a new key from now on, and return what tells other sites of it.

        The old private key is forgotten. Other sites hear of the change with the next request or
        answer, which brings the announcements along.
        """

        def rolled(held: _KeyFile | None) -> _KeyFile:
            if held is None:
                raise NoSiteKey(self._folder)
            return _rolled(held, now_ms)

        self._file.change(rolled)
        return self._load().announcements[-1]

    def _load(self) -> _KeyFile:
        held = self._file.read()
        if held is None:
            raise NoSiteKey(self._folder)
        if held is not self._loaded:
            self._private = Ed25519PrivateKey.from_private_bytes(held.private_key)
            self._public = self._private.public_key().public_bytes_raw()
            self._loaded = held
        return held


def key_id_of(public_key: bytes) -> str:
    """Return the id of a key: 24 characters of its digest."""
    return short_id(blake3(public_key).hexdigest())


def is_signed(content: bytes, signature: bytes, public_key: bytes) -> bool:
    """Tell whether a signature is that of a key over these bytes; any bytes are taken."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, content)
    except (InvalidSignature, ValueError):
        return False
    return True


def _rolled(held: _KeyFile, now_ms: int) -> _KeyFile:
    old, new = Ed25519PrivateKey.from_private_bytes(held.private_key), Ed25519PrivateKey.generate()
    old_id = key_id_of(old.public_key().public_bytes_raw())
    told = KeyAnnouncement(held.site_id, new.public_key().public_bytes_raw(), old_id, now_ms)
    told = msgspec.structs.replace(told, signature=old.sign(told.signed_text()))
    kept = (*held.announcements, told)[-MAX_ANNOUNCEMENTS:]
    return _KeyFile(_FORM, held.site_id, new.private_bytes_raw(), kept)


def _file_in(folder: Path) -> SharedFile[_KeyFile | None]:
    return SharedFile(folder / _FILE, decode=_decoded, encode=msgspec.msgpack.encode, empty=None)


def _decoded(content: bytes) -> _KeyFile | None:
    held = msgspec.msgpack.decode(content, type=_KeyFile)
    if held.form != _FORM or len(held.private_key) != KEY_BYTES:
        raise ValueError("it is not in the form that was expected")
    return held
