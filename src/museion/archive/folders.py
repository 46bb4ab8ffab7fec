"""Finding the files below paths that a person names, in a stable order."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

_CLUTTER = frozenset({"thumbs.db", "desktop.ini", "ehthumbs.db", "__macosx"})
"""What desktop systems leave in folders of pictures; nobody wants to hear of it."""


def find_files(
    paths: Iterable[Path], *, on_error: Callable[[Path, OSError], None]
) -> Iterator[Path]:
    """Yield named files and all files below named folders, sorted by name within each folder.

    Hidden files and the clutter of desktop systems are passed over inside folders, never when they
    are named themselves. Links to files are followed, links to folders are not, so no loop arises.

    Args:
        paths: files and folders.
        on_error: told of each folder that cannot be listed; the others go on.
    """
    for path in paths:
        if path.is_dir():
            yield from _below(path, on_error)
        else:
            yield path


def _below(folder: Path, on_error: Callable[[Path, OSError], None]) -> Iterator[Path]:
    def report(error: OSError) -> None:
        on_error(Path(os.fsdecode(error.filename or folder)), error)

    for place, subfolders, names in os.walk(folder, onerror=report):
        subfolders[:] = sorted(name for name in subfolders if _wanted(name))
        for name in sorted(filter(_wanted, names)):
            yield Path(place, name)


def _wanted(name: str) -> bool:
    return not name.startswith(".") and name.lower() not in _CLUTTER
