"""`museion search`: hits for words, filters, or a picture."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from museion.cli.options import json_option, print_json, site_option
from museion.cli.terminal_text import decodable, one_line

if TYPE_CHECKING:
    from museion.archive.finding.ranking import Mode
    from museion.archive.searching import Answer, Asking, Hit

_LONGEST_CAPTION = 300
_MAY_FIT = "     These may fit:"
_NOTHING_FITS_WELL = "     Nothing fits well; these may fit:"


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
@click.option(
    "--mode",
    type=click.Choice(["all", "words", "meaning"]),
    default="all",
    show_default=True,
    help="Listen to words only, to meaning only, or to both.",
)
@click.option("--all-alike", is_flag=True, help="Show every hit of those that look the same.")
@click.option("--no-cut", is_flag=True, help="Show also what fits less than weakly.")
@site_option
@json_option
def command(
    query: tuple[str, ...],
    *,
    like: Path | None,
    limit: int,
    mode: Mode,
    all_alike: bool,
    no_cut: bool,
    folder: Path,
    as_json: bool,
) -> int:
    """Find assets by QUERY: words, "exact phrases", -excluded and filters.

    Words are understood, in English and German: two kids on a red slide last summer, no adults,
    landscape. What is quoted, or behind a backslash, is not.

    Filters: type:photo after:2020-05 before:2021 date:"last week" camera:nikon rating:>=3
    tag:harbour collection:Sports person:"Anna Maier" place:Vienna place-near:48.2,16.37,5km
    orientation:landscape colour:red rights:free size:<5MB title:beach* caption:* width:>4000
    like:ID without:people. AND, OR, NOT and parentheses join them.
    """
    for word in query:
        if word.startswith("--"):
            raise click.NoSuchOption(word)
    text = decodable(" ".join(query))
    if not (text.strip() or like):
        raise click.UsageError("Give words to search for, or --like FILE.")
    from museion.archive.searching import Asking

    if like and mode == "words":
        raise click.UsageError("A picture has no words: leave out --mode words, or --like.")
    asking = Asking(mode=mode, collapses=not all_alike, cuts=not no_cut)
    answer = asyncio.run(_search(folder, text, like, limit, asking))
    if as_json:
        for hit in answer.hits:
            print_json(_row(hit))
    else:
        _print(answer)
    return 0


async def _search(folder: Path, text: str, like: Path | None, limit: int, asking: Asking) -> Answer:
    from museion.node.site import Site

    async with Site.open_reading(folder) as archive:
        pending = archive.catalog.counts().pending
        if pending:
            click.echo(f"{pending} assets are not enriched yet; they may be missed.", err=True)
        if like:
            return await archive.search_like(like, text, limit=limit, asking=asking)
        return await archive.search(text, limit=limit, asking=asking)


def _print(answer: Answer) -> None:
    _print_query(answer)
    strength = None
    for rank, hit in enumerate(answer.hits, 1):
        if hit.strength == "weak" != strength:
            click.echo(_MAY_FIT if rank > 1 else _NOTHING_FITS_WELL)
        strength = hit.strength
        _print_hit(rank, hit)
    shown = len(answer.hits)
    if shown == 0:
        click.echo("Nothing fits. Try fewer words or filters.")
    elif answer.total > shown:
        click.echo(f"{shown} of {answer.total} hits; --limit shows more.")
    elif answer.strong is not None:
        click.echo("Nothing else fits.")


def _print_query(answer: Answer) -> None:
    """Say how a query was understood where that is not plain from how it was typed."""
    understood = [chip for chip in answer.query.chips if chip.as_words]
    if understood:
        click.echo(f"Understood: {', '.join(one_line(chip.label) for chip in answer.query.chips)}.")
    for typed, meant in answer.corrected.items():
        click.echo(f"Nothing says “{one_line(typed)}”; looked for “{one_line(meant)}”.")


def _print_hit(rank: int, hit: Hit) -> None:
    from museion.archive.explaining import clock

    asset = hit.asset
    when = (asset.capture_time or "")[:10]
    at = f" @ {clock(hit.moments[0].start_s)}" if hit.moments else ""
    click.echo(f"{rank:>3}. {one_line(asset.filename)}{at}  {when}  {asset.id}")
    if asset.caption:
        click.echo(f"     {one_line(asset.caption, longest=_LONGEST_CAPTION)}")
    why = one_line("; ".join(reason.text for reason in hit.why))
    click.echo(f"     {hit.score:.4f}  {why}")


def _row(hit: Hit) -> dict[str, object]:
    asset = hit.asset
    return {
        "id": asset.id,
        "filename": asset.filename,
        "digest": asset.digest,
        "score": hit.score,
        "scores": hit.scores,
        "why": hit.why,
        "strength": hit.strength,
        "moments": hit.moments,
        "alike": hit.alike,
        "kind": asset.kind,
        "media_type": asset.media_type,
        "capture_time": asset.capture_time,
        "title": asset.title,
        "caption": asset.caption,
    }
