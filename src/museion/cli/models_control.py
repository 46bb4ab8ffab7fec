"""Changing the model of a site: through the process that serves the site, or without one."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import httpx
import msgspec

from museion.api.model_schemas import ModelWanted
from museion.archive.generations import read_choice
from museion.archive.model_rows import ModelRow, model_rows
from museion.base.errors import Conflict, InvalidInput, NotFound, Unavailable
from museion.cli.remote_ingest import ServerGone
from museion.models.registry import Registry
from museion.node.site_lock import read_holder
from museion.node.site_models import models_folder
from museion.node.sites.site_files import read_admin_token

_LIMITS = httpx.Timeout(60.0)
_LOOK_S = 1.0

Seen = Callable[[ModelRow], None]
"""Told how far a change has come, now and then."""


class NotDone(Conflict):
    """The site refused what was asked, and said why."""


def list_models(folder: Path) -> list[ModelRow]:
    """Return the models of the site in a folder, served or not."""
    return asyncio.run(_rows(folder))


def use_model(folder: Path, name: str, *, wait: bool, seen: Seen) -> ModelRow:
    """Let a site search with another model; return how that stands.

    Without a server this process computes the embeddings, and so waits in any case.
    """
    holder = read_holder(folder)
    if holder is not None and holder.url is not None:
        return _use_remotely(holder.url, read_admin_token(folder), name, wait=wait, seen=seen)
    return asyncio.run(_use_here(folder, name, seen))


def remove_model(folder: Path, name: str) -> None:
    """Remove a model, and its index, from a site."""
    holder = read_holder(folder)
    if holder is not None and holder.url is not None:
        with _client(holder.url, read_admin_token(folder)) as client:
            _ask(client, holder.url, "DELETE", f"/{quote(name, safe='')}")
        return
    asyncio.run(_remove_here(folder, name))


async def _rows(folder: Path) -> list[ModelRow]:
    from museion.node.settings import read_settings
    from museion.node.site import Site

    models = models_folder(folder)
    choice = read_choice(models, default=read_settings(folder).encoder)
    async with Site.open_reading(folder) as archive:
        return model_rows(Registry(models), choice, archive.catalog)


async def _use_here(folder: Path, name: str, seen: Seen) -> ModelRow:
    from museion.node.site import Site

    async with Site.open(folder) as site:
        row = await site.models.use(name)
        # Without a limit: it takes as long as there are pictures, and can be interrupted.
        while row.use == "coming":
            seen(row)
            await asyncio.sleep(_LOOK_S)
            row = _named(await site.models.rows(), name)
        return row


async def _remove_here(folder: Path, name: str) -> None:
    from museion.node.site import Site

    async with Site.open(folder) as site:
        await site.models.remove(name)


def _use_remotely(url: str, token: str, name: str, *, wait: bool, seen: Seen) -> ModelRow:
    with _client(url, token) as client:
        content = msgspec.json.encode(ModelWanted(name))
        answer = _ask(client, url, "POST", "/use", content)
        row = msgspec.json.decode(answer.content, type=ModelRow)
        while wait and row.use == "coming":
            seen(row)
            time.sleep(_LOOK_S)
            rows = msgspec.json.decode(_ask(client, url, "GET", "/").content, type=list[ModelRow])
            row = _named(rows, name)
        return row


def _named(rows: list[ModelRow], name: str) -> ModelRow:
    return next(row for row in rows if row.name == name)


def _client(url: str, token: str) -> httpx.Client:
    return httpx.Client(
        base_url=f"{url.rstrip('/')}/api/models",
        timeout=_LIMITS,
        trust_env=False,
        headers={"Museion-Admin": token, "Content-Type": "application/json"},
    )


def _ask(
    client: httpx.Client, url: str, method: str, path: str, content: bytes = b""
) -> httpx.Response:
    try:
        response = client.request(method, path, content=content)
    except httpx.TransportError as reason:
        raise ServerGone(url, reason) from reason
    if response.is_success:
        return response
    problem = response.json()
    detail, remedy = str(problem.get("detail", "")), str(problem.get("remedy", ""))
    kinds = {400: InvalidInput, 404: NotFound, 503: Unavailable}
    raise kinds.get(response.status_code, NotDone)(detail, remedy=remedy)
