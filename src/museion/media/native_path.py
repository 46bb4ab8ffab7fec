"""File names for libraries that take UTF-8 only."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def native_path(path: Path) -> Iterator[str]:
    """Lend a name for `path` that every C library can open, also when its bytes are not UTF-8.

    Such a file is opened here and named by its descriptor, which lives as long as the context.

    Raises:
        OSError: the file does not exist or cannot be read.
    """
    with path.open("rb") as file:
        try:
            str(path).encode("utf-8")
        except UnicodeEncodeError:
            yield f"/dev/fd/{file.fileno()}"
        else:
            yield str(path)
