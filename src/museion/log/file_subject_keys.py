"""Keys of data subjects in one folder, each in a file of its own.

Layout:
    keys/<key id>        the key, in msgpack with the number of this form
    destroyed/<key id>   an empty file: the key was destroyed on purpose; stays for good
    subjects/<name>      the subject's id while it has a living key, and the ids of all its keys
    incoming/            files being written; emptied when the folder is opened
    secret               what the names in `subjects` are made with, so nobody can guess them

Every file is written aside, flushed, renamed, and its folder flushed. Keep the folder apart from
the log and its backups: a backup of it holds keys that were destroyed later. Overwriting reaches
what the disk shows under that name; copies that the file system or the drive keeps are out of
reach, so put the folder on an encrypted volume.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import msgspec
from blake3 import blake3

from museion.base.errors import Damaged, Unavailable
from museion.log.durable_file import (
    is_there,
    make_folder_durably,
    overwrite_and_remove,
    write_durably,
)
from museion.log.subject_keys import (
    KEY_BYTES,
    KeyMissing,
    NoKey,
    SubjectKey,
    new_key,
    require_subject,
)

T = TypeVar("T")

_FORM = 1
_KEY_ID = re.compile("[a-z2-7]{16}")
_MAX_CACHED = 1 << 16


class KeysUnavailable(Unavailable):
    """The folder of keys cannot be read or written now; a repeat finishes what was begun."""

    def __init__(self, folder: Path, reason: OSError) -> None:
        super().__init__(
            f"The keys in {folder} cannot be used: {reason.strerror or reason}.",
            remedy="Check the folder's rights and the disk space, then try again.",
        )


class DamagedKey(Damaged):
    """A file in the folder of keys is not what was written."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"The file {path} of the data subjects' keys is damaged: {reason}.",
            remedy="Bring it back from where the folder was kept; nothing is taken as erased.",
        )


class _KeyFile(msgspec.Struct, frozen=True, array_like=True):
    form: int
    key: bytes


class _SubjectFile(msgspec.Struct, frozen=True):
    """All keys that a subject ever had, the last one living unless `subject_id` is None."""

    subject_id: str | None
    key_ids: tuple[str, ...] = ()


