"""Invitations: a code, good once, by which two sites come to trust each other.

The code names the inviter, its address, the digest of its key, and holds a secret. From the secret
a key pair is derived; the inviter keeps the public half only, so who reads its files cannot join.
The joiner signs both sites' keys with the private half: only who was given the code can do so, and
nobody on the way can put another key in the place of one of the two.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Mapping
from pathlib import Path

import msgspec
from blake3 import blake3
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace

from museion.base.errors import InvalidInput
from museion.log.replication.http_errors import shown_time
from museion.log.replication.http_line import require_address
from museion.log.replication.refusals import Refused
from museion.log.replication.shared_file import SharedFile
from museion.log.replication.site_keys import SiteKeys

VALID_MS = 24 * 3600 * 1000
"""How long an invitation is good unless the inviter says otherwise."""

KEPT_MS = 30 * 24 * 3600 * 1000
"""How long after its end it is known why an invitation is refused."""

_MAX_OPEN = 256
_FORM = 1
_SECRET_BYTES = 16
_FINGERPRINT_BYTES = 16
_CHECK_BYTES = 4
_MARK = "museion1"
_CONTEXT = "museion 1 invitation"
_MAX_CODE_CHARACTERS = 4096


class BadInvitationCode(InvalidInput):
    """A text is no invitation code, or was changed since it was made; nothing was sent."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"Expected an invitation code, got a text that is none: {reason}.",
            remedy="Copy it again, whole; it begins with museion1.",
        )


class TooManyInvitations(InvalidInput):
    """As many invitations are open as a site may have."""

    def __init__(self) -> None:
        super().__init__(f"There are {_MAX_OPEN} open invitations.", remedy="Withdraw some.")


class UnknownInvitation(Refused):
    """The invitation was not made here, was withdrawn, or the proof of its secret is wrong."""

    code = "invitation-unknown"

    def __init__(self) -> None:
        super().__init__(
            "The invitation is not known here.", remedy="Ask the inviting site for a new one."
        )


class InvitationExpired(Refused):
    """The invitation was not used in time."""

    code = "invitation-expired"

    def __init__(self, expires_ms: int) -> None:
        super().__init__(
            f"The invitation was good until {shown_time(expires_ms)}.",
            remedy="Ask the inviting site for a new one.",
        )


class InvitationUsed(Refused):
    """Another site has joined by the invitation."""

    code = "invitation-used"

    def __init__(self, site_id: str) -> None:
        super().__init__(
            f"The site {site_id!r:.80} has joined by this invitation already; it is good once.",
            remedy="Ask for a new one. If nobody of yours used it, have that site revoked.",
        )


class Invitation(msgspec.Struct, frozen=True, array_like=True):
    """What the code holds.

    Attributes:
        fingerprint: first 16 bytes of the BLAKE3 digest of the inviter's public key.
        secret: 16 random bytes.
        expires_ms: milliseconds since 1970, by the clock of the inviter.
    """

    url: str
    site_id: str
    fingerprint: bytes
    secret: bytes
    expires_ms: int

    def __repr__(self) -> str:
        return f"Invitation(url={self.url!r}, site_id={self.site_id!r})"

    @property
    def code(self) -> str:
        """The text to hand over."""
        content = msgspec.msgpack.encode(self)
        checked = content + blake3(content).digest()[:_CHECK_BYTES]
        return _MARK + base64.b32encode(checked).decode("ascii").rstrip("=").lower()

    @property
    def invitation_key(self) -> bytes:
        """The public half of the key pair of the secret; names the invitation."""
        return self._private_key().public_key().public_bytes_raw()

    def sign(self, text: bytes) -> bytes:
        """Return the proof of knowing the secret, over a text."""
        return self._private_key().sign(text)

    def is_key(self, public_key: bytes) -> bool:
        """Tell whether a key is the one that the inviter had when it made the invitation."""
        return fingerprint_of(public_key) == self.fingerprint

    def _private_key(self) -> Ed25519PrivateKey:
        seed = blake3(self.secret, derive_key_context=_CONTEXT).digest()
        return Ed25519PrivateKey.from_private_bytes(seed)


def read_code(text: str) -> Invitation:
    """Return what a code holds; spaces, line breaks, hyphens and letters' case do not matter.

    Raises:
        BadInvitationCode: it is none, or a character of it was lost or changed.
    """
    plain = "".join(text.split()).replace("-", "").lower()
    if not plain.startswith(_MARK) or len(plain) > _MAX_CODE_CHARACTERS:
        raise BadInvitationCode(f"it does not begin with {_MARK}, or is far too long")
    letters = plain.removeprefix(_MARK).upper()
    try:
        checked = base64.b32decode(letters + "=" * (-len(letters) % 8))
    except (binascii.Error, ValueError):
        raise BadInvitationCode("it is cut, or holds characters that no code has") from None
    content, check = checked[:-_CHECK_BYTES], checked[-_CHECK_BYTES:]
    if blake3(content).digest()[:_CHECK_BYTES] != check:
        raise BadInvitationCode("a character is missing or wrong")
    try:
        invitation = msgspec.msgpack.decode(content, type=Invitation)
        require_address(invitation.url)
    except (msgspec.MsgspecError, UnicodeDecodeError, InvalidInput) as reason:
        raise BadInvitationCode(str(reason).rstrip(".")) from reason
    return invitation


