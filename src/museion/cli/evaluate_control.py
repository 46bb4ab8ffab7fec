"""Reads judged queries, asks a site all of them in one way or another, and shows how far it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import click

from museion.archive.archive import ArchiveReader
from museion.archive.evaluating import NothingToAsk, asking, name_assets
from museion.archive.indexing import Indexes, NoIndex
from museion.archive.search_ways import Way
from museion.archive.searching import Searcher
from museion.base.errors import InvalidInput, NotFound
from museion.cli.log_progress import Progress
from museion.cli.terminal_text import one_line
from museion.models.checkpoint import Checkpoint
from museion.models.registry import Registry
from museion.node.site_models import models_folder
from museion.search.evaluation import Ask, Evaluation, evaluate
from museion.search.judgements import BadLine, JudgedQuery, read_judgements


@dataclass(frozen=True, slots=True)
class Questions:
    """What a file of judged queries asks a site.

    Attributes:
        queries: with assets by id.
        problems: what was passed over, by line.
    """

    queries: Sequence[JudgedQuery]
    problems: Sequence[BadLine]


def read_questions(path: Path, archive: ArchiveReader) -> Questions:
    """Read a file of judged queries; its assets are those of the archive.

    Raises:
        NothingToAsk: no line is left.
        OSError: the file cannot be read.
    """
    with path.open("rb") as file:
        read = read_judgements(file)
    refused = [each for query in read.queries for each in _refusals(archive.searcher, query)]
    lines = {each.line for each in refused}
    understood = [each for each in read.queries if each.line not in lines]
    named = name_assets(understood, archive.catalog.judgements)
    problems = [
        *read.bad,
        *refused,
        *(BadLine(each.line, each.reason) for each in named.unclear),
        *(BadLine(each.line, "nothing relevant is left; passed over") for each in named.left),
    ]
    if not any(each.relevant for each in named.queries):
        tell_problems(problems)
        raise NothingToAsk
    return Questions(named.queries, sorted(problems, key=lambda each: each.line))


class NoGeneration(NotFound):
    """The site has no embeddings of a model at hand."""

    def __init__(self, model: str) -> None:
        super().__init__(
            f"This site has no index of the model {model}.",
            remedy=f"`museion models use {model}` makes it; the one before stays, too.",
        )


def searchers(
    archive: ArchiveReader, folder: Path, ways: Iterable[Way], stack: ExitStack
) -> list[Searcher]:
    """Return what searches a site in each way: the archive's own, but for other models.

    Args:
        archive: the site, open.
        folder: of the site.
        ways: to search.
        stack: closes the indexes of other models.

    Raises:
        UnknownModel: there is no such model.
        NoGeneration: nothing was embedded with it, or its index was removed.
    """
    return [_searcher(archive, folder, each, stack) for each in ways]


def measure_ways(
    searching: Sequence[Searcher], ways: Sequence[Way], questions: Questions, *, depth: int
) -> list[Evaluation]:
    """Ask all questions in each way.

    With several ways each query is asked once before it is timed, so that none pays for the
    embedding of a text that another has then.
    """
    told = []
    for searcher, way in zip(searching, ways, strict=True):
        ask = asking(searcher, way.asking, depth=depth)
        if len(ways) > 1:
            _asked(ask, questions, depth, f"warming up {way.words}")
        told.append(_asked(ask, questions, depth, way.words))
    return told


def tell_problems(problems: Iterable[BadLine]) -> None:
    """Print what was passed over to standard error, a line each."""
    for each in problems:
        click.echo(f"line {each.line}: {one_line(each.reason)}", err=True)


def _refusals(searcher: Searcher, query: JudgedQuery) -> list[BadLine]:
    """Return why a query cannot be understood; nothing if it can."""
    try:
        searcher.parse(query.query)
    except InvalidInput as reason:
        return [BadLine(query.line, str(reason))]
    return []


def _asked(ask: Ask, questions: Questions, depth: int, what: str) -> Evaluation:
    with Progress() as progress:
        done = 0

        def count(_: object) -> None:
            nonlocal done
            done += 1
            progress.show(what, done, len(questions.queries))

        return evaluate(questions.queries, ask, depth=depth, on_asked=count)


def _searcher(archive: ArchiveReader, folder: Path, way: Way, stack: ExitStack) -> Searcher:
    if way.model in (None, archive.searcher.checkpoint.card.name):
        return archive.searcher
    assert way.model is not None
    checkpoint = Registry(models_folder(folder)).find(way.model)
    try:
        indexes = Indexes.open_reading(folder / "index", checkpoint)
    except NoIndex as reason:
        raise NoGeneration(way.model) from reason
    stack.callback(indexes.close)
    _warn_of_gaps(archive, checkpoint)
    return Searcher(archive.catalog, indexes, names=archive.searcher.names)


def _warn_of_gaps(archive: ArchiveReader, checkpoint: Checkpoint) -> None:
    counts = archive.catalog.embeddings.embedded()
    done = counts.done.get(checkpoint.space.id, 0)
    if done < counts.of:
        name = checkpoint.card.name
        click.echo(f"{name} has seen {done} of {counts.of} pictures; it misses others.", err=True)
