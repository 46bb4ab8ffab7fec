"""A small view for tests."""

from __future__ import annotations

from dataclasses import field

from recording import Noted

from museion.log.sourced.view import View, handles


class Texts(View, name="texts"):
    texts: list[str] = field(default_factory=list)

    @handles
    def _noted(self, event: Noted) -> None:
        self.texts.append(event.text)

    def longest(self) -> str:
        """A query is a plain method."""
        return max(self.texts, key=len, default="")
