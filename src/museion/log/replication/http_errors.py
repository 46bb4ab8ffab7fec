"""What goes wrong on the way of a request, beyond the refusals that every transport knows."""

from __future__ import annotations

from datetime import UTC, datetime

from museion.log.replication.refusals import NotTrusted, Refused, ReplayedRequest


class TooBusy(Refused):
    """The endpoint serves as many requests as it may at once."""

    code = "busy"

    def __init__(self, what: str) -> None:
        super().__init__(f"{what}.", remedy="Try again a little later.")


class TemporarilyUnavailable(Refused):
    """Something that the endpoint needs cannot serve now."""

    code = "unavailable"


class ServerDefect(Refused):
    """The endpoint met a defect of its program; its log tells more."""

    code = "defect"

    def __init__(self) -> None:
        super().__init__(
            "The site met a defect while it served the request.",
            remedy="Look into the log of that site.",
        )


class UntrustedRequest(NotTrusted):
    """The request is not signed by a key that is trusted here.

    The message is the same whatever is wrong, so that a stranger learns nothing from it.

    Attributes:
        reason: what is wrong; for the log of this site only.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(
            "The request is not signed by a key that is trusted here.",
            remedy="Join the site by an invitation, or ask its administrator why it was revoked.",
        )
        self.reason = reason


class WrongRecipient(NotTrusted):
    """A request of a trusted site is meant for another one."""

    def __init__(self, recipient_id: str, own_id: str) -> None:
        super().__init__(
            f"The request is meant for the site {recipient_id!r:.80}; this one is {own_id!r}.",
            remedy="Check the address that is kept for the site.",
        )


class ClockTooFarOff(ReplayedRequest):
    """The clocks of two sites differ by more than requests may be old."""

    def __init__(self, signed_ms: int, now_ms: int, window_ms: int) -> None:
        apart_s = abs(signed_ms - now_ms) / 1000
        super().__init__(
            f"The request was signed at {shown_time(signed_ms)} by the clock of the site that asks;"
            f" here it is {shown_time(now_ms)}: {apart_s:.1f} s apart, at most"
            f" {window_ms / 1000:g} s are allowed.",
            remedy="Set the clock that is wrong, best by letting both follow a time server.",
        )


class SeenBefore(ReplayedRequest):
    """A request came twice: somebody repeats what was recorded on the way."""

    def __init__(self) -> None:
        super().__init__(
            "This very request was served before.", remedy="A new request is signed anew."
        )


class OlderThanThisRun(ReplayedRequest):
    """A request was signed before the program started, so whether it was served is not known."""

    def __init__(self, signed_ms: int, started_ms: int) -> None:
        super().__init__(
            f"The request was signed at {shown_time(signed_ms)}, before this site started at"
            f" {shown_time(started_ms)}.",
            remedy="It passes by itself. Where it comes again, the clock that asks is slow.",
        )


def shown_time(ms: int) -> str:
    """Return a time in milliseconds since 1970 for people, UTC; any number is taken."""
    try:
        moment = datetime.fromtimestamp(ms / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return f"{ms} ms"
    return moment.strftime("%Y-%m-%d %H:%M:%S.") + f"{ms % 1000:03d} UTC"
