"""The line to one site over HTTP: requests are signed by this site, answers checked for theirs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NoReturn, TypeVar

from museion.log.replication.bodies import (
    ACCEPT,
    COVERED_IN_ANSWER,
    ENCODING,
    PATH,
    ZSTD,
    pack,
)
from museion.log.replication.directory import TrustedSites
from museion.log.replication.http_line import HttpLine, HttpTimes, Received
from museion.log.replication.refusals import RefusalMessage, Unreachable, refusal_of
from museion.log.replication.signing import (
    NONCE,
    Target,
    require_digest,
    sign_request,
    verify_answer,
)
from museion.log.replication.site_keys import SiteKeys
from museion.log.replication.transfer_statistics import TransferStatistics

T = TypeVar("T")

_PASSING_CODES = frozenset({"busy", "unavailable", "defect"})


class SignedLine:
    """Asks one site, with kept connections. Calls may run side by side.

    Args:
        url: base address of the site; the protocol's path comes behind it.
        remote_id: the site that must answer; no other one is believed.
        keys: sign the requests.
        directory: knows the keys of the remote site.
        now_ms: the wall clock, milliseconds since 1970.
        ca_file: certificates to trust instead of the system's, PEM; for a private authority.
        max_answer_bytes: of one answer, before and after compression.

    Raises:
        InvalidAddress: `url` is none of http or https.
        InvalidInput: `ca_file` holds no certificates.
    """

    def __init__(
        self,
        url: str,
        remote_id: str,
        *,
        keys: SiteKeys,
        directory: TrustedSites,
        now_ms: Callable[[], int],
        ca_file: Path | None = None,
        times: HttpTimes | None = None,
        max_answer_bytes: int = 64 << 20,
    ) -> None:
        self._line = HttpLine(
            url, remote_id, ca_file=ca_file, times=times, max_answer_bytes=max_answer_bytes
        )
        self._remote_id = remote_id
        self._keys = keys
        self._directory = directory
        self._now_ms = now_ms
        self._statistics = TransferStatistics()

    @property
    def statistics(self) -> TransferStatistics:
        """What went over this line since the object was made."""
        return self._statistics

    async def ask(self, name: str, message: object, kind: type[T], *, wait_s: float = 0.0) -> T:
        """Send a request and return its answer.

        Args:
            name: of the request, as `read`.
            kind: what the answer holds.
            wait_s: how long the other side may hold it, seconds.

        Raises:
            Unreachable: no answer came, or one that the site cannot serve just now.
            BadAnswer: it is none of the protocol, or not of that site.
            Refused: the site says no.
        """
        body = pack(message, accepts_zstd=True)
        headers = sign_request(
            self._keys,
            Target("POST", PATH + name),
            recipient_id=self._remote_id,
            now_ms=self._now_ms(),
            body=body.content,
            covered={ENCODING: body.encoding, ACCEPT: ZSTD},
        )
        received = await self._line.post(name, headers, body.content, wait_s=wait_s)
        self._require_genuine(received, headers[NONCE])
        self.count(requests=1, sent_bytes=len(body.content), sent_raw_bytes=body.raw_bytes)
        if received.status != 200:
            self.count(refused=1)
            self._refuse(self._unpacked(received, RefusalMessage))
        return self._unpacked(received, kind)

    def count(self, **more: int) -> None:
        """Add to the statistics what only the caller knows, by their names."""
        self._statistics = self._statistics.plus(**more)

    async def close(self) -> None:
        """Close the connections. Idempotent."""
        await self._line.close()

    def _require_genuine(self, received: Received, nonce: str) -> None:
        digest = verify_answer(
            received.headers,
            received.status,
            sender_id=self._remote_id,
            own_id=self._keys.site_id,
            nonce=nonce,
            directory=self._directory,
            now_ms=self._now_ms,
            covered=COVERED_IN_ANSWER,
        )
        require_digest(self._remote_id, digest, received.content)

    def _unpacked(self, received: Received, kind: type[T]) -> T:
        message, raw_bytes = self._line.unpacked(received, kind)
        self.count(received_bytes=len(received.content), received_raw_bytes=raw_bytes)
        return message

    def _refuse(self, message: RefusalMessage) -> NoReturn:
        if message.code in _PASSING_CODES:
            raise Unreachable(self._line.where, f"it says: {message.message.rstrip('.')}")
        raise refusal_of(message)