class FileSubjectKeys:
    """Keeps keys as files; any number of objects and processes may work on one folder.

    Finding a key that was used lately costs one look at the disk, so a destruction by another
    process is seen at once.

    Args:
        folder: made, for its owner only, if it is not there.

    Raises:
        KeysUnavailable: the folder cannot be made or read.
        DamagedKey: a file of it is not what was written. All other calls raise these two as well.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._keys = folder / "keys"
        self._destroyed = folder / "destroyed"
        self._marks = os.path.join(self._destroyed, "")  # text: it is asked for each event
        self._subjects = folder / "subjects"
        self._incoming = folder / "incoming"
        self._cached: dict[str, SubjectKey] = {}
        self._current: dict[str, str] = {}
        self._lock = threading.Lock()
        with self._reported():
            for each in (self._keys, self._destroyed, self._subjects, self._incoming):
                make_folder_durably(each)
        with self._alone():
            for left_behind in self._incoming.iterdir():
                overwrite_and_remove(left_behind)
            self._secret = self._stored_secret()

    def get_or_create(self, subject_id: str) -> SubjectKey:
        """Return the subject's living key; make one, flushed to disk, where there is none.

        Raises:
            KeyMissing: the subject's key was lost, not destroyed; no other takes its place.
        """
        require_subject(subject_id)
        key_id = self._current.get(subject_id)
        if key_id is not None:
            found = self.find(key_id)
            if isinstance(found, SubjectKey):
                return found
        with self._alone():
            key = self._living_key(subject_id) or self._make_key(subject_id)
        self._remember(subject_id, key)
        return key

    def find(self, key_id: str) -> SubjectKey | NoKey:
        """Return a living key, or why there is none."""
        if not _KEY_ID.fullmatch(key_id):
            return NoKey.UNKNOWN  # ids come from other sites too, and make names of files here
        try:
            if is_there(self._marks + key_id):
                self._cached.pop(key_id, None)
                return NoKey.DESTROYED
            cached = self._cached.get(key_id)
            return cached if cached is not None else self._read_key(key_id)
        except OSError as reason:
            raise KeysUnavailable(self._folder, reason) from reason

    def destroy(self, subject_id: str) -> Sequence[str]:
        """Destroy the subject's key for good; return the ids of all keys destroyed for it so far.

        First the mark that it was destroyed is on disk, then the key is overwritten and removed:
        killed in between, the key counts as destroyed, and a repeat removes it.
        """
        require_subject(subject_id)
        with self._alone():
            subject = self._read_subject(subject_id)
            for key_id in subject.key_ids:
                self._destroy_key(key_id)
            if subject.subject_id is not None:
                self._write_subject(subject_id, _SubjectFile(None, subject.key_ids))
        self._current.pop(subject_id, None)
        return subject.key_ids

    def living(self) -> Iterator[tuple[str, str]]:
        """Return subject id and key id of all living keys, in no order."""
        with self._reported():
            paths = list(self._subjects.iterdir())
        for path in paths:
            subject = self._decode_subject(path)
            if subject.subject_id is None or not subject.key_ids:
                continue
            if self.find(subject.key_ids[-1]) is not NoKey.DESTROYED:
                yield subject.subject_id, subject.key_ids[-1]

    def _living_key(self, subject_id: str) -> SubjectKey | None:
        subject = self._read_subject(subject_id)
        if subject.subject_id is None:
            return None
        key_id = subject.key_ids[-1]
        match self.find(key_id):
            case NoKey.UNKNOWN:
                raise KeyMissing(key_id)
            case NoKey.DESTROYED:  # its destruction was interrupted
                self._destroy_key(key_id)
                return None
            case key:
                return key

    def _make_key(self, subject_id: str) -> SubjectKey:
        """Keep the key first: what a crash leaves behind then is a key of nobody."""
        key = new_key()
        self._write(self._keys / key.key_id, msgspec.msgpack.encode(_KeyFile(_FORM, key.key)))
        earlier = self._read_subject(subject_id).key_ids
        self._write_subject(subject_id, _SubjectFile(subject_id, (*earlier, key.key_id)))
        return key

    def _destroy_key(self, key_id: str) -> None:
        self._cached.pop(key_id, None)
        if not is_there(self._destroyed / key_id):
            self._write(self._destroyed / key_id, b"")
        overwrite_and_remove(self._keys / key_id)

    def _read_key(self, key_id: str) -> SubjectKey | NoKey:
        path = self._keys / key_id
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            content = None
        # Another process may have destroyed it since the first look, and have overwritten it.
        if is_there(self._destroyed / key_id):
            return NoKey.DESTROYED
        if content is None:
            return NoKey.UNKNOWN
        key = SubjectKey(key_id, _decode_key(path, content))
        self._keep(self._cached, key_id, key)
        return key

    def _remember(self, subject_id: str, key: SubjectKey) -> None:
        self._keep(self._cached, key.key_id, key)
        self._keep(self._current, subject_id, key.key_id)

    def _keep(self, cache: dict[str, T], name: str, value: T) -> None:
        with self._lock:
            if len(cache) >= _MAX_CACHED:
                del cache[next(iter(cache))]
            cache[name] = value

    def _subject_path(self, subject_id: str) -> Path:
        return self._subjects / blake3(subject_id.encode(), key=self._secret).hexdigest()

    def _read_subject(self, subject_id: str) -> _SubjectFile:
        try:
            return self._decode_subject(self._subject_path(subject_id))
        except FileNotFoundError:
            return _SubjectFile(None)

    def _decode_subject(self, path: Path) -> _SubjectFile:
        try:
            return msgspec.msgpack.decode(path.read_bytes(), type=_SubjectFile)
        except msgspec.MsgspecError as reason:
            raise DamagedKey(path, str(reason)) from reason

    def _write_subject(self, subject_id: str, subject: _SubjectFile) -> None:
        self._write(self._subject_path(subject_id), msgspec.msgpack.encode(subject))

    def _write(self, path: Path, content: bytes) -> None:
        write_durably(path, content, incoming=self._incoming)

    def _stored_secret(self) -> bytes:
        path = self._folder / "secret"
        if not is_there(path):
            if any(self._subjects.iterdir()):
                raise DamagedKey(path, "it is missing, but there are subjects")
            self._write(path, secrets.token_bytes(KEY_BYTES))
        secret = path.read_bytes()
        if len(secret) != KEY_BYTES:
            raise DamagedKey(path, f"expected {KEY_BYTES} bytes, got {len(secret)}")
        return secret

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep out whoever else would make or destroy a key, in this or another process."""
        with self._reported():
            handle = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX)  # held for a few flushes only
                yield
            finally:
                os.close(handle)

    @contextmanager
    def _reported(self) -> Iterator[None]:
        try:
            yield
        except OSError as reason:
            raise KeysUnavailable(self._folder, reason) from reason


def _decode_key(path: Path, content: bytes) -> bytes:
    try:
        stored = msgspec.msgpack.decode(content, type=_KeyFile)
    except msgspec.MsgspecError as reason:
        raise DamagedKey(path, str(reason)) from reason
    if stored.form != _FORM or len(stored.key) != KEY_BYTES:
        raise DamagedKey(path, f"expected a key of form {_FORM} and {KEY_BYTES} bytes")
    return stored.key
