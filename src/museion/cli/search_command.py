"""`museion search`: hits for words, filters, or a picture."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from museion.cli.options import json_option, print_json, site_option
from museion.cli.terminal_text import decodable, one_line

if TYPE_CHECKING:
    from museion.archive.searching import Answer, Hit

_LONGEST_CAPTION = 300


@click.command(
    "search",
    # `-night` is a word to leave out, not an option; so there are no one-letter options here.
    context_settings={"ignore_unknown_options": True, "help_option_names": ["--help"]},
)
@click.argument("query", nargs=-1)
@click.option(
    "--like",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Find assets that look like the picture in this file.",
)
@click.option("--limit", type=click.IntRange(1, 500), default=20, show_default=True)
@site_option
@json_option
def command(
    query: tuple[str, ...], *, like: Path | None, limit: int, folder: Path, as_json: bool
) -> int:
    """Find assets by QUERY: words, "exact phrases", -excluded and filters.

    Filters: type:photo after:2020-05 before:2021 camera:nikon rating:>=3 tag:harbour
    place-near:Vienna place-near:48.2,16.37,5km.
    """
    for word in query:
        if word.startswith("--"):
            raise click.NoSuchOption(word)
    text = decodable(" ".join(query))
    if bool(text.strip()) == bool(like):
        raise click.UsageError("Give words to search for, or --like FILE.")
    answer = asyncio.run(_search(folder, text, like, limit))
    if as_json:
        for hit in answer.hits:
            print_json(_row(hit))
    else:
        _print(answer)
    return 0


async def _search(folder: Path, text: str, like: Path | None, limit: int) -> Answer:
    from museion.node.site import Site

    async with Site.open_reading(folder) as archive:
        pending = archive.catalog.counts().pending
        if pending:
            click.echo(f"{pending} assets are not enriched yet; they may be missed.", err=True)
        if like:
            return await archive.search_like(like, limit=limit)
        return await archive.search(text, limit=limit)


def _print(answer: Answer) -> None:
    for rank, hit in enumerate(answer.hits, 1):
        asset = hit.asset
        when = (asset.capture_time or "")[:10]
        click.echo(f"{rank:>3}. {one_line(asset.filename)}  {when}  {asset.id}")
        if asset.caption:
            click.echo(f"     {one_line(asset.caption, longest=_LONGEST_CAPTION)}")
        why = one_line("; ".join(reason.text for reason in hit.why))
        click.echo(f"     {hit.score:.4f}  {why}")
    shown = len(answer.hits)
    if shown == 0:
        click.echo("Nothing fits. Try fewer words or filters.")
    elif answer.total > shown:
        click.echo(f"{shown} of {answer.total} hits; --limit shows more.")


def _row(hit: Hit) -> dict[str, object]:
    asset = hit.asset
    return {
        "id": asset.id,
        "filename": asset.filename,
        "digest": asset.digest,
        "score": hit.score,
        "scores": hit.scores,
        "why": hit.why,
        "kind": asset.kind,
        "media_type": asset.media_type,
        "capture_time": asset.capture_time,
        "title": asset.title,
        "caption": asset.caption,
    }
