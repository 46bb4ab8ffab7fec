"""Disks that are soon full, or cannot be written."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def tiny_disk(folder: Path, *, size_bytes: int) -> Iterator[Path]:
    """Mount a file system in memory over an empty folder; skips the test where that is forbidden.

    `files_no_longer_than` works everywhere, and comes close.
    """
    if os.geteuid() != 0:
        pytest.skip("only root can mount a tiny disk")
    _mount("-t", "tmpfs", "-o", f"size={size_bytes}", "tmpfs", str(folder))
    try:
        yield folder
    finally:
        # Lazily: an object that is not collected yet may still hold a file.
        subprocess.run(["umount", "-l", str(folder)], check=True)  # noqa: S603, S607


def resize_disk(folder: Path, *, size_bytes: int) -> None:
    """Make a tiny disk larger or smaller, while files on it are open."""
    _mount("-o", f"remount,size={size_bytes}", str(folder))


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Let nothing be written to a tiny disk. No file on it may be open for writing."""
    _mount("-o", "remount,ro", str(folder))
    try:
        yield
    finally:
        _mount("-o", "remount,rw", str(folder))


def _mount(*options: str) -> None:
    mount = shutil.which("mount")
    if mount is None:
        pytest.skip("no program to mount a tiny disk with is on the PATH")
    mounted = subprocess.run([mount, *options], capture_output=True, text=True, check=False)  # noqa: S603
    if mounted.returncode != 0:
        pytest.skip(f"no tiny disk can be mounted here: {mounted.stderr.strip()}")


@contextmanager
def files_no_longer_than(size_bytes: int) -> Iterator[None]:
    """Let writes beyond a size fail, as they do on a full disk.

    Holds for the whole process; Python ignores the signal that goes with it.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
