"""`museion ingest`: take in files, watch their enrichment, and tell what went wrong."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from museion.base.errors import Unavailable
from museion.cli.main import EXIT_PROBLEMS
from museion.cli.options import json_option, site_option
from museion.cli.stopping import run_until_stopped

if TYPE_CHECKING:
    from museion.archive.ingest import Ingested
    from museion.cli.ingest_report import IngestReport
    from museion.node.site import Site

_LOOK_S = 0.2


@click.command("ingest")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--retry", is_flag=True, help="Try everything in quarantine once more.")
@click.option("--no-wait", is_flag=True, help="Return when the bytes are safe, before enrichment.")
@site_option
@json_option
def command(
    paths: tuple[Path, ...], *, retry: bool, no_wait: bool, folder: Path, as_json: bool
) -> int:
    """Take in files, and everything below folders, at PATHS.

    Content decides: a file that is in the archive already is not taken in again. Broken off at any
    moment, the same command goes on where it stood. Exit status: 0 all is well, 1 some files were
    refused or cannot be shown, 2 nothing could be done.
    """
    if bool(paths) == retry:
        raise click.UsageError("Give files or folders to ingest, or --retry alone.")
    from museion.cli.ingest_report import IngestReport
    from museion.node.site_lock import read_holder

    holder = read_holder(folder)
    is_served = holder is not None and holder.url is not None
    report = IngestReport(as_json=as_json, keeps_refusals=retry or not is_served)
    if holder and holder.url:
        from museion.cli.remote_ingest import ingest_remotely

        run_until_stopped(
            ingest_remotely(holder.url, paths, retry=retry, wait=not no_wait, report=report)
        )
    else:
        run_until_stopped(_ingest(folder, paths, retry=retry, wait=not no_wait, report=report))
    report.finish()
    return EXIT_PROBLEMS if report.problems else 0


async def _ingest(
    folder: Path, paths: tuple[Path, ...], *, retry: bool, wait: bool, report: IngestReport
) -> None:
    from museion.node.site import Site

    started = time.time()
    async with Site.open(folder) as site:
        with report:
            outcomes = site.retry() if retry else _counted(site, paths, report)
            watching = asyncio.create_task(_watch(site, report))
            try:
                async with aclosing(outcomes):
                    async for ingested in outcomes:
                        report.add(ingested)
                if wait:
                    report.stuck(await site.settle())
            except Unavailable:
                report.broken_off()
                raise
            finally:
                watching.cancel()
            report.enriched(site.catalog.counts())
        report.quarantined(site.catalog.quarantine(), since=started)


async def _counted(
    site: Site, paths: tuple[Path, ...], report: IngestReport
) -> AsyncGenerator[Ingested]:
    """Count the files first, so that the bar knows its end; then take them in."""
    from museion.archive.folders import find_files

    def passed_over(folder: Path, reason: OSError) -> None:
        """The ingest itself meets the folder again and refuses it."""

    files = await asyncio.to_thread(lambda: sum(1 for _ in find_files(paths, on_error=passed_over)))
    report.expect(files)
    async with aclosing(site.ingest(*paths)) as outcomes:
        async for ingested in outcomes:
            yield ingested


async def _watch(site: Site, report: IngestReport) -> None:
    while True:
        report.enriched(await asyncio.to_thread(site.catalog.counts))
        await asyncio.sleep(_LOOK_S)
