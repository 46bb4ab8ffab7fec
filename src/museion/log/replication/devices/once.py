"""One effect for each event of a device, also where two sites have taken it in.

When the acknowledgement of a site was lost, or it is cut off, a device brings its events to another
site too. Then the logs hold two events, copies, for one event of the device. They have the same
payload, emitter and mark, and differ in stamp and wall clock.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from museion.log.event import Event
from museion.log.replication.devices.device_event import EMITTER, RETIRED, device_mark
from museion.log.vector_time import VectorTime


class Once:
    """Tells the first copy of a device's event from further ones; part of a view's state.

    For views whose events add up (counters, lists, notices). Registers and sets that are merged by
    stamps need none and should use none: they take each copy as it comes, setting a value twice is
    setting it once, and all sites end alike.

    Right because a log has the events of a device in the order of their counts, whichever copy
    came first. Holds one number for each device.

    Args:
        seen: what `seen` of an earlier one returned, for a view that starts from a snapshot.
    """

    def __init__(self, seen: Iterable[tuple[str, int]] = ()) -> None:
        self._counts = dict(seen)
        self._retired: dict[str, VectorTime] = {}

    @property
    def seen(self) -> tuple[tuple[str, int], ...]:
        """The highest count of each device, to be kept in a snapshot."""
        return tuple(self._counts.items())

    def is_first(self, event: Event) -> bool:
        """Tell whether an event has not come in another copy; ask once for each event.

        True for events that no device wrote.
        """
        if event.type_name == RETIRED:
            self._retired[event.emitter_id.removeprefix(EMITTER)] = event.vector_timestamp
            return True
        mark = device_mark(event)
        if mark is None:
            return True
        if mark.count <= self._counts.get(mark.device_id, 0):
            return False
        self._counts[mark.device_id] = mark.count
        return True

    def only_first(self, events: Iterable[Event]) -> Iterator[Event]:
        """Yield the events without further copies."""
        return (event for event in events if self.is_first(event))

    def forget_retired(self, stable: VectorTime) -> int:
        """Drop retired devices, and return how many.

        Args:
            stable: what all sites are known to have. Only devices whose retirement it covers are
                dropped, for no copy of their events can come any more.
        """
        gone = [device for device, stamp in self._retired.items() if stamp <= stable]
        for device in gone:
            del self._retired[device]
            self._counts.pop(device, None)
        return len(gone)


class Retirement(msgspec.Struct, frozen=True):
    """Payload of the event that ends a device."""

    device_id: str
    last_count: int
