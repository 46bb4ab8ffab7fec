"""Disks that are soon full."""

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
    mount = shutil.which("mount")
    if mount is None or os.geteuid() != 0:
        pytest.skip("only root can mount a tiny disk")
    options = [mount, "-t", "tmpfs", "-o", f"size={size_bytes}", "tmpfs", str(folder)]
    mounted = subprocess.run(options, capture_output=True, text=True, check=False)  # noqa: S603
    if mounted.returncode != 0:
        pytest.skip(f"no tiny disk can be mounted here: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        # Lazily: an object that is not collected yet may still hold a file.
        subprocess.run(["umount", "-l", str(folder)], check=True)  # noqa: S603, S607


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
