"""Who comes to the door for devices: each device speaks for itself only, and hears why not."""

from __future__ import annotations

from museion.base.errors import MuseionError
from museion.log.replication.devices.device_errors import (
    DeviceForked,
    DeviceIsRetired,
    InvalidDeviceEvent,
    TooManyWaiting,
)
from museion.log.replication.devices.device_messages import (
    DeviceRead,
    DeviceReadAnswer,
    DeviceSite,
    Submission,
    SubmissionAnswer,
)
from museion.log.replication.refusals import (
    DeviceEventRefused,
    DeviceHistoryForked,
    DeviceMustWait,
    OtherDevice,
    Refused,
    Retired,
)


class DeviceDoor:
    """Serves devices that a transport has told apart; all calls raise `Refused`.

    Args:
        site: answers, as a `DeviceIntake` does.
    """

    def __init__(self, site: DeviceSite) -> None:
        self._site = site

    async def submit(self, caller_id: str, submission: Submission) -> SubmissionAnswer:
        """Take in events of the device that brings them."""
        _require_own(caller_id, submission.device_id)
        try:
            return await self._site.submit(submission)
        except (DeviceForked, DeviceIsRetired, InvalidDeviceEvent, TooManyWaiting) as error:
            raise refusal_of_device(error) from error

    async def read(self, caller_id: str, request: DeviceRead) -> DeviceReadAnswer:
        """Return the next events for the device that asks."""
        _require_own(caller_id, request.device_id)
        return await self._site.read(request)


def refusal_of_device(error: MuseionError) -> Refused:
    """Return the refusal that tells a device of an error."""
    kinds: tuple[tuple[type[MuseionError], type[Refused]], ...] = (
        (DeviceForked, DeviceHistoryForked),
        (DeviceIsRetired, Retired),
        (InvalidDeviceEvent, DeviceEventRefused),
        (TooManyWaiting, DeviceMustWait),
    )
    kind = next((told for met, told in kinds if isinstance(error, met)), Refused)
    return kind(error.message, remedy=error.remedy)


def error_of_device(refusal: Refused, device_id: str) -> MuseionError:
    """Return the error that a refusal told a device of; another refusal stays what it is."""
    match refusal:
        case DeviceHistoryForked():
            return DeviceForked(device_id)
        case Retired():
            return DeviceIsRetired(device_id)
        case DeviceEventRefused():
            return InvalidDeviceEvent("an event that the site takes", refusal.message)
        case DeviceMustWait():
            return TooManyWaiting()
        case _:
            return refusal


def _require_own(caller_id: str, device_id: str) -> None:
    if caller_id != device_id:
        raise OtherDevice(
            f"The request of {caller_id!r:.80} speaks for device {device_id!r:.80}.",
            remedy="A device signs what it sends with its own key, under its own id.",
        )
