"""Small private files that survive a power failure, or were never there."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

_OWNER_ONLY_FOLDER = 0o700
_OWNER_ONLY_FILE = 0o600


def write_durably(path: Path, content: bytes, *, incoming: Path) -> None:
    """Write a file for its owner only: whole or not at all, and lasting when this returns.

    Args:
        incoming: a folder of the same file system, where it is written aside. What a crash leaves
            there may be removed while nobody writes.
    """
    aside = incoming / secrets.token_hex(8)
    handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY_FILE)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        aside.rename(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    flush_folder(path.parent)


def overwrite_and_remove(path: Path) -> None:
    """Put other bytes in the place of a file's, on disk, then remove it; nothing if it is gone."""
    try:
        with path.open("r+b") as file:
            file.write(secrets.token_bytes(os.fstat(file.fileno()).st_size))
            file.flush()
            os.fsync(file.fileno())
    except FileNotFoundError:
        return
    path.unlink(missing_ok=True)
    flush_folder(path.parent)


def is_there(path: Path | str) -> bool:
    """Tell whether a file exists; unlike `Path.exists`, an unreadable folder is an error."""
    try:
        os.stat(path)
    except FileNotFoundError:
        return False
    return True


def make_folder_durably(folder: Path) -> None:
    """Make a folder for its owner only, with its parents, where it is not there."""
    if folder.is_dir():
        return
    make_folder_durably(folder.parent)
    folder.mkdir(mode=_OWNER_ONLY_FOLDER, exist_ok=True)
    flush_folder(folder.parent)


def flush_folder(folder: Path) -> None:
    """Bring the names in a folder to disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
