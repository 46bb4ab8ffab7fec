"""`museion evaluate`: how well a site finds what is relevant, and which of two ways is better."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from museion.cli.options import json_option, print_json, site_option
from museion.cli.terminal_text import one_line

if TYPE_CHECKING:
    from museion.archive.search_ways import Way
    from museion.cli.evaluate_control import Questions
    from museion.search.evaluation import Evaluation, Figure, QueryFigures
    from museion.search.significance import Comparison, Interval

_FEW = 10
_EXIT_PROBLEMS = 1


@click.command("evaluate")
@click.argument("queries", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "-k",
    "--depth",
    type=click.IntRange(1, 500),
    default=10,
    show_default=True,
    help="How many hits nDCG@k and the deepest recall look at.",
)
@click.option("--with", "how", multiple=True, metavar="KEY=VALUE", help="Search so; see below.")
@click.option("--against", multiple=True, metavar="KEY=VALUE", help="Compare with a second way.")
@click.option("--per-query", is_flag=True, help="Print a line a query, too.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of chance.")
@site_option
@json_option
def command(
    queries: Path,
    *,
    depth: int,
    how: tuple[str, ...],
    against: tuple[str, ...],
    per_query: bool,
    seed: int,
    folder: Path,
    as_json: bool,
) -> int:
    """Measure the search of a site by QUERIES, a file of JSON lines.

    A line holds a `query`, and either `relevant`, a list of assets, or `judgements`, a table of
    assets with what each is worth. Assets are named by id, digest or file name. An empty list says
    that nothing fits. `museion judgements export` writes such a file.

    KEY=VALUE: mode=all|words|meaning, model=NAME, cut=on|off, words-weight=2, meaning-weight=1,
    offset=60, partial-belief=0.5, guessed-belief=0.1. With --against, a second way B answers the
    same queries: it is said which is better, or that no difference is shown.

    Exit status 1: lines or names were passed over.
    """
    from museion.archive.search_ways import read_way
    from museion.node.settings import read_settings

    usual = read_settings(folder).fusion
    ways = [read_way(each, fusion=usual) for each in ([how, against] if against else [how])]
    told, questions = asyncio.run(_evaluate(folder, queries, ways, depth))
    status = _tell_problems(told, questions)
    if as_json:
        _print_rows(ways, told, per_query=per_query, seed=seed)
    else:
        _print(ways, told, per_query=per_query, seed=seed)
    return status


async def _evaluate(
    folder: Path, path: Path, ways: Sequence[Way], depth: int
) -> tuple[list[Evaluation], Questions]:
    from museion.cli.evaluate_control import measure_ways, read_questions, searchers
    from museion.node.site import Site

    async with Site.open_reading(folder) as archive:
        with ExitStack() as stack:
            questions = read_questions(path, archive)
            searching = searchers(archive, folder, ways, stack)
            return measure_ways(searching, ways, questions, depth=depth), questions


def _tell_problems(told: Sequence[Evaluation], questions: Questions) -> int:
    from museion.cli.evaluate_control import tell_problems

    refused = dict.fromkeys(each for evaluation in told for each in evaluation.refused)
    problems = [*questions.problems, *refused]
    tell_problems(problems)
    return _EXIT_PROBLEMS if problems else 0


def _print(ways: Sequence[Way], told: Sequence[Evaluation], *, per_query: bool, seed: int) -> None:
    from museion.search.evaluation import compare_evaluations

    for name, way, evaluation in zip("AB", ways, told, strict=False):
        if len(told) > 1:
            click.echo(f"{name}: {way.words}")
        for each in evaluation.queries if per_query else ():
            click.echo(_query_line(each))
        figures = evaluation.figures(seed=seed)
        for figure in figures:
            click.echo(_figure_line(figure))
        if max((figure.queries for figure in figures), default=0) < _FEW:
            click.echo("So few queries say little; the intervals are narrower than the truth.")
    if len(told) > 1:
        for measure, comparison in compare_evaluations(told[0], told[1], seed=seed).items():
            click.echo(verdict_line(measure, comparison))


def _print_rows(
    ways: Sequence[Way], told: Sequence[Evaluation], *, per_query: bool, seed: int
) -> None:
    from museion.search.evaluation import compare_evaluations

    for name, way, evaluation in zip("AB", ways, told, strict=False):
        for each in evaluation.queries if per_query else ():
            print_json({"way": name, **_query_row(each)})
        for figure in evaluation.figures(seed=seed):
            print_json(
                {
                    "way": name,
                    "settings": way.words,
                    "figure": figure.name,
                    **_bounds(figure.interval),
                    "unit": figure.unit,
                    "queries": figure.queries,
                }
            )
    if len(told) > 1:
        for measure, comparison in compare_evaluations(told[0], told[1], seed=seed).items():
            print_json(comparison_row(measure, comparison))


def comparison_row(measure: str, comparison: Comparison) -> dict[str, object]:
    """Return how B differs from A in a measure, for `--json`."""
    return {
        "figure": f"{measure}, B less A",
        **_bounds(comparison.difference),
        "p": round(comparison.p, 5),
        "verdict": comparison.verdict,
        "queries": comparison.queries,
    }


def verdict_line(measure: str, comparison: Comparison, *, better: str = "B") -> str:
    """Return in words what is shown of the second of two ways."""
    difference = comparison.difference
    points = f"{100 * abs(difference.value):.1f} points of {measure}"
    low, high = sorted(abs(100 * each) for each in (difference.low, difference.high))
    if comparison.verdict == "not shown":
        between = f"{100 * difference.low:+.1f} to {100 * difference.high:+.1f}"
        return (
            f"No difference is shown in {measure}: {100 * difference.value:+.1f} points"
            f" ({between}), p = {comparison.p:.2g}."
        )
    bounds = f"({low:.1f} to {high:.1f}), p = {comparison.p:.2g}"
    return f"{better} is {comparison.verdict} by {points} {bounds}."


def _figure_line(figure: Figure) -> str:
    value = figure.interval
    if figure.unit == "ms":
        return f"{figure.name:<23} {value.value:8.1f} ms  ({value.low:.1f} to {value.high:.1f})"
    low, high = 100 * value.low, 100 * value.high
    bounds = f"({low:.1f} to {high:.1f})"
    return f"{figure.name:<23} {100 * value.value:8.1f} %   {bounds:<18} {figure.queries} queries"


def _query_line(each: QueryFigures) -> str:
    measures = "  ".join(f"{name} {value:.2f}" for name, value in each.measures.items())
    said = "  nothing fits" if each.nothing_fits else ""
    return f"line {each.line}: {one_line(each.query, longest=80)}\n    {measures}{said}"


def _query_row(each: QueryFigures) -> dict[str, object]:
    return {
        "line": each.line,
        "query": each.query,
        **{name: round(value, 5) for name, value in each.measures.items()},
        "took_ms": round(each.took_ms, 2),
        "nothing_fits": each.nothing_fits,
        "missed": each.missed,
    }


def _bounds(interval: Interval) -> dict[str, float]:
    return {
        "value": round(interval.value, 5),
        "low": round(interval.low, 5),
        "high": round(interval.high, 5),
    }
