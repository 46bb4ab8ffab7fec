"""What two sites say to each other when one joins the other by invitation."""

from __future__ import annotations

from urllib.parse import quote

import msgspec

from museion.log.replication.directory import KnownSite
from museion.log.replication.site_keys import is_signed


class JoinRequest(msgspec.Struct, frozen=True, array_like=True):
    """A site asks to be known.

    Attributes:
        invitation_key: names the invitation.
        url: address of the joiner's door; None for a site that only calls others.
        public_key: of the joiner; the request itself is signed with it.
        proof: signature with the secret's key over `proof_text`.
    """

    invitation_key: bytes
    site_id: str
    name: str
    url: str | None
    public_key: bytes
    proof: bytes = b""

    def proof_text(self, inviter_id: str, fingerprint: bytes) -> bytes:
        """Return what the proof covers: both sites and both keys."""
        lines = (
            "museion-join-1",
            quote(inviter_id, safe=""),
            fingerprint.hex(),
            quote(self.site_id, safe=""),
            self.public_key.hex(),
            quote(self.name, safe=""),
            self.url or "",
        )
        return "\n".join(lines).encode("utf-8", "surrogatepass")

    def is_proven(self, inviter_id: str, fingerprint: bytes) -> bool:
        """Tell whether the joiner knows the secret of the invitation that it names."""
        text = self.proof_text(inviter_id, fingerprint)
        return is_signed(text, self.proof, self.invitation_key)


class JoinAnswer(msgspec.Struct, frozen=True, array_like=True):
    """The inviting site, and all that it knows, so that the joiner knows them too."""

    inviter: KnownSite
    sites: tuple[KnownSite, ...] = ()
