"""`museion judgements`: what people said of hits, for people and for an evaluation."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from museion.cli.options import json_option, print_json, site_option
from museion.cli.terminal_text import decodable, one_line

if TYPE_CHECKING:
    from museion.archive.catalog.judgement_reader import JudgementRecord

_query_option = click.option("--query", default="", help="Only those on this query.")
_by_option = click.option("--by", default="", metavar="NAME", help="Only those of this person.")


@click.group("judgements")
def command() -> None:
    """List what people said of hits, or export it to measure by."""


@command.command("list")
@_query_option
@_by_option
@site_option
@json_option
def list_judgements(query: str, by: str, folder: Path, *, as_json: bool) -> None:
    """List the verdicts that stand."""
    shown = None
    for each in _judgements(folder, query, by):
        if as_json:
            print_json(each)
            continue
        if each.query != shown:
            click.echo(f"“{one_line(each.query)}”")
            shown = each.query
        mark = "+" if each.verdict > 0 else "−"
        click.echo(f"  {mark} {one_line(each.filename):<32} {each.asset_id}  {one_line(each.by)}")


@command.command("export")
@_query_option
@_by_option
@site_option
def export(query: str, by: str, folder: Path) -> None:
    """Print a JSON line a query, as `museion evaluate` and `museion tune` read them.

    Each judged asset has 1 if it fits and 0 if not, as most people said; where there is no
    majority, it is left out.
    """
    from museion.archive.judging import export_rows

    for row in export_rows(_judgements(folder, query, by)):
        print_json(row)


def _judgements(folder: Path, query: str, by: str) -> list[JudgementRecord]:
    from museion.archive.catalog.reader import Catalog
    from museion.node.settings import read_settings

    read_settings(folder)
    with closing(Catalog(folder / "catalog.sqlite")) as catalog:
        return catalog.judgements.page(query=decodable(query).strip(), by=decodable(by).strip())
