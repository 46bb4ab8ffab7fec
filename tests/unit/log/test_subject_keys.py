"""Keys of data subjects: the contract on both stores, and what files add to it."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from museion.log.file_subject_keys import DamagedKey, FileSubjectKeys, KeysUnavailable
from museion.log.subject_keys import (
    InvalidSubject,
    KeyMissing,
    MemorySubjectKeys,
    NoKey,
    SubjectKeys,
)


@pytest.fixture(params=["memory", "files"])
def keys(request: pytest.FixtureRequest, tmp_path: Path) -> SubjectKeys:
    return MemorySubjectKeys() if request.param == "memory" else FileSubjectKeys(tmp_path / "keys")


class TestContract:
    def test_a_subject_keeps_its_key(self, keys: SubjectKeys) -> None:
        assert keys.get_or_create("ada") == keys.get_or_create("ada")

    def test_subjects_have_keys_of_their_own(self, keys: SubjectKeys) -> None:
        ada, bob = keys.get_or_create("ada"), keys.get_or_create("bob")

        assert ada.key_id != bob.key_id
        assert ada.key != bob.key
        assert len(ada.key) == 32

    def test_a_key_is_found_by_its_id(self, keys: SubjectKeys) -> None:
        key = keys.get_or_create("ada")

        assert keys.find(key.key_id) == key

    @pytest.mark.parametrize("key_id", ["a" * 16, "", "../secret", "x/y", "\0", "\ud800"])
    def test_a_key_that_was_never_here_is_unknown(self, keys: SubjectKeys, key_id: str) -> None:
        assert keys.find(key_id) is NoKey.UNKNOWN

    def test_a_destroyed_key_is_known_to_be_destroyed(self, keys: SubjectKeys) -> None:
        key = keys.get_or_create("ada")

        assert list(keys.destroy("ada")) == [key.key_id]
        assert keys.find(key.key_id) is NoKey.DESTROYED

    def test_other_subjects_keep_their_keys(self, keys: SubjectKeys) -> None:
        bob = keys.get_or_create("bob")
        keys.get_or_create("ada")
        keys.destroy("ada")

        assert keys.get_or_create("bob") == keys.find(bob.key_id) == bob

    def test_a_subject_that_is_seen_again_gets_a_new_key(self, keys: SubjectKeys) -> None:
        old = keys.get_or_create("ada")
        keys.destroy("ada")
        new = keys.get_or_create("ada")

        assert new.key_id != old.key_id
        assert new.key != old.key
        assert keys.find(old.key_id) is NoKey.DESTROYED

    def test_destroying_is_idempotent_and_names_all_keys_ever_destroyed(
        self, keys: SubjectKeys
    ) -> None:
        first = keys.get_or_create("ada").key_id
        keys.destroy("ada")
        second = keys.get_or_create("ada").key_id

        assert list(keys.destroy("ada")) == list(keys.destroy("ada")) == [first, second]

    def test_destroying_what_never_was_does_nothing(self, keys: SubjectKeys) -> None:
        assert list(keys.destroy("nobody")) == []

    def test_the_living_keys_are_listed(self, keys: SubjectKeys) -> None:
        ada = keys.get_or_create("ada").key_id
        keys.get_or_create("bob")
        keys.destroy("bob")

        assert list(keys.living()) == [("ada", ada)]

    @pytest.mark.parametrize("subject_id", ["", "\ud800", "n" * 512])
    def test_what_cannot_name_a_subject_is_refused(
        self, keys: SubjectKeys, subject_id: str
    ) -> None:
        for call in (keys.get_or_create, keys.destroy):
            with pytest.raises(InvalidSubject):
                call(subject_id)


class TestFiles:
    def test_keys_and_marks_of_destruction_survive(self, tmp_path: Path) -> None:
        before = FileSubjectKeys(tmp_path)
        ada, bob = before.get_or_create("ada"), before.get_or_create("bob")
        before.destroy("bob")

        after = FileSubjectKeys(tmp_path)

        assert after.get_or_create("ada") == after.find(ada.key_id) == ada
        assert after.find(bob.key_id) is NoKey.DESTROYED
        assert list(after.destroy("bob")) == [bob.key_id]

    def test_a_destruction_by_another_process_is_seen_at_once(self, tmp_path: Path) -> None:
        here, there = FileSubjectKeys(tmp_path), FileSubjectKeys(tmp_path)
        key = here.get_or_create("ada")
        there.destroy("ada")

        assert here.find(key.key_id) is NoKey.DESTROYED
        assert here.get_or_create("ada").key_id != key.key_id

    def test_two_processes_give_a_subject_one_key(self, tmp_path: Path) -> None:
        here, there = FileSubjectKeys(tmp_path), FileSubjectKeys(tmp_path)

        assert here.get_or_create("ada") == there.get_or_create("ada")

    def test_processes_that_meet_a_subject_at_once_agree_on_its_key(self, tmp_path: Path) -> None:
        program = """
