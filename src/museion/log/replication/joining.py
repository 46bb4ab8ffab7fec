"""The two sides of a join by invitation, over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace

from museion.log.event import require_name
from museion.log.replication.asgi_exchange import Exchange
from museion.log.replication.bodies import (
    ACCEPT,
    COVERED_IN_ANSWER,
    COVERED_IN_REQUEST,
    ENCODING,
    PATH,
    ZSTD,
    pack,
)
from museion.log.replication.directory import KnownKey, KnownSite, SiteDirectory
from museion.log.replication.http_line import HttpLine, HttpTimes, Received, require_address
from museion.log.replication.invitations import (
    Invitation,
    Invitations,
    UnknownInvitation,
    fingerprint_of,
    read_code,
)
from museion.log.replication.join_messages import JoinAnswer, JoinRequest
from museion.log.replication.refusals import BadAnswer, BadRequest, RefusalMessage, refusal_of
from museion.log.replication.replay_guard import ReplayGuard
from museion.log.replication.signing import (
    NONCE,
    Target,
    require_digest,
    sign_request,
    verify_answer,
    verify_request,
)
from museion.log.replication.site_keys import KEY_BYTES, KeyAnnouncement, SiteKeys

_MAX_JOIN_BYTES = 1 << 16
_MAX_NAME_CHARACTERS = 200
_JOIN = Target("POST", PATH + "join")


class SiteIdTaken(BadRequest):
    """Another site of that id is known to the inviter, with another key."""

    def __init__(self, site_id: str) -> None:
        super().__init__(
            f"A site {site_id!r:.80} with another key is known here, or was revoked.",
            remedy="Where it is the same site with a new key, have it removed here first; else give"
            " it another id.",
        )


class JoinDesk:
    """Answers joins at the inviting site; the `joins` of its `HttpService`.

    Args:
        own_site: this site as others shall know it.
        now_ms: the wall clock, milliseconds since 1970.
    """

    def __init__(
        self,
        invitations: Invitations,
        *,
        own_site: Callable[[], KnownSite],
        directory: SiteDirectory,
        now_ms: Callable[[], int],
        body_limit_s: float = 10.0,
    ) -> None:
        self._invitations = invitations
        self._own_site = own_site
        self._directory = directory
        self._now_ms = now_ms
        self._body_limit_s = body_limit_s
        self._guard = ReplayGuard(now_ms)

    async def join(self, exchange: Exchange) -> JoinAnswer:
        """Take a site in, and return what it shall know. A repeat by the same site does no harm.

        Raises:
            UnknownInvitation, InvitationExpired, InvitationUsed: the invitation is not good.
            UntrustedRequest, ReplayedRequest: the request is not signed by the joiner's key.
            BadRequest: the request is none; or `SiteIdTaken`.
        """
        content, request = await self._received(exchange)
        own = self._own_site()
        self._require_invited(request, own)
        self._require_own_signature(exchange, content, request, own.site_id)
        joiner = self._joiner(request)
        known = self._directory.lookup(joiner.site_id)
        if joiner.site_id == own.site_id or (known is not None and not _is_same(known, joiner)):
            raise SiteIdTaken(joiner.site_id)
        self._invitations.use(
            request.invitation_key, joiner.site_id, request.public_key, self._now_ms()
        )
        if known is None:
            self._directory.put(joiner)
        others = [site for site in self._directory.sites() if site.site_id != joiner.site_id]
        return JoinAnswer(own, tuple(others))

    async def _received(self, exchange: Exchange) -> tuple[bytes, JoinRequest]:
        content = await exchange.body(max_bytes=_MAX_JOIN_BYTES, limit_s=self._body_limit_s)
        request, _ = exchange.decoded(content, JoinRequest, max_bytes=_MAX_JOIN_BYTES)
        if len(request.public_key) != KEY_BYTES:
            raise BadRequest(f"Expected a key of {KEY_BYTES} bytes.")
        return content, request

    def _require_invited(self, request: JoinRequest, own: KnownSite) -> None:
        """Let only those on who hold an invitation; what comes then keeps things in memory."""
        fingerprints = [fingerprint_of(key.public_key) for key in own.keys]
        proven = any(request.is_proven(own.site_id, each) for each in fingerprints)
        if not proven or not self._invitations.is_known(request.invitation_key):
            raise UnknownInvitation

    def _require_own_signature(
        self, exchange: Exchange, content: bytes, request: JoinRequest, own_id: str
    ) -> None:
        verified = verify_request(
            exchange.headers,
            _JOIN,
            own_id=own_id,
            directory=_Alone(self._joiner(request)),
            guard=self._guard,
            now_ms=self._now_ms,
            covered=COVERED_IN_REQUEST,
        )
        verified.require_body(content)

    def _joiner(self, request: JoinRequest) -> KnownSite:
        require_name(request.site_id)
        if len(request.name) > _MAX_NAME_CHARACTERS:
            raise BadRequest(f"Expected a name of at most {_MAX_NAME_CHARACTERS} characters.")
        if request.url is not None:
            require_address(request.url)
        key = KnownKey.of(request.public_key)
        return KnownSite(
            request.site_id, request.name, request.url, (key,), joined_ms=self._now_ms()
        )


async def join(
    code: str,
    *,
    keys: SiteKeys,
    directory: SiteDirectory,
    name: str,
    url: str | None,
    now_ms: Callable[[], int],
    ca_file: Path | None = None,
    times: HttpTimes | None = None,
) -> KnownSite:
    """Join the site that made an invitation, and return it; it and all it knows are known then.

    Where it fails after the inviter has taken this site in, a repeat with the same code brings it
    to its end.

    Args:
        name: of this site, for people.
        url: address of this site's door; None where others cannot reach it.
        now_ms: the wall clock, milliseconds since 1970.
        ca_file: certificates to trust instead of the system's.

    Raises:
        BadInvitationCode, InvalidAddress: nothing was sent.
        Unreachable: no answer came; try again with the same code.
        Refused: the inviter says no, and why.
        BadAnswer: it was not the inviter who answered; nothing was kept.
    """
    invitation = read_code(code)
    if url is not None:
        require_address(url)
    line = HttpLine(invitation.url, invitation.site_id, ca_file=ca_file, times=times)
    try:
        answer = await _asked(line, invitation, _request(invitation, keys, name, url), keys, now_ms)
    finally:
        await line.close()
    now = now_ms()
    others = [site for site in answer.sites if site.site_id != keys.site_id]
    directory.learn([replace(site, joined_ms=now) for site in others])
    inviter = replace(answer.inviter, joined_ms=now)
    directory.put(inviter)
    return inviter


def _request(invitation: Invitation, keys: SiteKeys, name: str, url: str | None) -> JoinRequest:
    plain = JoinRequest(invitation.invitation_key, keys.site_id, name, url, keys.public_key)
    text = plain.proof_text(invitation.site_id, invitation.fingerprint)
    return replace(plain, proof=invitation.sign(text))


async def _asked(
    line: HttpLine,
    invitation: Invitation,
    request: JoinRequest,
    keys: SiteKeys,
    now_ms: Callable[[], int],
) -> JoinAnswer:
    body = pack(request, accepts_zstd=False)
    headers = sign_request(
        keys,
        _JOIN,
        recipient_id=invitation.site_id,
        now_ms=now_ms(),
        body=body.content,
        covered={ENCODING: body.encoding, ACCEPT: ZSTD},
    )
    received = await line.post("join", headers, body.content)
    if received.status != 200:
        # NOTE: the inviter's key is not known yet, so a refusal cannot be checked. It changes
        # nothing here; whoever stands in between could as well have cut the line.
        message, _ = line.unpacked(received, RefusalMessage)
        raise refusal_of(message)
    answer, _ = line.unpacked(received, JoinAnswer)
    _require_inviter(answer, received, invitation, keys.site_id, headers[NONCE], now_ms)
    return answer


def _require_inviter(
    answer: JoinAnswer,
    received: Received,
    invitation: Invitation,
    own_id: str,
    nonce: str,
    now_ms: Callable[[], int],
) -> None:
    """Check that the inviter of the code has signed the answer, with the key of the code."""
    keys = tuple(key for key in answer.inviter.keys if invitation.is_key(key.public_key))
    if answer.inviter.site_id != invitation.site_id or not keys:
        raise BadAnswer(
            invitation.site_id, "it is not of the site that made the invitation, or its key changed"
        )
    digest = verify_answer(
        received.headers,
        received.status,
        sender_id=invitation.site_id,
        own_id=own_id,
        nonce=nonce,
        directory=_Alone(replace(answer.inviter, keys=keys)),
        now_ms=now_ms,
        covered=COVERED_IN_ANSWER,
    )
    require_digest(invitation.site_id, digest, received.content)


class _Alone:
    """One site that is trusted for one message."""

    def __init__(self, site: KnownSite) -> None:
        self._site = site

    def lookup(self, site_id: str) -> KnownSite | None:
        return self._site if site_id == self._site.site_id else None

    def accept(self, announcement: KeyAnnouncement, now_ms: int) -> bool:
        return False


def _is_same(known: KnownSite, joiner: KnownSite) -> bool:
    return not known.revoked and any(
        key.public_key == joiner.keys[0].public_key and not key.revoked for key in known.keys
    )
