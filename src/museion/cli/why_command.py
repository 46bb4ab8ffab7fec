"""`museion why`: which part of a picture fits a query."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from museion.cli.options import json_option, print_json, site_option
from museion.cli.terminal_text import decodable, one_line

if TYPE_CHECKING:
    from museion.archive.regions import WhyPicture

_SHADES = " ░▒▓█"


@click.command("why")
@click.argument("asset_id")
@click.argument("query", nargs=-1, required=True)
@site_option
@json_option
def command(asset_id: str, query: tuple[str, ...], folder: Path, *, as_json: bool) -> None:
    """Show which part of the picture of ASSET_ID fits QUERY, the darker the better."""
    told = asyncio.run(_why(folder, asset_id, decodable(" ".join(query))))
    if as_json:
        print_json(told)
    else:
        click.echo("\n".join(_lines(told)))


async def _why(folder: Path, start: str, query: str) -> WhyPicture:
    from museion.archive.regions import PictureRegions
    from museion.node.site import Site

    async with Site.open_reading(folder) as archive:
        regions = PictureRegions(archive.pool)
        return await regions.why(archive, archive.catalog.find_id(start), query)


def _lines(told: WhyPicture) -> list[str]:
    edge = "─" * (2 * told.columns)
    rows = ["".join(_shade(cell) * 2 for cell in row) for row in told.relevance]
    similarity = "" if told.similarity is None else f", similarity {told.similarity:.2f}"
    said = [f"text in it: {one_line(each.text)}" for each in told.boxes]
    return [
        f"“{one_line(told.text)}” in {told.id}{similarity}",
        f"┌{edge}┐",
        *(f"│{row}│" for row in rows),
        f"└{edge}┘",
        *said,
    ]


def _shade(relevance: float) -> str:
    return _SHADES[min(len(_SHADES) - 1, int(relevance * len(_SHADES)))]
