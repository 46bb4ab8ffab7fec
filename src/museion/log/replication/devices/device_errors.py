"""What a device, or the site that it comes to, answers when something cannot be done."""

from __future__ import annotations

from museion.base.errors import Conflict, Damaged, InvalidInput, Unavailable


class InvalidDeviceEvent(InvalidInput):
    """An event of a device is not of a kind that a device can have written; nothing was done."""

    def __init__(self, expected: str, found: object) -> None:
        super().__init__(f"Expected {expected}, got {found!r:.200}.")


class DamagedDeviceLog(Damaged):
    """The file of a device is damaged before its end: events that were on disk cannot be read."""

    def __init__(self, place: str, position: int, reason: str) -> None:
        super().__init__(
            f"The device's log {place} is damaged at byte {position}: {reason}.",
            remedy="Copy the file, cut it off at that byte, sync what is left, then start anew"
            " under another device id.",
        )
        self.position = position


class DeviceLogFull(Unavailable):
    """The file system did not take an event; it is certainly not in the device's log."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"The device's log could not be written: {reason}.",
            remedy="Nothing of it was kept. Make room, then try again.",
        )


class DeviceForked(Conflict):
    """Two histories go by one device id: the device was set back, or copied, and wrote on.

    Attributes:
        count: an event that is another one here than there; 0 where only the site knows which.
    """

    def __init__(self, device_id: str, count: int = 0) -> None:
        which = f"Event {count}" if count else "Some event"
        super().__init__(
            f"{which} of device {device_id!r} is another one than the site knows.",
            remedy="Nothing was taken. Let the device go on under a new device id; its events that"
            " the site does not have can be written anew there.",
        )
        self.device_id = device_id
        self.count = count


class DeviceIsRetired(Conflict):
    """The device takes part no more; its events are refused."""

    lasting = True

    def __init__(self, device_id: str) -> None:
        super().__init__(
            f"Device {device_id!r} was retired.",
            remedy="If it was found again, let it go on under a new device id.",
        )


class NotYetEverywhere(Conflict):
    """Some site is not known to have the last event of a device, so it cannot be retired yet."""

    def __init__(self, device_id: str, last_count: int) -> None:
        super().__init__(
            f"Not all sites are known to have event {last_count} of device {device_id!r}.",
            remedy="Try again when all sites have caught up.",
        )


class TooManyWaiting(Unavailable):
    """Too many events wait for predecessors that are not at this site yet; nothing was taken."""

    def __init__(self, limit: int | None = None) -> None:
        super().__init__(
            f"{limit or 'Too many'} events or bytes of devices wait at the site for what they"
            " depend on.",
            remedy="The device keeps its events and sends them again later.",
        )