import sys
from pathlib import Path
from museion.log.file_subject_keys import FileSubjectKeys
keys = FileSubjectKeys(Path(sys.argv[1]))
sys.stdin.readline()
print([keys.get_or_create(f"subject-{number}").key_id for number in range(30)])
"""
        arguments = [sys.executable, "-W", "error", "-c", program, str(tmp_path)]
        pipe = subprocess.PIPE
        running = [
            subprocess.Popen(arguments, stdin=pipe, stdout=pipe, text=True) for _ in range(3)
        ]
        told = []
        for process in running:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        for process in running:
            told.append(process.communicate(timeout=60)[0])

        assert len(told[0]) > 30 * 16
        assert len(set(told)) == 1

    def test_only_the_owner_can_read_anything(self, tmp_path: Path) -> None:
        folder = tmp_path / "keys"
        keys = FileSubjectKeys(folder)
        keys.get_or_create("ada")
        keys.get_or_create("bob")
        keys.destroy("bob")

        for path in (folder, *folder.rglob("*")):
            expected = 0o700 if path.is_dir() else 0o600
            assert stat.S_IMODE(path.stat().st_mode) == expected, path

    def test_nothing_of_a_destroyed_key_or_its_subject_is_left(self, tmp_path: Path) -> None:
        keys = FileSubjectKeys(tmp_path)
        key = keys.get_or_create("ada-lovelace")
        keys.destroy("ada-lovelace")

        left = b"".join(_contents(tmp_path).values())

        assert key.key not in left
        assert b"ada-lovelace" not in left
        assert not any("ada-lovelace" in path.name for path in tmp_path.rglob("*"))

    def test_a_key_is_overwritten_before_it_is_removed(self, tmp_path: Path) -> None:
        """A second name of the file shows what the disk holds in its place."""
        keys = FileSubjectKeys(tmp_path / "keys")
        key = keys.get_or_create("ada")
        os.link(tmp_path / "keys" / "keys" / key.key_id, tmp_path / "seen")
        keys.destroy("ada")

        assert key.key not in (tmp_path / "seen").read_bytes()

    def test_a_lost_key_is_missing_not_erased(self, tmp_path: Path) -> None:
        key = FileSubjectKeys(tmp_path).get_or_create("ada")
        (tmp_path / "keys" / key.key_id).unlink()
        keys = FileSubjectKeys(tmp_path)

        assert keys.find(key.key_id) is NoKey.UNKNOWN
        with pytest.raises(KeyMissing, match=key.key_id):
            keys.get_or_create("ada")

    def test_a_lost_key_can_be_destroyed_on_purpose(self, tmp_path: Path) -> None:
        key = FileSubjectKeys(tmp_path).get_or_create("ada")
        (tmp_path / "keys" / key.key_id).unlink()
        keys = FileSubjectKeys(tmp_path)

        assert list(keys.destroy("ada")) == [key.key_id]
        assert keys.find(key.key_id) is NoKey.DESTROYED

    @pytest.mark.parametrize("content", [b"", b"\x92\x02", b"\x92\x01\xc4\x01x", b"text"])
    def test_a_damaged_key_is_named(self, tmp_path: Path, content: bytes) -> None:
        key = FileSubjectKeys(tmp_path).get_or_create("ada")
        (tmp_path / "keys" / key.key_id).write_bytes(content)

        with pytest.raises(DamagedKey, match=key.key_id):
            FileSubjectKeys(tmp_path).find(key.key_id)

    def test_a_damaged_file_of_a_subject_is_named(self, tmp_path: Path) -> None:
        FileSubjectKeys(tmp_path).get_or_create("ada")
        (path,) = (tmp_path / "subjects").iterdir()
        path.write_bytes(b"\x81")

        with pytest.raises(DamagedKey, match=path.name):
            FileSubjectKeys(tmp_path).get_or_create("ada")

    def test_a_lost_secret_does_not_give_subjects_second_keys(self, tmp_path: Path) -> None:
        FileSubjectKeys(tmp_path).get_or_create("ada")
        (tmp_path / "secret").unlink()

        with pytest.raises(DamagedKey, match="secret"):
            FileSubjectKeys(tmp_path)

    def test_a_folder_that_cannot_be_used_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("in the way")

        with pytest.raises(KeysUnavailable, match="file"):
            FileSubjectKeys(tmp_path / "file")

    def test_what_a_crash_left_half_written_is_removed(self, tmp_path: Path) -> None:
        FileSubjectKeys(tmp_path)
        (tmp_path / "incoming" / "left").write_bytes(b"half a key")
        FileSubjectKeys(tmp_path)

        assert list((tmp_path / "incoming").iterdir()) == []


class Killed(BaseException):
    """The process ends here."""


class TestCrashes:
    """Killed before each change that it makes to the disk, and repeated after a new start."""

    def test_making_a_key_can_be_killed_anywhere(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for number, folder in enumerate(_killed_everywhere(tmp_path, monkeypatch, _make)):
            keys = FileSubjectKeys(folder)
            key = keys.get_or_create("ada")

            assert keys.find(key.key_id) == key, number
            assert list(keys.living()) == [("ada", key.key_id)], number

    def test_destroying_a_key_can_be_killed_anywhere(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for number, folder in enumerate(_killed_everywhere(tmp_path, monkeypatch, _destroy)):
            keys = FileSubjectKeys(folder)
            (key_id,) = keys.destroy("ada")

            assert keys.find(key_id) is NoKey.DESTROYED, number
            assert not (folder / "keys" / key_id).exists(), number
            assert list(keys.living()) == [], number

    def test_after_a_killed_destruction_the_key_is_whole_or_destroyed(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Never overwritten and yet taken for living."""
        for folder in _killed_everywhere(tmp_path, monkeypatch, _destroy):
            keys = FileSubjectKeys(folder)
            original = (folder / "original").read_bytes()
            (key_id,) = (path.name for path in _ever_made(folder))
            found = keys.find(key_id)

            assert found is NoKey.DESTROYED or (
                not isinstance(found, NoKey) and found.key == original
            )
            renewed = keys.get_or_create("ada")
            assert (renewed.key == original) == (found is not NoKey.DESTROYED)


