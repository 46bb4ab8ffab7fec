"""Finding the files below paths that a person names, in a stable order."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

_CLUTTER = frozenset({"thumbs.db", "desktop.ini", "ehthumbs.db", "__macosx"})
"""What desktop systems leave in folders of pictures; nobody wants to hear of it."""
_SITE_MARK = "museion.toml"
_DATABASES = ("catalog.sqlite", "missing-blobs.sqlite")
_SITE_PARTS = frozenset({_SITE_MARK, "log", "blobs", "index", "lock", "sites", *_DATABASES})
_FORKED_LOGS = "log-forked-"
"""What a site keeps in its folder: its own renditions must never come in as new assets."""


def find_files(
    paths: Iterable[Path], *, on_error: Callable[[Path, OSError], None]
) -> Iterator[Path]:
    """Yield named files and all files below named folders, sorted by name within each folder.

    Hidden files, the clutter of desktop systems and the parts of a site are passed over inside
    folders, never when they are named themselves. Links to files are followed, links to folders are
    not, so no loop arises. A path that is named twice counts once.

    Args:
        paths: files and folders.
        on_error: told of each folder that cannot be listed; the others go on.
    """
    for path in dict.fromkeys(paths):
        if is_folder(path):
            yield from _below(path, on_error)
        else:
            yield path


def is_folder(path: Path) -> bool:
    """Tell whether a folder lies at a path, as far as one can know."""
    try:
        return path.is_dir()
    except OSError:
        return False  # whoever reads it as a file will meet the reason


def _below(folder: Path, on_error: Callable[[Path, OSError], None]) -> Iterator[Path]:
    def report(error: OSError) -> None:
        on_error(Path(os.fsdecode(error.filename or folder)), error)

    for place, subfolders, names in os.walk(folder, onerror=report):
        if _SITE_MARK in names:
            subfolders[:] = [name for name in subfolders if not _is_of_site(name)]
            names[:] = [name for name in names if not _is_of_site(name)]
        subfolders[:] = sorted(name for name in subfolders if _wanted(name))
        for name in sorted(filter(_wanted, names)):
            yield Path(place, name)


def _is_of_site(name: str) -> bool:
    beginnings = (_FORKED_LOGS, *(f"{each}-" for each in _DATABASES))
    return name in _SITE_PARTS or name.startswith(beginnings)


def _wanted(name: str) -> bool:
    return not name.startswith(".") and name.lower() not in _CLUTTER
