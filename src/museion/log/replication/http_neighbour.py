"""A remote endpoint reached over HTTP: requests are signed, answers are checked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from museion.log.replication.directory import SiteDirectory
from museion.log.replication.http_line import HttpTimes
from museion.log.replication.protocol import (
    EndpointInfo,
    InfoRequest,
    Offer,
    OfferTaken,
    ReadAnswer,
    ReadRequest,
    RecoveryAnswer,
    RecoveryRequest,
)
from museion.log.replication.signed_line import SignedLine
from museion.log.replication.site_keys import SiteKeys
from museion.log.replication.transfer_statistics import TransferStatistics


class HttpNeighbour:
    """The door of a remote endpoint over HTTP/1.1, with kept connections; implements `Neighbour`.

    Calls may run side by side. All raise `Unreachable`, `BadAnswer` and `Refused`.

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
        directory: SiteDirectory,
        now_ms: Callable[[], int],
        ca_file: Path | None = None,
        times: HttpTimes | None = None,
        max_answer_bytes: int = 64 << 20,
    ) -> None:
        self._line = SignedLine(
            url,
            remote_id,
            keys=keys,
            directory=directory,
            now_ms=now_ms,
            ca_file=ca_file,
            times=times,
            max_answer_bytes=max_answer_bytes,
        )

    @property
    def statistics(self) -> TransferStatistics:
        """What went over this line since the object was made."""
        return self._line.statistics

    async def info(self, request: InfoRequest) -> EndpointInfo:
        """Return who the remote endpoint is."""
        return await self._line.ask("info", request, EndpointInfo)

    async def read(self, request: ReadRequest) -> ReadAnswer:
        """Return the next events of a log, or hold on until there are some."""
        answer = await self._line.ask("read", request, ReadAnswer, wait_s=request.wait_s)
        self._line.count(received_events=len(answer.events))
        return answer

    async def offer(self, offer: Offer) -> OfferTaken:
        """Bring events to an endpoint that cannot come and fetch them."""
        taken = await self._line.ask("offer", offer, OfferTaken)
        self._line.count(sent_events=0 if offer.answer is None else len(offer.answer.events))
        return taken

    async def recover(self, request: RecoveryRequest) -> RecoveryAnswer:
        """Let the remote endpoint set back what it believes to know of this one."""
        return await self._line.ask("recover", request, RecoveryAnswer)

    async def close(self) -> None:
        """Close the connections. Idempotent."""
        await self._line.close()
