"""The versions of one value that are not yet replaced: what both kinds of registers keep.

A version is replaced by a write that knew it. Concurrent writes do not know each other, so both
versions stay, next to each other. Which versions stay depends on the writes alone, not on the order
in which they came, as long as causes come before effects.

Source: Shapiro et al., INRIA RR-7506, 2011, section 3.2.2 (multi-value register).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Generic, TypeVar

import msgspec

from museion.log.crdt.crdt import Stamp
from museion.log.event import EventId

V = TypeVar("V")


class Version(msgspec.Struct, Generic[V], frozen=True, omit_defaults=True):
    """A value, and when and where it was written.

    Attributes:
        value: None where the value was cleared.
        stamp: of the write; `stamp.id` names the version in writes that replace it.
        cleared: the write took the value away.
    """

    value: V | None
    stamp: Stamp
    cleared: bool = False


class RegisterState(msgspec.Struct, Generic[V], frozen=True, tag="register"):
    """The versions that no write has replaced, the one with the highest rank first."""

    versions: tuple[Version[V], ...] = ()


class Assign(msgspec.Struct, Generic[V], frozen=True, omit_defaults=True, tag="assign"):
    """Write a value.

    Attributes:
        replaces: the versions that give way, by their ids; None for all that the writing site had.
            Give the ones that a person saw: what came in meanwhile then stays beside the new value.
    """

    value: V
    replaces: tuple[EventId, ...] | None = None


def write(
    state: RegisterState[V], version: Version[V], replaces: tuple[EventId, ...] | None
) -> RegisterState[V]:
    """Return the versions after a write. O(versions), which are as many as sites at most.

    Of several writes in one event, which have one stamp, the last one stands.
    """
    stamp = version.stamp
    if replaces is None:
        past = stamp.vector_timestamp
        kept = [each for each in state.versions if not each.stamp.vector_timestamp <= past]
    else:
        gone = (*replaces, stamp.id)
        kept = [each for each in state.versions if each.stamp.id not in gone]
    kept.append(version)
    return RegisterState(tuple(sorted(kept, key=_rank, reverse=True)))


def distinct(
    versions: Iterable[Version[V]], content: Callable[[V], object] = lambda value: value
) -> Sequence[Version[V]]:
    """Return the versions without those that say the same as one before them.

    Args:
        content: what of a value counts in the comparison.
    """
    found: list[Version[V]] = []
    seen: list[tuple[bool, object]] = []
    for version in versions:
        said = None if version.cleared else content(version.value)  # type: ignore[arg-type]  # not cleared, so a V
        if (version.cleared, said) not in seen:
            seen.append((version.cleared, said))
            found.append(version)
    return found


def _rank(version: Version[V]) -> tuple[int, str, int]:
    return version.stamp.rank
