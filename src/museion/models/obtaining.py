"""Gets a model into a registry, from a folder or a hub, once its licence was accepted."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

from museion.base.errors import Conflict
from museion.models.adding import add_folder
from museion.models.checkpoint import Checkpoint
from museion.models.hub import ADDRESS, HubModel, Step
from museion.models.hub_layout import licence_of
from museion.models.registry import Registry

NO_LICENCE = "none stated"

Accept = Callable[[str], bool]
"""Shown the licence as the files state it; tells whether it is accepted."""


class LicenceNotAccepted(Conflict):
    """A model was not taken in, because nobody accepted its licence."""

    def __init__(self, source: str, licence: str) -> None:
        super().__init__(
            f"The licence of {source} is: {licence}. It was not accepted, so nothing was added.",
            remedy="Read it, then repeat with `--accept-licence`.",
        )


def obtain(
    registry: Registry,
    source: str,
    *,
    accept: Accept,
    name: str | None = None,
    variant: str | None = None,
    revision: str = "main",
    hub: str = ADDRESS,
    on_step: Step | None = None,
) -> Checkpoint:
    """Add a model from a folder, or from a hub where `source` is no folder.

    Args:
        registry: gets the model whole or not at all.
        source: a folder, or OWNER/NAME on the hub.
        accept: asked before anything large is fetched, and before anything is added.
        name: under which it will be known; the last part of the source where it is left out.
        variant: of the graphs, as `quantized`; None takes the plain one, or the only one.
        revision: on the hub.
        hub: address of the hub.
        on_step: told how far each file has come.

    Raises:
        LicenceNotAccepted: it was not.
        BadRepository, NotOnHub, NotOpen, HubUnreachable, NotWhatTheHubHas: of the hub.
        Others: see `add_folder`.
    """
    folder = Path(source).expanduser()
    name = name or plain_name(source)
    registry.place(name)
    if folder.is_dir():
        _require(source, licence_of(folder), accept)
        return add_folder(registry, folder, name=name, variant=variant, source=source)
    incoming = registry.folder / ".incoming"
    with HubModel(
        source, revision=revision, address=hub, incoming=incoming, on_step=on_step
    ) as model:
        _require(source, model.fetch_description(), accept)
        model.fetch_weights(variant=variant or "")
        added = add_folder(
            registry,
            model.folder,
            name=name,
            variant=variant or "",
            source=f"{hub.rstrip('/')}/{source}",
            revision=model.revision,
            logits=model.logits(),
        )
    shutil.rmtree(model.folder)
    return added


def plain_name(source: str) -> str:
    """Return a fit name for what a folder or a repository is called."""
    last = Path(source).expanduser().absolute().name.lower()
    return re.sub(r"[^a-z0-9._-]+", "-", last).strip("-._")[:80] or "model"


def _require(source: str, licence: str, accept: Accept) -> None:
    shown = licence or NO_LICENCE
    if not accept(shown):
        raise LicenceNotAccepted(source, shown)