def _make(folder: Path) -> Callable[[], object]:
    return lambda: FileSubjectKeys(folder).get_or_create("ada")


def _destroy(folder: Path) -> Callable[[], object]:
    keys = FileSubjectKeys(folder)
    (folder / "original").write_bytes(keys.get_or_create("ada").key)
    return lambda: keys.destroy("ada")


def _killed_everywhere(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    prepare: Callable[[Path], Callable[[], object]],
) -> Iterator[Path]:
    """Yield folders, the work in each of them killed one flush later than in the one before."""
    flush = os.fsync
    for survived in range(100):
        folder = tmp_path / f"killed-{survived}"
        work = prepare(folder)
        left = iter(range(survived))

        def fsync(handle: int, left: Iterator[int] = left) -> None:
            if next(left, None) is None:
                raise Killed
            flush(handle)

        with monkeypatch.context() as patched:
            patched.setattr(os, "fsync", fsync)
            try:
                work()
            except Killed:
                ended = False
            else:
                ended = True
        yield folder
        if ended:
            assert survived > 2
            return
    raise AssertionError("it never ended")


def _ever_made(folder: Path) -> set[Path]:
    """Return one path for each key id that is or was here."""
    living = {path.name for path in (folder / "keys").iterdir()}
    destroyed = {path.name for path in (folder / "destroyed").iterdir()}
    return {folder / name for name in living | destroyed}


def _contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
