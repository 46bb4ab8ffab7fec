"""`museion log verify`: proof that a log is as it was written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from museion.cli.log_place import LogPlace, opened, place_options
from museion.cli.log_progress import Progress
from museion.cli.options import json_option, print_json
from museion.cli.terminal_text import one_line

if TYPE_CHECKING:
    from museion.log.proof.findings import AnyFinding
    from museion.log.proof.verification import Step, Verification

_STATUS_WHOLE = 0
_STATUS_DAMAGED = 1


@click.command("verify")
@click.option(
    "--expect-head",
    "heads",
    metavar="HEX",
    multiple=True,
    help="A head digest noted earlier; it must be in the log still. May be repeated.",
)
@place_options
@json_option
def command(place: LogPlace, *, heads: tuple[str, ...], as_json: bool) -> int:
    """Prove that nothing was damaged, changed, lost or moved since it was written.

    Prints a line for each finding. Ends with 1 when there is damage, with 0 when there is none.
    Note the head digest at another place: it proves later that the past was not rewritten.
    """
    with Progress(hidden=as_json) as progress:
        report = _Report(progress, as_json=as_json)
        verification = _verify(place, heads, report)
    return report.finish(verification)


def _verify(place: LogPlace, heads: tuple[str, ...], report: _Report) -> Verification | None:
    """Verify in another process where the store maps its file; a broken one can end a process."""
    from museion.log.proof.verification import verify
    from museion.log.proof.verification_process import verify_apart

    folder = place.folder()
    if folder is not None:
        return verify_apart(
            folder, expected_heads=heads, on_finding=report.add, on_step=report.step
        )
    with opened(place) as store:
        return verify(store, expected_heads=heads, on_finding=report.add, on_step=report.step)


class _Report:
    def __init__(self, progress: Progress, *, as_json: bool) -> None:
        self._progress = progress
        self._as_json = as_json
        self._damage = 0

    def step(self, step: Step) -> None:
        self._progress.show(f"Verify {step.part}", step.sequence_nr, step.to)

    def add(self, finding: AnyFinding) -> None:
        """Print a finding as it is found."""
        self._damage += finding.is_damage
        if self._as_json:
            print_json(
                {
                    "finding": finding.kind,
                    "sequence_nr": finding.sequence_nr or None,
                    "is_damage": finding.is_damage,
                    "message": finding.message,
                    "remedy": finding.remedy,
                    "details": finding,
                }
            )
            return
        self._progress.clear()
        mark = "damage" if finding.is_damage else "note"
        click.echo(one_line(f"{mark}: {finding.message} {finding.remedy}", longest=5000))

    def finish(self, verification: Verification | None) -> int:
        """Print the summary and return the exit status."""
        if self._as_json:
            print_json(_row(verification, self._damage))
        elif verification is None:
            click.echo("The end of the log was not reached.")
        else:
            _print(verification)
        return _STATUS_DAMAGED if self._damage else _STATUS_WHOLE


def _row(done: Verification | None, damage: int) -> dict[str, object]:
    if done is None:
        return {"complete": False, "whole": False, "damage": damage}
    return {
        "complete": True,
        "whole": damage == 0,
        "damage": damage,
        "log_id": done.log_id,
        "sequence_nr": done.sequence_nr,
        "removed_to": done.removed_to,
        "events": done.events,
        "proven": done.proven,
        "unproven": done.unproven,
        "index_entries": done.index_entries,
        "findings": done.findings,
        "head": done.head,
        "heads": done.heads,
    }


def _print(done: Verification) -> None:
    verdict = f"{done.damage} faults" if done.damage else "The log is whole"
    removed = f", those up to {done.removed_to} were removed in order" if done.removed_to else ""
    click.echo(
        f"{verdict}: {done.events:,} events up to {done.sequence_nr}{removed}; {done.proven:,}"
        f" proven by their chain, {done.unproven:,} not; {done.index_entries:,} index entries."
    )
    if done.head is not None:
        own = done.heads[done.log_id]
        click.echo(f"Head: {own.digest} (event {own.sequence_nr})")
