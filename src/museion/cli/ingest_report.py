"""What an ingest shows: bars while it runs, one line for each problem, a summary at the end."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from types import TracebackType
from typing import Self

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from museion.archive.asset import AssetId
from museion.archive.catalog.records import Counts, QuarantineEntry
from museion.archive.ingest import Ingested, Outcome
from museion.archive.quarantine import one_each
from museion.cli.options import print_json
from museion.cli.terminal_text import decodable, one_line
from museion.node.pipeline import Follower

_LONGEST_LINE = 5000  # the longest path there is, and a reason


_KEPT = "See `museion quarantine`; try again with `museion ingest --retry`."
_NOT_KEPT = (
    "A serving process does not see this command's files, so what was refused is not in its"
    " quarantine: mend the files and run the same command again."
)


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:.1f}/s" if task.speed else "", style="dim")


class IngestReport:
    """Gathers outcomes; `problems` counts what was refused or cannot be shown.

    Args:
        as_json: print objects for programs instead of words for people.
        keeps_refusals: refused files are in quarantine and can be tried from there.
    """

    def __init__(self, *, as_json: bool, keeps_refusals: bool = True) -> None:
        self._as_json = as_json
        self._keeps_refusals = keeps_refusals
        self._started = time.monotonic()
        self._met: set[AssetId] = set()
        self._quarantined = 0
        self._outcomes: Counter[Outcome] = Counter()
        self._console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            _Rate(),
            TimeRemainingColumn(),
            console=self._console,
            disable=as_json or not self._console.is_terminal,
            transient=True,
        )
        self._ingest_bar = self._progress.add_task("Ingest", total=None)
        self._enrichment_bar = self._progress.add_task("Enrich", total=None)
        self.problems = 0

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def expect(self, files: int) -> None:
        """Say how many files there are."""
        self._progress.update(self._ingest_bar, total=files)

    def add(self, ingested: Ingested) -> None:
        """Note what became of one file."""
        self._outcomes[ingested.outcome] += 1
        if ingested.asset_id:
            self._met.add(ingested.asset_id)
        self._progress.advance(self._ingest_bar)
        if self._as_json:
            print_json(_row(ingested))
        place = str(ingested.path or ingested.filename)
        if ingested.outcome is Outcome.REFUSED:
            self._problem("refused", place, ingested.reason, ingested.remedy)
        if ingested.outcome is Outcome.CLEARED:
            self._say(f"cleared: {place}: {ingested.reason}")

    def enriched(self, counts: Counts) -> None:
        """Move the second bar: everything that came in meanwhile and is not pending is done."""
        total = self._outcomes[Outcome.INGESTED]
        total = max(total, counts.pending)
        self._progress.update(
            self._enrichment_bar, total=total or None, completed=max(total - counts.pending, 0)
        )

    def quarantined(self, entries: Sequence[QuarantineEntry], *, since: float) -> None:
        """Name the assets that could not be enriched: those met, or since a moment (Unix time)."""
        for entry in one_each(entries):
            is_new = datetime.fromisoformat(entry.time).timestamp() >= int(since)
            if entry.asset_id and (is_new or entry.asset_id in self._met):
                self._quarantined += 1
                place = entry.place or entry.filename
                self._problem("quarantined", place, entry.reason, entry.remedy)
                if self._as_json:
                    print_json(_failed_row(entry))

    def stuck(self, followers: Sequence[Follower]) -> None:
        """Name the parts that cannot go on."""
        for follower in followers:
            self._problem("waiting", follower.name, follower.trouble or "", "")

    def broken_off(self) -> None:
        """Say what is safe although the site cannot take in more now."""
        done = self._counts() or "nothing ingested"
        self._say(f"broken off: {done}; that much is safe. Run the same command again to go on.")

    def finish(self) -> None:
        """Print the summary."""
        if self._as_json:
            return
        seconds = time.monotonic() - self._started
        click.echo(f"{self._counts() or 'nothing to do'} in {seconds:.1f} s.")
        if self.problems:
            click.echo(_KEPT if self._keeps_refusals else _NOT_KEPT)

    def _counts(self) -> str:
        parts = [f"{count} {outcome}" for outcome, count in sorted(self._outcomes.items())]
        if self._quarantined:
            parts.append(f"{self._quarantined} of them quarantined")
        return ", ".join(parts)

    def _problem(self, what: str, place: str, reason: str, remedy: str) -> None:
        self.problems += 1
        self._say(f"{what}: {place}: {reason} {remedy}".strip())

    def _say(self, text: str) -> None:
        line = one_line(text, longest=_LONGEST_LINE)
        if self._progress.live.is_started:
            self._console.print(line, markup=False, highlight=False, soft_wrap=True)
        else:
            click.echo(line, err=True)


def _row(ingested: Ingested) -> dict[str, object]:
    return {
        "outcome": ingested.outcome,
        "id": ingested.asset_id,
        "filename": ingested.filename,
        "path": decodable(str(ingested.path)) if ingested.path else None,
        "digest": ingested.digest,
        "size_bytes": ingested.size_bytes,
        "reason": ingested.reason or None,
        "remedy": ingested.remedy or None,
    }


def _failed_row(entry: QuarantineEntry) -> dict[str, object]:
    return {
        "outcome": "quarantined",
        "id": entry.asset_id,
        "filename": entry.filename,
        "path": entry.place,
        "processor": entry.processor,
        "reason": entry.reason,
        "remedy": entry.remedy or None,
    }
