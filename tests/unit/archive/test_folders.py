"""Which files lie below the paths that a person names, in which order."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from museion.archive.folders import find_files, is_folder
from museion.node.settings import FILE_NAME


def _found(*paths: Path) -> list[Path]:
    def refuse(folder: Path, error: OSError) -> None:
        raise AssertionError(f"{folder}: {error}")

    return list(find_files(paths, on_error=refuse))


def _touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_files_come_sorted_by_name_within_each_folder(tmp_path: Path) -> None:
    names = ["b.jpg", "a.jpg", "c/b.jpg", "c/a.jpg", "a-folder/z.jpg"]
    _touch(*(tmp_path / name for name in names))

    found = [str(path.relative_to(tmp_path)) for path in _found(tmp_path)]

    assert found == ["a.jpg", "b.jpg", "a-folder/z.jpg", "c/a.jpg", "c/b.jpg"]


@pytest.mark.parametrize(
    "name", [".hidden.jpg", ".hidden/a.jpg", "Thumbs.db", "desktop.ini", "__MACOSX/a.jpg"]
)
def test_hidden_files_and_clutter_are_passed_over_unless_they_are_named(
    tmp_path: Path, name: str
) -> None:
    _touch(tmp_path / name)

    assert _found(tmp_path) == []
    assert _found(tmp_path / name) == [tmp_path / name]


def test_links_to_files_are_followed_and_links_to_folders_are_not(tmp_path: Path) -> None:
    _touch(tmp_path / "photos" / "a.jpg")
    (tmp_path / "photos" / "link.jpg").symlink_to("a.jpg")
    (tmp_path / "photos" / "up").symlink_to("..")

    assert [path.name for path in _found(tmp_path / "photos")] == ["a.jpg", "link.jpg"]


def test_a_forked_log_that_lies_in_a_site_is_passed_over(tmp_path: Path) -> None:
    _touch(tmp_path / FILE_NAME, tmp_path / "log-forked-2026-11-26" / "data.mdb")
    _touch(tmp_path / "a.jpg", tmp_path / "elsewhere" / "log-forked-2026" / "b.jpg")

    assert [path.name for path in _found(tmp_path)] == ["a.jpg", "b.jpg"]


def test_a_path_that_is_named_twice_counts_once(tmp_path: Path) -> None:
    _touch(tmp_path / "a.jpg")

    assert _found(tmp_path, tmp_path, tmp_path / ".") == [tmp_path / "a.jpg"]


def test_the_parts_of_a_site_are_not_taken_for_photos(tmp_path: Path) -> None:
    parts = ["log/data.mdb", "blobs/ab/abcd", "index/lexical/meta.json", "lock"]
    catalog = ["catalog.sqlite", "catalog.sqlite-wal", "catalog.sqlite-shm"]
    _touch(*(tmp_path / name for name in [FILE_NAME, *parts, *catalog, "mine.jpg", "log.jpg"]))

    assert [path.name for path in _found(tmp_path)] == ["log.jpg", "mine.jpg"]


def test_a_folder_that_is_no_site_may_have_such_names(tmp_path: Path) -> None:
    _touch(tmp_path / "log" / "a.jpg", tmp_path / "blobs" / "b.jpg")

    assert [path.name for path in _found(tmp_path)] == ["b.jpg", "a.jpg"]


def test_names_that_are_not_utf8_come_through(tmp_path: Path) -> None:
    strange = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.jpg")
    _touch(Path(strange))

    assert [os.fsencode(path) for path in _found(tmp_path)] == [os.fsencode(strange)]


@pytest.mark.parametrize("name", ["missing.jpg", "x" * 300, "a\0b"])
def test_a_path_that_names_nothing_is_left_to_whoever_reads_it(tmp_path: Path, name: str) -> None:
    assert _found(tmp_path / name) == [tmp_path / name]


def test_a_loop_of_links_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")

    assert not is_folder(tmp_path / "loop")
