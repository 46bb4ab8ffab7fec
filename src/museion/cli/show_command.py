"""`museion show`: everything about one asset."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from museion.cli.options import human_size, json_option, print_json, site_option
from museion.cli.terminal_text import one_line

if TYPE_CHECKING:
    from museion.archive.catalog.records import AssetDetail


@click.command("show")
@click.argument("asset_id")
@site_option
@json_option
def command(asset_id: str, folder: Path, *, as_json: bool) -> None:
    """Show the asset whose id or digest is, or begins with, ASSET_ID."""
    detail = asyncio.run(_detail(folder, asset_id))
    if as_json:
        print_json(detail)
    else:
        click.echo("\n".join(one_line(each) for each in _lines(detail)))


async def _detail(folder: Path, start: str) -> AssetDetail:
    from museion.node.site import Site

    async with Site.open_reading(folder) as archive:
        return await archive.asset(archive.catalog.find_id(start))


def _lines(detail: AssetDetail) -> list[str]:
    from museion.archive.catalog.shown_fields import shown_fields

    asset = detail.summary
    rows = [
        ("id", asset.id),
        ("digest", asset.digest),
        ("kind", f"{asset.media_type}, {human_size(asset.size_bytes)}"),
        ("state", asset.state),
        ("ingested", asset.ingest_time),
        *(
            (field.label, f"{field.value}  ({field.source})")
            for field in shown_fields(detail.values)
        ),
        *_said(detail),
        ("Labels", ", ".join(f"{each.word} {each.score:.2f}" for each in detail.labels)),
        *((r.rendition, f"{r.width}×{r.height} {r.media_type}") for r in detail.renditions),
        ("fingerprint", asset.fingerprint or ""),
        *(("from", source) for source in detail.sources),
        *((f"failed: {f.processor}", f"{f.reason} {f.remedy}") for f in detail.failures),
    ]
    width = max(len(name) for name, _ in rows)
    return [asset.filename, *(f"  {name:<{width}}  {value}" for name, value in rows if value)]


def _said(detail: AssetDetail) -> list[tuple[str, str]]:
    """Return what people said: every version of a field, and the changes that can be undone."""
    people = detail.people
    rows = [
        (
            f"{field.label}, in conflict" if field.in_conflict else field.label,
            f"{version.text or '(empty)'}  ({version.by}, {version.time[:10]})",
        )
        for field in people.fields
        for version in field.versions
    ]
    rows += [("comment", f"{each.text}  ({each.by}, {each.time[:10]})") for each in people.comments]
    rows += [
        ("change", f"{each.id}  {', '.join(each.fields)}  ({each.by}, {each.time[:10]})")
        for each in people.changes
    ]
    return rows
