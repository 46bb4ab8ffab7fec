"""`museion log export`: events as JSON lines, Arrow or Parquet."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from museion.base.errors import Conflict
from museion.cli.log_place import LogPlace, opened, place_options
from museion.cli.log_progress import Progress

if TYPE_CHECKING:
    from museion.log.event_store import EventStore
    from museion.log.exports.export import EventWriter, Exported, ExportFormat
    from museion.log.exports.selection import Selection

_FORMATS = ("jsonl", "arrow", "parquet")
_STDOUT = "-"


class FileExists(Conflict):
    """The file is there already; nothing was written."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} exists already.", remedy="Name another, or add --replace.")


@click.command("export")
@click.option("--out", metavar="FILE", required=True, help="File to write; - for standard output.")
@click.option(
    "--format",
    "format_name",
    type=click.Choice(_FORMATS),
    help="How it is written; by the ending of FILE, else jsonl, if left out.",
)
@click.option("--after", type=click.IntRange(0), default=0, metavar="N", help="Events above N.")
@click.option("--to", type=click.IntRange(0), metavar="N", help="Events up to N.")
@click.option("--aggregate", metavar="ID", help="Only events of this aggregate.")
@click.option("--type", "types", metavar="NAME", multiple=True, help="Only events of this type.")
@click.option("--replace", is_flag=True, help="Replace FILE if it is there.")
@place_options
def command(
    place: LogPlace,
    *,
    out: str,
    format_name: str | None,
    after: int,
    to: int | None,
    aggregate: str | None,
    types: tuple[str, ...],
    replace: bool,
) -> None:
    """Write events to FILE for other programs, in the order of the log.

    FILE appears when it is complete. The last line says where the next export goes on (--after).
    """
    from museion.log.exports.selection import Selection

    chosen = Selection(after=after, to=to, aggregate_id=aggregate, type_names=frozenset(types))
    with opened(place) as store:
        if out == _STDOUT:
            _to_stdout(store, chosen, format_name)
            return
        path = Path(out)
        if path.exists() and not replace:
            raise FileExists(path)
        export_format = _format(format_name, path)
        done = _to_file(store, chosen, path, export_format)
    click.echo(
        f"{done.events:,} events in {path} as {export_format}; the next: --after {done.last}"
    )


def _format(name: str | None, path: Path) -> ExportFormat:
    from museion.log.exports.export import ExportFormat

    ending = path.suffix.removeprefix(".").lower()
    return ExportFormat(name or (ending if ending in _FORMATS else "jsonl"))


def _to_file(
    store: EventStore, chosen: Selection, path: Path, export_format: ExportFormat
) -> Exported:
    from museion.log.exports.export import writing

    with Progress() as progress, writing(path, export_format) as writer:
        return _export(store, writer, chosen, progress)


def _to_stdout(store: EventStore, chosen: Selection, format_name: str | None) -> None:
    from museion.log.exports.export import JsonLines

    if format_name not in {None, "jsonl"}:
        raise click.UsageError(f"{format_name} needs a file; standard output takes jsonl only.")
    _export(store, JsonLines(sys.stdout.buffer), chosen, Progress(hidden=True))


def _export(
    store: EventStore, writer: EventWriter, chosen: Selection, progress: Progress
) -> Exported:
    from museion.log.exports.export import export

    end = chosen.to or store.recover().sequence_nr
    return export(
        store, writer, chosen, on_event=lambda number: progress.show("Export", number, end)
    )
