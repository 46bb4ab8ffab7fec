"""`museion judge`: say whether an asset fits a query."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import click

from museion.cli.options import json_option, print_json, site_option
from museion.cli.people_door import author, by_option, door, found_assets
from museion.cli.terminal_text import decodable, one_line

_SAID = {1: "fits", -1: "does not fit", 0: "is not judged any more for"}


@click.command("judge")
@click.argument("query")
@click.argument("asset")
@click.option("--fits", "verdict", flag_value=1, type=int, help="It fits.")
@click.option("--not", "verdict", flag_value=-1, type=int, help="It does not.")
@click.option("--undo", "verdict", flag_value=0, type=int, help="Take back what was said.")
@by_option
@site_option
@json_option
def command(
    query: str, asset: str, *, verdict: int | None, by: str | None, folder: Path, as_json: bool
) -> None:
    """Say whether ASSET, named by its id, its digest or their beginning, fits QUERY.

    Give the query as one argument, as it was typed. A person has one verdict on each asset for each
    query; the last stands, at all sites. `museion evaluate` and `museion tune` work with them.
    """
    if verdict is None:
        raise click.UsageError("Say --fits, --not or --undo.")
    told = asyncio.run(_judge(folder, decodable(query), asset, verdict, author(by)))
    if as_json:
        print_json(told)
        return
    said = f"{told['asset_id']} {_SAID[told['verdict']]} “{one_line(told['query'])}”"
    click.echo(f"{said}." if told["changed"] else f"{said}: that stood already.")


async def _judge(folder: Path, query: str, asset: str, verdict: int, by: str) -> dict[str, Any]:
    (asset_id,) = found_assets(folder, (asset,))
    async with door(folder) as site:
        told: dict[str, Any] = await site.send(
            "POST", "/api/judgements", query=query, asset_id=asset_id, verdict=verdict, by=by
        )
        return told
