"""Options that several commands share, and how lines are printed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

_OTHER_LINE_ENDS = tuple(
    (each.encode(), f"\\u{ord(each):04x}".encode()) for each in ("\x85", "\u2028", "\u2029")
)
"""JSON may hold them as they are, but many programs that read line by line end a line there."""


def site_option(function: F) -> F:
    """Add `--site DIR`; the working folder when it is left out."""
    return click.option(
        "--site",
        "folder",
        type=click.Path(path_type=Path, file_okay=False),
        default=Path(),
        help="Folder of the site; the working folder if left out.",
    )(function)


def json_option(function: F) -> F:
    """Add `--json`: one JSON object a line instead of text for people."""
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")(
        function
    )


def print_json(value: object) -> None:
    """Print a struct or plain value as one line of JSON."""
    import msgspec

    line = msgspec.json.encode(value)
    for rare, escape in _OTHER_LINE_ENDS:
        line = line.replace(rare, escape)
    click.echo(line)


def human_size(size_bytes: int) -> str:
    """Return a size with a binary unit, such as `3.4 MiB`."""
    size, unit = float(size_bytes), "B"
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if size < 1024 or unit == "TiB":
            break
        size /= 1024
    return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