class _Open(msgspec.Struct, frozen=True):
    invitation_key: bytes
    expires_ms: int
    joined_id: str | None = None
    joined_key: bytes | None = None


class OpenInvitation(msgspec.Struct, frozen=True):
    """An invitation as the inviter knows it.

    Attributes:
        key: names it, hexadecimal.
        joined_id: the site that has used it.
    """

    key: str
    expires_ms: int
    joined_id: str | None


class _File(msgspec.Struct, frozen=True):
    form: int
    invitations: tuple[_Open, ...] = ()


class Invitations:
    """The invitations that this site has made, in one file; any number of processes may use it.

    Raises:
        FileUnavailable, DamagedFile: the file cannot be used; all calls may raise them.
    """

    def __init__(self, path: Path) -> None:
        nothing: Mapping[bytes, _Open] = {}
        self._file = SharedFile(path, decode=_decoded, encode=_encoded, empty=nothing)

    def add(self, invitation: Invitation, now_ms: int) -> None:
        """Keep an invitation, without its secret. Raises `TooManyInvitations`."""
        new = _Open(invitation.invitation_key, invitation.expires_ms)

        def added(known: Mapping[bytes, _Open]) -> Mapping[bytes, _Open]:
            kept = {key: each for key, each in known.items() if now_ms <= each.expires_ms + KEPT_MS}
            if len(kept) >= _MAX_OPEN:
                raise TooManyInvitations
            return {**kept, new.invitation_key: new}

        self._file.change(added)

    def list(self) -> list[OpenInvitation]:
        """Return those that are remembered, used and expired ones too, oldest first."""
        return [
            OpenInvitation(each.invitation_key.hex(), each.expires_ms, each.joined_id)
            for each in self._file.read().values()
        ]

    def is_known(self, invitation_key: bytes) -> bool:
        """Tell whether an invitation was made here and not withdrawn; used or expired ones too."""
        return invitation_key in self._file.read()

    def withdraw(self, key: str) -> None:
        """Forget an invitation: nobody can use it any more. Nothing happens if it is not known."""
        self._file.change(lambda known: {k: v for k, v in known.items() if k.hex() != key})

    def use(self, invitation_key: bytes, site_id: str, public_key: bytes, now_ms: int) -> None:
        """Let one site join, lasting when this returns; the same site with the same key again, too.

        So a joiner that did not get the answer can repeat its request.

        Raises:
            UnknownInvitation, InvitationExpired, InvitationUsed: it may not; nothing was done.
        """

        def used(known: Mapping[bytes, _Open]) -> Mapping[bytes, _Open]:
            found = known.get(invitation_key)
            if found is None:
                raise UnknownInvitation
            if found.joined_id is not None:
                if (found.joined_id, found.joined_key) != (site_id, public_key):
                    raise InvitationUsed(found.joined_id)
                return known
            if now_ms > found.expires_ms:
                raise InvitationExpired(found.expires_ms)
            joined = replace(found, joined_id=site_id, joined_key=public_key)
            return {**known, invitation_key: joined}

        self._file.change(used)


def make_invitation(
    invitations: Invitations,
    keys: SiteKeys,
    *,
    url: str,
    now_ms: int,
    valid_ms: int = VALID_MS,
) -> str:
    """Return the code of a new invitation, good once; what the inviter must know of it is on disk.

    Args:
        url: the address under which the joiner reaches this site.
        now_ms: the wall clock, milliseconds since 1970.
        valid_ms: how long it is good.

    Raises:
        InvalidAddress: `url` is none.
        TooManyInvitations: withdraw some first.
    """
    invitation = Invitation(
        require_address(url),
        keys.site_id,
        fingerprint_of(keys.public_key),
        secrets.token_bytes(_SECRET_BYTES),
        now_ms + valid_ms,
    )
    invitations.add(invitation, now_ms)
    return invitation.code


def fingerprint_of(public_key: bytes) -> bytes:
    """Return what an invitation holds of a key."""
    return blake3(public_key).digest()[:_FINGERPRINT_BYTES]


def _encoded(invitations: Mapping[bytes, _Open]) -> bytes:
    return msgspec.json.encode(_File(_FORM, tuple(invitations.values())))


def _decoded(content: bytes) -> Mapping[bytes, _Open]:
    held = msgspec.json.decode(content, type=_File)
    if held.form != _FORM:
        raise ValueError(f"its form is {held.form}, not {_FORM}")
    return {each.invitation_key: each for each in held.invitations}
