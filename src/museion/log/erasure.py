"""Erasing a data subject: what was written about it becomes unreadable, everywhere and for good."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Protocol

import msgspec

from museion.base.waiting import to_end
from museion.log.subject_keys import SubjectKeys


class SubjectSnapshots(Protocol):
    """What erasure needs of a snapshot store."""

    def delete_subject(self, subject_key_id: str) -> int:
        """Delete all snapshots with payloads encrypted under this key; return how many."""


class Erasure(msgspec.Struct, frozen=True):
    """What an erasure did.

    Attributes:
        subject_key_ids: all keys destroyed for the subject, by this call or an earlier one; empty
            where nothing was ever written about it.
        snapshots_deleted: by this call.
    """

    subject_key_ids: tuple[str, ...]
    snapshots_deleted: int


async def erase(
    subject_id: str,
    keys: SubjectKeys,
    snapshots: Iterable[SubjectSnapshots] | SubjectSnapshots = (),
) -> Erasure:
    """Destroy the key of a data subject and delete the snapshots that hold what it encrypted.

    Idempotent: repeated after an error or a crash, it finishes what was left. Events of the subject
    then decode to `Erased`. What stays: the envelopes (type name, ids, destinations, times), and
    whatever was made of the payloads outside the log earlier (see docs/how-to/erase-a-person.md).
    An aggregate that is in memory still has what it read until it is unloaded, but it saves it no
    more: its snapshots are given up as long as they hold what was erased.

    Args:
        snapshots: all stores with snapshots of emitters that may have read of the subject.

    Raises:
        Unavailable: the keys or snapshots cannot be changed now; repeat the call.
    """
    stores = tuple(snapshots) if isinstance(snapshots, Iterable) else (snapshots,)
    return await to_end(asyncio.to_thread(_erase, subject_id, keys, stores))


def _erase(subject_id: str, keys: SubjectKeys, stores: tuple[SubjectSnapshots, ...]) -> Erasure:
    key_ids = tuple(keys.destroy(subject_id))
    deleted = sum(store.delete_subject(key_id) for key_id in key_ids for store in stores)
    return Erasure(key_ids, deleted)
