"""Why one endpoint does not serve another; each reason has a code that travels."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar

import msgspec

from museion.base.errors import Damaged, Unavailable


class Unreachable(Unavailable):
    """A remote endpoint did not answer."""

    def __init__(self, endpoint: str, reason: str) -> None:
        super().__init__(
            f"{endpoint} does not answer: {reason}.",
            remedy="Work goes on here; it is tried again. Check the line and the remote site.",
        )


class BadAnswer(Damaged):
    """A remote endpoint answered something that the protocol does not allow."""

    def __init__(self, endpoint: str, reason: str) -> None:
        super().__init__(
            f"The answer of {endpoint} cannot be used: {reason}.",
            remedy="Nothing of it was stored. Check what stands between the sites.",
        )


class Refused(Unavailable):
    """A remote endpoint does not serve this one.

    Attributes:
        code: stable name of the reason on the wire.
    """

    code: ClassVar[str] = "refused"


class ProtocolMismatch(Refused):
    """The endpoints speak different versions of the protocol."""

    code = "protocol-version"


class ApplicationTooOld(Refused):
    """The target's program is older than the source's."""

    code = "application-version"


class NotTrusted(Refused):
    """The request is not signed by a key that the endpoint knows and trusts."""

    code = "not-trusted"


class ReplayedRequest(Refused):
    """The request was seen before, or its time is too far off."""

    code = "replayed"


class UnknownLog(Refused):
    """The endpoint has no log of that name."""

    code = "unknown-log"


class SourceLostEvents(Refused):
    """The target has read further than the source now reaches: the source must recover."""

    code = "source-lost-events"


class NowRecovering(Refused):
    """The endpoint brings back lost events and serves again afterwards."""

    code = "recovering"


class NeedsRecovery(Refused):
    """The endpoint, or the one that asks, lost events and has not brought them back."""

    code = "needs-recovery"


class NotMet(Refused):
    """The endpoint was started since they last met: they have to compare their histories first."""

    code = "not-met"


class FilteredCycle(Refused):
    """A filtered connection on a cycle would lose events for good."""

    code = "filtered-cycle"


class Retired(Refused):
    """The endpoint, or the one that asks, takes part no more."""

    code = "retired"


class BadRequest(Refused):
    """The request is not what the protocol allows."""

    code = "bad-request"


class OtherDevice(Refused):
    """A request speaks for another device than the one that signs it."""

    code = "other-device"


class DeviceHistoryForked(Refused):
    """Two histories go by one device id; nothing of the submission was taken."""

    code = "device-forked"


class DeviceEventRefused(Refused):
    """An event is none that a device can have written; nothing of the submission was taken."""

    code = "device-event"


class DeviceMustWait(Refused):
    """Too many events of devices wait at the site for what they depend on; try again later."""

    code = "device-must-wait"


REFUSALS: Mapping[str, type[Refused]] = MappingProxyType(
    {
        kind.code: kind
        for kind in (
            Refused,
            ProtocolMismatch,
            ApplicationTooOld,
            NotTrusted,
            ReplayedRequest,
            UnknownLog,
            SourceLostEvents,
            NowRecovering,
            NeedsRecovery,
            NotMet,
            FilteredCycle,
            Retired,
            BadRequest,
            OtherDevice,
            DeviceHistoryForked,
            DeviceEventRefused,
            DeviceMustWait,
        )
    }
)
"""Code -> class."""


class RefusalMessage(msgspec.Struct, frozen=True, array_like=True):
    """A refusal on the wire."""

    code: str
    message: str
    remedy: str = ""


def refusal_of(message: RefusalMessage) -> Refused:
    """Return the error that a remote endpoint meant; an unknown code stays a plain refusal."""
    return REFUSALS.get(message.code, Refused)(message.message, remedy=message.remedy)
