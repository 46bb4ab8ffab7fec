"""`museion log show`: everything about one event."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import click

from museion.cli.log_lines import event_line
from museion.cli.log_place import LogPlace, NoSuchEvent, opened, place_options
from museion.cli.options import human_size, json_option, print_json
from museion.cli.terminal_text import one_line

if TYPE_CHECKING:
    from museion.log.event import Event, EventId
    from museion.log.event_store import EventStore, StoreState

_LONGEST_LINE = 100_000
_LONGEST_CHAIN = 1000


@click.command("show")
@click.argument("event", metavar="NR|EVENT_ID")
@click.option("--why", is_flag=True, help="Also list the events that led to it, nearest first.")
@place_options
@json_option
def command(event: str, place: LogPlace, *, why: bool, as_json: bool) -> None:
    """Show everything about one event: by its number in this log, or by its id ORIGIN:TIME.

    The payload is shown as far as it tells itself: maps of msgpack, JSON, text; else as base64.
    """
    from museion.log.exports.event_rows import full_row

    with opened(place) as store:
        state = store.recover()
        found = _find(store, state, event)
        causes = [*_causes(store, state, found)] if why else []
        if as_json:
            row = full_row(found) | {"deleted": found.sequence_nr <= state.deleted_to}
            print_json(row | ({"why": [full_row(each) for each in causes]} if why else {}))
            return
        _print(full_row(found), is_deleted=found.sequence_nr <= state.deleted_to)
        if why:
            _print_causes(found, causes)


def _find(store: EventStore, state: StoreState, text: str) -> Event:
    from museion.log.exports.event_rows import parse_event_id

    event_id = parse_event_id(text)
    if event_id is not None:
        found = _by_id(store, event_id, state)
        if found is None:
            raise NoSuchEvent(text, "no event has this id")
        return found
    if not (text.isascii() and text.isdigit()):
        raise click.UsageError(f"Expected a number or an event id ORIGIN:TIME, got {text!r}.")
    return _by_number(store, int(text), state)


def _by_number(store: EventStore, number: int, state: StoreState) -> Event:
    if not 1 <= number <= state.sequence_nr:
        end = state.sequence_nr
        reason = f"its numbers go from 1 to {end}" if end else "the log is empty"
        raise NoSuchEvent(str(number), reason)
    if number <= state.removed_to:
        raise NoSuchEvent(str(number), f"events up to {state.removed_to} were removed")
    found = store.read(after=number - 1, limit=1)
    if not found or found[0].sequence_nr != number:
        raise NoSuchEvent(str(number), "this number was skipped, or the event is lost")
    return found[0]


def _by_id(store: EventStore, event_id: EventId, state: StoreState) -> Event | None:
    """Find an event by its id: at its own number where this log wrote it, else by looking."""
    from museion.log.event import Event
    from museion.log.proof.stepping import walk

    if event_id.process_id == state.log_id and 1 <= event_id.time <= state.sequence_nr:
        for near in walk(store, after=event_id.time - 1, to=event_id.time):
            if isinstance(near, Event) and near.id == event_id:
                return near
    for met in walk(store, after=state.removed_to, to=state.sequence_nr):
        if isinstance(met, Event) and met.id == event_id:
            return met
    return None


def _causes(store: EventStore, state: StoreState, event: Event) -> Iterator[Event]:
    met = {event.id}
    found: Event | None = event
    while found is not None and found.cause is not None and len(met) < _LONGEST_CHAIN:
        if found.cause in met:
            return
        found = _by_id(store, found.cause, state)
        if found is not None:
            met.add(found.id)
            yield found


def _print(row: Mapping[str, object], *, is_deleted: bool) -> None:
    payload, form = row["payload"], row["payload_form"]
    for name, value in row.items():
        if name in {"payload", "payload_form", "size_bytes"} or value is None or value == []:
            continue
        text = " ".join(map(str, value)) if isinstance(value, list) else str(value)
        _line(f"{name:<17} {text}")
    if is_deleted:
        _line(f"{'deleted':<17} yes: replay does not find it any more")
    size = row["size_bytes"]
    assert isinstance(size, int), "a size is a number"
    _line(f"{'payload':<17} {human_size(size)}, {_explained(form, row['subject_key_id'])}")
    if payload is not None:
        _print_value(payload)


def _explained(form: object, subject_key_id: object) -> str:
    if form == "encrypted":
        return f"encrypted under the key {subject_key_id}; erased for good where that is destroyed"
    return "base64 of bytes that do not tell themselves" if form == "binary" else str(form)


def _print_value(value: object) -> None:
    import msgspec

    if isinstance(value, str):
        text = value
    else:
        text = msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    for line in text.splitlines():
        _line(f"  {line}")


def _print_causes(event: Event, causes: list[Event]) -> None:
    from museion.log.exports.event_rows import event_id_text

    if event.cause is None:
        click.echo("Nothing led to it: it names no cause.")
        return
    click.echo("Because of:")
    for each in causes:
        click.echo(event_line(each))
    last = causes[-1] if causes else event
    if last.cause is not None:
        click.echo(one_line(f"  and {event_id_text(last.cause)}, which is not in this log."))


def _line(text: str) -> None:
    click.echo(one_line(text, longest=_LONGEST_LINE))
