"""`museion log stats`: what a log holds, in numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click

from museion.cli.log_place import LogPlace, opened, place_options
from museion.cli.log_progress import Progress
from museion.cli.options import human_size, json_option, print_json
from museion.cli.terminal_text import one_line

if TYPE_CHECKING:
    from museion.log.event_store import EventStore, StoreState

_SHOWN = 20
_PAGE = 1000
_SHOW_EVERY = 512


@click.command("stats")
@place_options
@json_option
def command(place: LogPlace, *, as_json: bool) -> None:
    """Count events by type and origin, and tell how far each reader of the log has come."""
    with opened(place) as store, Progress(hidden=as_json) as progress:
        state = store.recover()
        counted = _count(store, state, progress)
        row = _row(store, state, counted, place.folder())
    if as_json:
        print_json(row)
    else:
        _print(row)


@dataclass(slots=True)
class _Counted:
    events: int = 0
    damaged: int = 0
    payload_bytes: int = 0
    first_ms: int | None = None
    last_ms: int | None = None
    types: Counter[str] = field(default_factory=Counter)
    origins: Counter[str] = field(default_factory=Counter)


def _count(store: EventStore, state: StoreState, progress: Progress) -> _Counted:
    from museion.log.proof.stepping import DamagedAt, walk

    counted = _Counted()
    for met in walk(store, after=state.removed_to, to=state.sequence_nr):
        if isinstance(met, DamagedAt):
            counted.damaged += 1
            continue
        counted.events += 1
        counted.payload_bytes += len(met.payload)
        counted.types[met.type_name] += 1
        counted.origins[met.process_id] += 1
        if counted.first_ms is None:
            counted.first_ms = met.system_time_ms
        counted.last_ms = met.system_time_ms
        if counted.events % _SHOW_EVERY == 0:
            progress.show("Count events", met.sequence_nr, state.sequence_nr)
    return counted


def _row(
    store: EventStore, state: StoreState, counted: _Counted, folder: Path | None
) -> dict[str, object]:
    from museion.log.exports.event_rows import iso_time

    first, last = counted.first_ms, counted.last_ms
    return {
        "log_id": state.log_id,
        "sequence_nr": state.sequence_nr,
        "deleted_to": state.deleted_to,
        "removed_to": state.removed_to,
        "events": counted.events,
        "damaged": counted.damaged,
        "payload_bytes": counted.payload_bytes,
        "file_bytes": _file_size(folder) if folder else None,
        "aggregates": _aggregates(store),
        "first_time": None if first is None else iso_time(first),
        "last_time": None if last is None else iso_time(last),
        "types": dict(counted.types.most_common()),
        "origins": dict(counted.origins.most_common()),
        "readers": {
            name: {"position": position, "lag": max(0, state.sequence_nr - position)}
            for name, position in sorted(store.all_progress().items())
        },
    }


def _aggregates(store: EventStore) -> int:
    count, after = 0, ""
    while page := store.aggregate_ids(after=after, limit=_PAGE):
        count, after = count + len(page), page[-1]
    return count


def _file_size(folder: Path) -> int:
    return (folder / "data.mdb").stat().st_size


def _print(row: Mapping[str, object]) -> None:
    for name, value in row.items():
        if name.endswith("_bytes") and isinstance(value, int):
            _line(f"{name.removesuffix('_bytes'):<14} {human_size(value)}")
        elif isinstance(value, dict):
            _print_table(name, value)
        else:
            _line(f"{name:<14} {value if value is not None else '-'}")


def _print_table(name: str, table: Mapping[str, object]) -> None:
    if not table:
        return
    _line(f"{name}:")
    for key, value in [*table.items()][:_SHOWN]:
        text = (
            f"at {value['position']}, {value['lag']} behind" if isinstance(value, dict) else value
        )
        _line(f"  {key:<40} {text}")
    if len(table) > _SHOWN:
        _line(f"  and {len(table) - _SHOWN} more; --json lists all")


def _line(text: str) -> None:
    click.echo(one_line(text))
