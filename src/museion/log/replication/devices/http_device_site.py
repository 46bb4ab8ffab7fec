"""A site as a device reaches it over HTTP: requests are signed by the device's key."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from museion.log.replication.devices.device_door import error_of_device
from museion.log.replication.devices.device_messages import (
    DeviceRead,
    DeviceReadAnswer,
    Submission,
    SubmissionAnswer,
)
from museion.log.replication.directory import TrustedSites
from museion.log.replication.http_line import HttpTimes
from museion.log.replication.refusals import Refused
from museion.log.replication.signed_line import SignedLine
from museion.log.replication.site_keys import SiteKeys
from museion.log.replication.transfer_statistics import TransferStatistics


class HttpDeviceSite:
    """The door of a site over HTTP/1.1, with kept connections; implements `DeviceSite`.

    All calls raise `Unreachable`, `BadAnswer`, the errors of `DeviceSite`, and `Refused` for other
    reasons: the device is not known there, was revoked, or the site serves no devices.

    Args:
        url: base address of the site; the protocol's path comes behind it.
        remote_id: the site that must answer; no other one is believed.
        keys: of the device, made under its device id; they sign the requests.
        directory: knows the keys of the site.
        now_ms: the wall clock, milliseconds since 1970; right to a minute, unlike what the device
            writes into its events.
        ca_file: certificates to trust instead of the system's, PEM; for a private authority.

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
    ) -> None:
        self._line = SignedLine(
            url,
            remote_id,
            keys=keys,
            directory=directory,
            now_ms=now_ms,
            ca_file=ca_file,
            times=times,
        )

    @property
    def statistics(self) -> TransferStatistics:
        """What went over this line since the object was made."""
        return self._line.statistics

    async def submit(self, submission: Submission) -> SubmissionAnswer:
        """Bring events of the device."""
        try:
            answer = await self._line.ask("device-submit", submission, SubmissionAnswer)
        except Refused as refusal:
            raise error_of_device(refusal, submission.device_id) from refusal
        self._line.count(sent_events=len(submission.events))
        return answer

    async def read(self, request: DeviceRead) -> DeviceReadAnswer:
        """Return the next events that the device has subscribed to; never held by the site."""
        try:
            answer = await self._line.ask("device-read", request, DeviceReadAnswer)
        except Refused as refusal:
            raise error_of_device(refusal, request.device_id) from refusal
        self._line.count(received_events=len(answer.events))
        return answer

    async def close(self) -> None:
        """Close the connections. Idempotent."""
        await self._line.close()
