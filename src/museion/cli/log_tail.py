"""`museion log tail`: the last events, and new ones as they come."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from museion.cli.log_lines import event_line
from museion.cli.log_place import LogPlace, opened, place_options
from museion.cli.options import json_option, print_json

if TYPE_CHECKING:
    from museion.log.event import Event
    from museion.log.event_store import EventStore
    from museion.log.exports.selection import Selection
    from museion.log.proof.stepping import DamagedAt

_LOOK_EVERY_S = 0.2
_MOST_EVENTS = 1_000_000  # they are all in memory before the first is printed


@click.command("tail")
@click.option(
    "-n",
    "--count",
    type=click.IntRange(0, _MOST_EVENTS),
    default=10,
    show_default=True,
    metavar="N",
    help="How many events.",
)
@click.option("--follow", "-f", is_flag=True, help="Go on with new events until Ctrl-C.")
@click.option("--aggregate", metavar="ID", help="Only events of this aggregate.")
@click.option("--type", "types", metavar="NAME", multiple=True, help="Only events of this type.")
@place_options
@json_option
def command(
    place: LogPlace,
    *,
    count: int,
    follow: bool,
    aggregate: str | None,
    types: tuple[str, ...],
    as_json: bool,
) -> None:
    """Print the last N events, one a line: number, local time, type, aggregate, emitter, size."""
    from museion.log.exports.selection import Selection, last_events

    selection = Selection(aggregate_id=aggregate, type_names=frozenset(types))
    with opened(place) as store:
        state = store.recover()
        events = last_events(store, count, selection, to=state.sequence_nr, floor=state.removed_to)
        _print(events, as_json=as_json)
        if not follow and not as_json and not events and count:
            click.echo("No events fit." if state.sequence_nr else "The log is empty.")
        if follow:
            _follow(store, selection, state.sequence_nr, as_json=as_json)


def _follow(store: EventStore, selection: Selection, position: int, *, as_json: bool) -> None:
    """Look for new events again and again; another process writes them and cannot call us."""
    from museion.log.event import Event
    from museion.log.proof.stepping import walk

    try:
        while True:
            end = store.recover().sequence_nr
            for met in walk(store, after=position, to=end, aggregate_id=selection.aggregate_id):
                if not isinstance(met, Event) or selection.has(met):
                    _print([met], as_json=as_json)
            position = max(position, end)
            time.sleep(_LOOK_EVERY_S)
    except KeyboardInterrupt:
        return  # the way to end it


def _print(events: Iterable[Event | DamagedAt], *, as_json: bool) -> None:
    from museion.log.event import Event
    from museion.log.exports.event_rows import brief_row

    for met in events:
        if not as_json:
            click.echo(event_line(met))
        elif isinstance(met, Event):
            print_json(brief_row(met))
        else:
            print_json({"sequence_nr": met.sequence_nr, "damage": met.error.message})
