"""Whether a source may serve a target, by the versions of their programs."""

from __future__ import annotations

from museion.log.replication.protocol import PROTOCOL_VERSION, Application, Greeting
from museion.log.replication.refusals import ApplicationTooOld, ProtocolMismatch


def may_serve(source: Application, target: Application) -> bool:
    """Tell whether events of one program may go to the other.

    Programs of different names, or without one, are never compared.
    """
    if not source.name or source.name != target.name:
        return True
    return (target.major, target.minor) >= (source.major, source.minor)


def require_may_serve(source: Application, target: Application) -> None:
    """Raise `ApplicationTooOld` if the target's program is older than the source's."""
    if not may_serve(source, target):
        raise ApplicationTooOld(
            f"Expected {source.name} {source.major}.{source.minor} or newer at the target,"
            f" got {target.major}.{target.minor}.",
            remedy="Update the program of the site that reads; it goes on by itself then.",
        )


def require_same_protocol(greeting: Greeting) -> None:
    """Raise `ProtocolMismatch` if the other endpoint speaks another version of the protocol."""
    if greeting.protocol != PROTOCOL_VERSION:
        raise ProtocolMismatch(
            f"Expected version {PROTOCOL_VERSION} of the protocol, got {greeting.protocol}.",
            remedy="Update the program of the older site.",
        )
