"""`museion sites`: which sites belong together, how they are connected, how far each has come."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from museion.cli.options import json_option, print_json, site_option
from museion.cli.terminal_text import one_line

if TYPE_CHECKING:
    from museion.api.site_schemas import Receiving, SiteCard, SitesOverview


@click.group("sites")
def command() -> None:
    """Let sites exchange what they hold: invite, join, connect, and see how they stand."""


@command.command("list")
@site_option
@json_option
def list_sites(folder: Path, *, as_json: bool) -> None:
    """List the sites of the network, this one first."""
    from museion.cli.sites_control import control

    overview = control(folder).overview()
    rows = [{"id": overview.id, "name": overview.name, "url": overview.url, "state": "this site"}]
    rows += [{"id": s.id, "name": s.name, "url": s.url, "state": s.state} for s in overview.sites]
    if as_json:
        for row in rows:
            print_json(row)
        return
    for row in rows:
        click.echo(f"{row['id']}  {_cell(row['name'], 20)}  {row['state']:<14} {row['url'] or '-'}")
    if not overview.sites:
        click.echo(
            "No other site yet. `museion sites invite` here, `museion sites join CODE` there."
        )


@command.command("invite")
@click.option("--valid-hours", type=click.FloatRange(0, 8760, min_open=True), default=24.0)
@click.option("--url", help="Address at which the new site reaches this one.")
@site_option
@json_option
def invite(folder: Path, valid_hours: float, url: str | None, *, as_json: bool) -> None:
    """Print a code that lets one other site in; it is good for one use."""
    from museion.cli.sites_control import control

    made = control(folder).invite(valid_h=valid_hours, url=url)
    if as_json:
        print_json(made)
        return
    click.echo(f"On the other site's machine, within {valid_hours:g} hours:\n")
    click.echo(f"  museion sites join {made.code}")


@command.command("join")
@click.argument("code")
@site_option
@json_option
def join(folder: Path, code: str, *, as_json: bool) -> None:
    """Join the network of the site that made CODE, and connect with it both ways."""
    from museion.cli.sites_control import control

    sites = control(folder)
    _print_card(sites.met(sites.join(code)), as_json=as_json)


@command.command("connect")
@click.argument("site")
@click.option("--only", help="Take only this part, in filter words such as 'collection:Sports'.")
@site_option
@json_option
def connect(folder: Path, site: str, only: str | None, *, as_json: bool) -> None:
    """Connect with SITE (id or name), or change what travels between the two."""
    from museion.cli.sites_control import control

    sites = control(folder)
    _print_card(sites.met(sites.connect(site, only=only)), as_json=as_json)


@command.command("disconnect")
@click.argument("site")
@site_option
@json_option
def disconnect(folder: Path, site: str, *, as_json: bool) -> None:
    """End the connections with SITE; what was exchanged stays, and a new one goes on there."""
    from museion.cli.sites_control import control

    _print_card(control(folder).disconnect(site), as_json=as_json)


@command.command("retire")
@click.argument("site")
@click.option("--yes", is_flag=True, help="Do not ask.")
@site_option
@json_option
def retire(folder: Path, site: str, *, yes: bool, as_json: bool) -> None:
    """Say for good that SITE takes part no more: nothing waits for it, nothing is served to it."""
    if not yes:
        click.confirm(f"Retire {site} for good? It cannot come back under this id", abort=True)
    from museion.cli.sites_control import control

    _print_card(control(folder).retire(site), as_json=as_json)


@command.command("revoke")
@click.argument("site")
@site_option
@json_option
def revoke(folder: Path, site: str, *, as_json: bool) -> None:
    """Trust SITE no more here, as when its key was stolen; other sites decide for themselves."""
    from museion.cli.sites_control import control

    _print_card(control(folder).revoke(site), as_json=as_json)


@command.command("roll-key")
@site_option
@json_option
def roll_key(folder: Path, *, as_json: bool) -> None:
    """Give this site a new key; the others follow, and accept the old one for a day more."""
    from museion.cli.sites_control import control

    overview = control(folder).roll_key()
    if as_json:
        print_json(overview)
    else:
        click.echo(f"{overview.name} signs with a new key.")


@command.command("status")
@site_option
@json_option
def status(folder: Path, *, as_json: bool) -> None:
    """Tell how far this site has come with each other one, and what is in the way."""
    from museion.cli.sites_control import control

    overview = control(folder).overview()
    if as_json:
        print_json(overview)
        return
    for line in _status_lines(overview):
        click.echo(line)


@command.command("recover")
@click.option(
    "--keep-own",
    is_flag=True,
    help="The site wrote on after the loss: begin its log anew, and append what only it has.",
)
@site_option
@json_option
def recover(folder: Path, *, keep_own: bool, as_json: bool) -> None:
    """Bring back from the other sites what this one lost; nothing is written here meanwhile.

    With --keep-own the site must not be served. It may be repeated, also after a crash.
    """
    if keep_own:
        _recover_and_keep_own(folder, as_json=as_json)
        return
    from museion.cli.sites_control import control
    from museion.node.site_lock import read_holder
    from museion.node.sites.forked_site import recover_unserved
    from museion.node.sites.site_files import forked_log

    holder = read_holder(folder)
    if holder is None or holder.url is None:
        asyncio.run(recover_unserved(folder))
        overview = control(folder).overview()
    else:
        overview = control(folder).recover(on_step=None if as_json else _show_step)
    if as_json:
        print_json(overview)
        return
    click.echo("Recovered: this site holds again what the others know of it.")
    if forked_log(folder) is not None:
        click.echo("What only its forked log has is still to come: stop the site, then --keep-own.")


def _recover_and_keep_own(folder: Path, *, as_json: bool) -> None:
    from museion.node.sites.forked_site import recover_and_keep_own

    def show(step: str) -> None:
        click.echo(f"{step} …", err=True)

    kept = asyncio.run(recover_and_keep_own(folder, on_step=None if as_json else show))
    if as_json:
        print_json(kept)
    elif kept.forked_log is None:
        click.echo("Recovered: this site had not written on, so there was nothing to append.")
    else:
        click.echo(
            "Recovered: this site holds again what the others know of it, and behind that"
            f" {kept.events} event{'' if kept.events == 1 else 's'} that only it has."
        )
        click.echo(f"Its forked log lies in {kept.forked_log}; delete it when all is well.")


def _show_step(step: str, done: int, total: int) -> None:
    click.echo(f"{step}: {done} of {total} events", err=True)


def _print_card(card: SiteCard, *, as_json: bool) -> None:
    if as_json:
        print_json(card)
        return
    click.echo(f"{card.name} ({card.id}): {card.state}")
    if card.receives is not None and card.receives.error:
        click.echo(f"  {one_line(card.receives.error)} {one_line(card.receives.remedy)}")


def _status_lines(overview: SitesOverview) -> Sequence[str]:
    lines = [f"{overview.name} ({overview.id})", f"  reached at {overview.url or 'no address'}"]
    if overview.needs_recovery:
        lines.append("  This site lost events that others know. Run `museion sites recover`.")
    if overview.conflicts:
        lines.append(f"  {overview.conflicts} conflicts wait for a person: museion conflicts list")
    waiting = overview.blobs.waiting
    lines.append(f"  blobs: {overview.blobs.policy}, {waiting} on their way")
    for card in overview.sites:
        lines += _card_lines(card)
    return lines


def _card_lines(card: SiteCard) -> Sequence[str]:
    lines = [f"{_cell(card.name, 20)} {card.state}"]
    if card.receives is not None:
        lines.append(f"  receives {card.receives.filter or 'everything'}: {_behind(card.receives)}")
        if card.receives.error:
            lines.append(f"  {one_line(card.receives.error)} {one_line(card.receives.remedy)}")
    if card.sends is not None:
        part = card.sends.filter or "everything"
        lines.append(f"  gives {part}: it {_events_behind(card.sends.lag_events)}")
    return lines


def _behind(receives: Receiving) -> str:
    if receives.error:
        return f"not heard from for {receives.lag_s:.0f} s"
    if not receives.lag_events:
        return "has all of it"
    return f"{_events_behind(receives.lag_events)}, by {receives.lag_s:.1f} s"


def _events_behind(events: int) -> str:
    if not events:
        return "has all of it"
    return "is 1 event behind" if events == 1 else f"is {events} events behind"


def _cell(text: str | None, width: int) -> str:
    return f"{one_line(text or '-', longest=width):<{width}}"
