"""A bar on the terminal while a log is walked through; nothing where nobody watches."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self

import click

_EVERY_S = 0.1
_WIDTH = 30


class Progress:
    """Draws on standard error, a few times a second; wiped out at the end."""

    def __init__(self, *, hidden: bool = False) -> None:
        self._hidden = hidden or not sys.stderr.isatty()
        self._drawn_at = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.clear()

    def show(self, what: str, done: int, of: int) -> None:
        """Show how far a part has come; `of` is 0 where its end is not known."""
        now = time.monotonic()
        if self._hidden or now - self._drawn_at < _EVERY_S:
            return
        self._drawn_at = now
        if of:
            full = "█" * (_WIDTH * done // of)
            text = f"{what} {full:░<{_WIDTH}} {done:,} of {of:,}"
        else:
            text = f"{what} {done:,}"
        click.echo(f"\r\x1b[K{text}", err=True, nl=False)

    def clear(self) -> None:
        """Wipe the bar, for example before a line is printed."""
        if self._drawn_at:
            click.echo("\r\x1b[K", err=True, nl=False)
            self._drawn_at = 0.0
