"""Only ordinary files are read, to their end, and only while they rest."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from museion.archive.source_file import (
    ChangedWhileRead,
    LeadsNowhere,
    NotOrdinary,
    UnreadableFile,
    open_source,
)
from museion.base.errors import InvalidInput


def _read(path: Path) -> bytes:
    with open_source(path) as source:
        return b"".join(source.chunks())


def _make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(path))


def test_a_file_is_read_to_its_end(tmp_path: Path) -> None:
    content = os.urandom((1 << 20) + 5)
    (tmp_path / "a").write_bytes(content)

    assert _read(tmp_path / "a") == content


@pytest.mark.parametrize(
    ("make", "error", "what"),
    [
        (os.mkfifo, NotOrdinary, "a pipe"),
        (_make_socket, NotOrdinary, "a socket"),
        (Path.mkdir, NotOrdinary, "a folder"),
        (lambda path: path.symlink_to("/dev/zero"), NotOrdinary, "a device"),
        (lambda path: path.symlink_to("nowhere"), LeadsNowhere, "does not exist"),
        (lambda path: path.symlink_to(path.name), UnreadableFile, "symbolic links"),
        (lambda path: None, UnreadableFile, "No such file"),
    ],
)
def test_what_is_no_ordinary_file_is_refused_at_once(
    tmp_path: Path, make: Callable[[Path], None], error: type[InvalidInput], what: str
) -> None:
    """With what it is, and what to do."""
    make(tmp_path / "a")

    with pytest.raises(error, match=what) as refused:
        _read(tmp_path / "a")
    assert refused.value.remedy


@pytest.mark.parametrize(
    "change",
    [
        lambda path: os.truncate(path, 10),
        lambda path: os.truncate(path, 5 << 20),
        lambda path: os.utime(path, ns=(1, 1)),
    ],
)
def test_a_file_that_changes_meanwhile_is_refused(
    tmp_path: Path, change: Callable[[Path], None]
) -> None:
    path = tmp_path / "a"
    path.write_bytes(bytes(3 << 20))

    with open_source(path) as source:
        chunks = source.chunks()
        next(chunks)
        change(path)
        with pytest.raises(ChangedWhileRead, match="changed while"):
            list(chunks)


def test_a_file_that_is_removed_while_it_is_read_is_whole_all_the_same(tmp_path: Path) -> None:
    """The system keeps its content until it is closed."""
    path = tmp_path / "a"
    path.write_bytes(bytes(3 << 20))

    with open_source(path) as source:
        path.unlink()
        assert sum(map(len, source.chunks())) == 3 << 20
