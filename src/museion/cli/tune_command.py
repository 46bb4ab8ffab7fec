"""`museion tune`: fit the weights of a site's search to judged queries."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from museion.cli.options import json_option, print_json, site_option

if TYPE_CHECKING:
    from museion.archive.archive import ArchiveReader
    from museion.cli.evaluate_control import Questions
    from museion.search.fusion import FusionSettings
    from museion.search.tuning import Tuned

_EXIT_PROBLEMS = 1


@click.command("tune")
@click.argument("queries", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("-k", "--depth", type=click.IntRange(1, 500), default=10, show_default=True)
@click.option("--trials", type=click.IntRange(1, 1000), default=30, show_default=True)
@click.option("--folds", type=click.IntRange(2, 20), default=5, show_default=True)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of chance.")
@click.option("--write", is_flag=True, help="Put better weights into museion.toml.")
@site_option
@json_option
def command(
    queries: Path,
    *,
    depth: int,
    trials: int,
    folds: int,
    seed: int,
    write: bool,
    folder: Path,
    as_json: bool,
) -> int:
    """Find better weights for words and meaning by QUERIES, as `museion evaluate` reads them.

    What is measured is nDCG@k on queries that the weights were not fitted to. Weights that are not
    better there than the present ones, by more than chance makes, are never written. It asks every
    query up to --trials × (--folds + 1) times.

    Exit status 1: lines or names were passed over.
    """
    tuned, questions = asyncio.run(_tune(folder, queries, depth, trials, folds, seed))
    is_written = write and tuned.is_better
    if is_written:
        from museion.node.settings_file import write_fusion

        write_fusion(folder, tuned.best)
    if as_json:
        print_json(_row(tuned, is_written=is_written))
    else:
        _print(tuned, f"nDCG@{depth}", is_written=is_written)
    return _EXIT_PROBLEMS if questions.problems else 0


async def _tune(
    folder: Path, path: Path, depth: int, trials: int, folds: int, seed: int
) -> tuple[Tuned, Questions]:
    from museion.cli.evaluate_control import read_questions, tell_problems
    from museion.cli.log_progress import Progress
    from museion.node.settings import read_settings
    from museion.node.site import Site
    from museion.search.tuning import tune

    async with Site.open_reading(folder) as archive:
        questions = read_questions(path, archive)
        tell_problems(questions.problems)
        most = trials * (folds + 1) + 1
        with Progress() as progress:
            tuned = tune(
                _Scoring(archive, questions, depth),
                present=read_settings(folder).fusion,
                trials=trials,
                folds=folds,
                seed=seed,
                on_tried=lambda tried: progress.show("settings tried", tried, most),
            )
        return tuned, questions


class _Scoring:
    """Measures nDCG@k of every query to which something is relevant."""

    def __init__(self, archive: ArchiveReader, questions: Questions, depth: int) -> None:
        self._archive = archive
        self._queries = [each for each in questions.queries if each.relevant]
        self._depth = depth

    def __call__(self, settings: FusionSettings) -> Sequence[float]:
        from museion.archive.evaluating import asking
        from museion.archive.finding.ranker import Asking
        from museion.search.evaluation import evaluate

        ask = asking(self._archive.searcher, Asking(fusion=settings), depth=self._depth)
        return evaluate(self._queries, ask, depth=self._depth).values(f"nDCG@{self._depth}")


def _print(tuned: Tuned, measure: str, *, is_written: bool) -> None:
    from museion.cli.evaluate_command import verdict_line

    comparison = tuned.comparison
    for name, interval in (("present", comparison.first), ("tuned", comparison.second)):
        low, high = 100 * interval.low, 100 * interval.high
        click.echo(f"{name:<8} {measure} {100 * interval.value:5.1f} % ({low:.1f} to {high:.1f})")
    click.echo(verdict_line(measure, comparison, better="The tuned search"))
    click.echo(f"{comparison.queries} queries, {tuned.tried} settings tried.")
    if not tuned.is_better:
        click.echo("The present settings stay: nothing is shown to be better.")
        return
    for name, value in asdict(tuned.best).items():
        click.echo(f"search_{name} = {value:g}")
    written = "Written to museion.toml; a server takes it over when it starts again."
    click.echo(written if is_written else "--write puts them into museion.toml.")


def _row(tuned: Tuned, *, is_written: bool) -> dict[str, object]:
    from museion.cli.evaluate_command import comparison_row

    return {
        "present": asdict(tuned.present),
        "best": asdict(tuned.best),
        "before": asdict(tuned.comparison.first),
        "after": asdict(tuned.comparison.second),
        **comparison_row("nDCG", tuned.comparison),
        "tried": tuned.tried,
        "is_better": tuned.is_better,
        "written": is_written,
    }
