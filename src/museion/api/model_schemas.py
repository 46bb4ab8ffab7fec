"""What the routes of models take and call; no framework, so that others can use it cheaply."""

from __future__ import annotations

from typing import Protocol

import msgspec

from museion.archive.model_rows import ModelRow


class ModelWanted(msgspec.Struct, frozen=True):
    """The model to search with from now on, by its name."""

    name: str


class Models(Protocol):
    """The models of a site; see `museion.node.site_models`."""

    @property
    def admin_token(self) -> str:
        """The token for changes over HTTP; empty where there is none yet."""

    async def rows(self) -> list[ModelRow]:
        """Return all models that the site can use."""

    async def use(self, name: str) -> ModelRow:
        """Begin to search with another model; return how far that has come."""

    async def remove(self, name: str) -> None:
        """Remove a model and its index from the site."""
