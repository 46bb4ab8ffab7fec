"""Keys of data subjects: the contract, and the plainest form of it.

Payloads about a person are encrypted under a key of that person alone. Whoever destroys the key has
erased the payloads at every site and in every backup of the log, without touching the log.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator, Sequence
from enum import Enum
from typing import Protocol

import msgspec

from museion.base.errors import InvalidInput, Unavailable
from museion.base.ids import random_id
from museion.log.event import MAX_NAME_BYTES, InvalidEvent, require_name

KEY_BYTES = 32


class SubjectKey(msgspec.Struct, frozen=True):
    """A living key.

    Attributes:
        key_id: random, stands in the envelopes of events, never given again.
        key: 256 bits for AES-GCM; never printed.
    """

    key_id: str
    key: bytes

    def __repr__(self) -> str:
        return f"SubjectKey(key_id={self.key_id!r})"


class NoKey(Enum):
    """Why there is no key under an id."""

    DESTROYED = "destroyed"
    """It was destroyed on purpose: what it encrypted is erased."""
    UNKNOWN = "unknown"
    """It was never here, or was lost: nothing may be taken as erased."""


class KeyMissing(Unavailable):
    """A key is neither here nor destroyed; what it encrypted is not erased, only unreadable now."""

    def __init__(self, key_id: str) -> None:
        super().__init__(
            f"The data subject's key {key_id} is missing, but was not destroyed here.",
            remedy="Bring the folder of keys back from where it was kept, then try again.",
        )


class InvalidSubject(InvalidInput):
    """What should name a data subject cannot; nothing was done."""

    def __init__(self, found: object) -> None:
        super().__init__(
            f"Expected a data subject's id of 1 to {MAX_NAME_BYTES} bytes of UTF-8, got a"
            f" {type(found).__name__}.",  # the id itself may be personal, and errors are logged
            remedy="Let the event type's `subject` return such a text, or None for nobody.",
        )


class SubjectKeys(Protocol):
    """Keeps one living key for each data subject, and remembers which were destroyed.

    Calls block and may come from any thread.
    """

    def get_or_create(self, subject_id: str) -> SubjectKey:
        """Return the subject's living key; make one, durably, where there is none.

        A subject that was erased and is seen again gets a new key.

        Raises:
            InvalidSubject: the id is not 1 to 511 bytes of UTF-8; also raised by `destroy`.
        """

    def find(self, key_id: str) -> SubjectKey | NoKey:
        """Return a living key, or why there is none."""

    def destroy(self, subject_id: str) -> Sequence[str]:
        """Destroy the subject's key for good; return the ids of all keys destroyed for it so far.

        Durable when it returns. Idempotent: the ids of keys that were destroyed earlier are
        returned again, so that whoever was interrupted can finish what follows.
        """

    def living(self) -> Iterator[tuple[str, str]]:
        """Return subject id and key id of all living keys, in no order."""


class MemorySubjectKeys:
    """Keeps keys in memory: gone with the process, and with them all that they encrypted."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_subject: dict[str, SubjectKey] = {}
        self._by_id: dict[str, SubjectKey] = {}
        self._destroyed: dict[str, list[str]] = {}
        self._destroyed_ids: set[str] = set()

    def get_or_create(self, subject_id: str) -> SubjectKey:
        """Return the subject's living key, a new one where there is none."""
        require_subject(subject_id)
        with self._lock:
            key = self._by_subject.get(subject_id)
            if key is None:
                key = new_key()
                self._by_subject[subject_id] = self._by_id[key.key_id] = key
            return key

    def find(self, key_id: str) -> SubjectKey | NoKey:
        """Return a living key, or why there is none."""
        with self._lock:
            if key_id in self._destroyed_ids:
                return NoKey.DESTROYED
            return self._by_id.get(key_id, NoKey.UNKNOWN)

    def destroy(self, subject_id: str) -> Sequence[str]:
        """Destroy the subject's key; return the ids of all keys destroyed for it so far."""
        require_subject(subject_id)
        with self._lock:
            key = self._by_subject.pop(subject_id, None)
            if key is not None:
                del self._by_id[key.key_id]
                self._destroyed_ids.add(key.key_id)
                self._destroyed.setdefault(subject_id, []).append(key.key_id)
            return tuple(self._destroyed.get(subject_id, ()))

    def living(self) -> Iterator[tuple[str, str]]:
        """Return subject id and key id of all living keys."""
        with self._lock:
            return iter([(subject_id, key.key_id) for subject_id, key in self._by_subject.items()])


def new_key() -> SubjectKey:
    """Return a key that nobody has had before."""
    return SubjectKey(random_id(), secrets.token_bytes(KEY_BYTES))


def require_subject(subject_id: object) -> None:
    """Check the id of a data subject. Raises `InvalidSubject`."""
    if not isinstance(subject_id, str):
        raise InvalidSubject(subject_id)
    try:
        require_name(subject_id)
    except InvalidEvent:
        raise InvalidSubject(subject_id) from None
