"""How long an archive of 100,000 made assets takes to answer queries, listings and suggestions.

The real catalog, facets and indexes, told of made assets; nothing goes over HTTP, and each query is
asked once before it is timed, so that its embedding is known: the text tower is measured by
`encoder.py`. The archive is kept and used again.

    python benchmarks/finding.py [--assets N] [--rounds N]
"""

from __future__ import annotations

import argparse
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path

import numpy as np
from figures import Figure, at_most, percentile, print_figures, print_machine
from serving import WORK

from museion.archive.asset import asset_id_of
from museion.archive.catalog.projection import CatalogProjection
from museion.archive.catalog.reader import Catalog
from museion.archive.events import (
    ArchiveEvent,
    AssetIngested,
    ColoursFound,
    ColourShare,
    EmbeddingComputed,
    FingerprintComputed,
    MetadataExtracted,
    MetadataValue,
    RenditionMade,
    new_event,
)
from museion.archive.indexing import Indexes
from museion.archive.known_values import CatalogNames
from museion.archive.searching import Asking, Searcher
from museion.archive.suggesting import suggest
from museion.blobs.blob_store import Digest
from museion.log.event import Event
from museion.log.vector_time import VectorTime
from museion.models.embedded import EMBEDDED, open_embedded_text_tower
from museion.models.registry import built_in_checkpoint
from museion.search.filters import COLOURS

_AT_ONCE = 1000
_WHO = ("a man", "a woman", "two children", "a dog", "a horse", "three friends", "a crowd", "a cat")
_DOES = ("runs", "sits", "plays", "waits", "jumps", "sleeps", "works", "dances", "stands")
_WHERE = (
    "on a beach",
    "in the snow",
    "by a lake",
    "in a city",
    "at night",
    "in a field",
    "indoors",
)
_WHAT = ("near a red car", "with a ball", "under a tree", "in front of a house", "with a guitar")
_CITIES = ("Vienna", "Linz", "Graz", "Berlin", "Köln", "Paris", "London", "Lyon", "Rome", "Oslo")
_CREATORS = tuple(f"{first} {last}" for first in ("Ann", "Bob", "Zoë") for last in ("Ng", "Roe"))
_QUERIES = (
    *("dog on a beach", "children playing in the snow", "guitar", "red car at night", "crowd"),
    *("a horse in a field", "hund am strand", "woman dances indoors", "tree", "house by a lake"),
)
_FILTERS = (
    *("title:beach", "caption:guit*", 'creator:"zoë ng"', "-title:snow", "place:Vienna"),
    *("rights:free", "rating:>=4", "after:2019", "person:Ann", "width:>4000 type:photo"),
    *("keyword:ball*", "colour:red", "filename:7*"),
)
_GOAL_MS = 30


def main() -> None:
    """Build or open the archive, then print the figures."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--assets", type=int, default=100_000)
    options.add_argument("--rounds", type=int, default=5)
    given = options.parse_args()
    print_machine(("numpy", "tantivy", "faiss-cpu"))
    folder = WORK / f"finding-{given.assets}"
    if not (folder / "built").exists():
        shutil.rmtree(folder, ignore_errors=True)
        started = time.perf_counter()
        _build(folder, given.assets)
        (folder / "built").touch()
        print(f"built in {time.perf_counter() - started:.0f} s")
    print_figures(_measured(folder, given.rounds))


def _measured(folder: Path, rounds: int) -> Iterator[Figure]:
    with ExitStack() as stack:
        catalog = stack.enter_context(closing(Catalog(folder / "catalog.sqlite")))
        indexes = stack.enter_context(closing(_opened(folder)))
        names = stack.enter_context(closing(CatalogNames(folder / "catalog.sqlite")))
        searcher = Searcher(catalog, indexes, names=names)
        started = time.perf_counter()
        searcher.facets.load()
        yield Figure("facets of all assets loaded", time.perf_counter() - started, "s")
        yield from _searches(searcher, rounds)
        yield from _listings(searcher, catalog, rounds)
        typed = ("gui", "vie", "zo", "title:be", "red c", "tag:ba", "person:a")
        asked = [partial(suggest, catalog, each, names=names) for each in typed]
        times = _times(asked, rounds)
        yield from _figures("suggestions", times)


def _searches(searcher: Searcher, rounds: int) -> Iterator[Figure]:
    filtered = [f"{query} {_FILTERS[n % len(_FILTERS)]}" for n, query in enumerate(2 * _QUERIES)]
    for mode in ("words", "meaning", "all"):
        for kind, texts in (("", _QUERIES), (" and a filter", filtered)):
            asking = Asking(mode=mode)
            asked = [partial(searcher.search, each, limit=50, asking=asking) for each in texts]
            yield from _figures(f"search by {mode}{kind}", _times(asked, rounds))


def _listings(searcher: Searcher, catalog: Catalog, rounds: int) -> Iterator[Figure]:
    asked: list[Callable[[], object]] = [
        partial(searcher.search, each, limit=50) for each in _FILTERS
    ]
    yield from _figures("listing by a filter", _times(asked, rounds))
    laid_out = [partial(_laid_out, searcher, catalog, each) for each in _FILTERS]
    yield from _figures("layout of a filter", _times(laid_out, rounds), goal=None)


def _laid_out(searcher: Searcher, catalog: Catalog, text: str) -> bytes:
    return catalog.layout(searcher.listed(text))


def _times(asked: Sequence[Callable[[], object]], rounds: int) -> list[float]:
    """Return milliseconds; each is asked once before."""
    times = []
    for number in range(rounds + 1):
        for ask in asked:
            started = time.perf_counter()
            ask()
            if number:
                times.append((time.perf_counter() - started) * 1000)
    return times


def _figures(name: str, times: Sequence[float], goal: float | None = _GOAL_MS) -> Iterator[Figure]:
    yield Figure(f"{name}, p50", percentile(times, 0.5), "ms")
    worst = percentile(times, 0.95)
    yield (
        Figure(f"{name}, p95", worst, "ms")
        if goal is None
        else at_most(f"{name}, p95", worst, "ms", goal)
    )


def _opened(folder: Path) -> Indexes:
    return Indexes.open(folder / "index", built_in_checkpoint(EMBEDDED))


def _build(folder: Path, count: int) -> None:
    folder.mkdir(parents=True)
    with ExitStack() as stack:
        projection = stack.enter_context(closing(CatalogProjection(folder / "catalog.sqlite")))
        catalog = stack.enter_context(closing(Catalog(folder / "catalog.sqlite")))
        indexes = stack.enter_context(closing(_opened(folder)))
        followers = indexes.projections(catalog)
        assets = _Assets(indexes.generation.space.id)
        for start in range(0, count, _AT_ONCE):
            facts = [
                fact
                for number in range(start, min(start + _AT_ONCE, count))
                for fact in assets.told(number)
            ]
            events = _events(facts, projection.position)
            for each in (projection, *followers):
                each.apply(events)


class _Assets:
    """Makes assets whose pictures look somewhat like what their captions say."""

    def __init__(self, space: str) -> None:
        self._space = space
        self._random = np.random.default_rng(11)
        tower = open_embedded_text_tower()
        self._scenes = [
            f"{who} {does} {where}" for who in _WHO for does in _DOES for where in _WHERE
        ]
        self._vectors = tower.encode_texts(self._scenes)

    def told(self, number: int) -> Iterator[ArchiveEvent]:
        digest = Digest(f"{number:016x}".ljust(64, "0"))
        asset_id = asset_id_of(digest)
        yield AssetIngested(
            asset_id=asset_id,
            digest=digest,
            size_bytes=int(self._random.integers(10_000, 9_000_000)),
            media_type="image/jpeg",
            kind="image",
            filename=f"IMG_{number % 9999:04} {number:06}.jpg",
        )
        scene = int(self._random.integers(len(self._scenes)))
        values = self._values(number, self._scenes[scene]).items()
        yield MetadataExtracted(
            asset_id=asset_id,
            values=tuple(MetadataValue(name, value, "header") for name, value in values),
        )
        for name in ("thumbnail", "preview"):
            yield RenditionMade(
                asset_id=asset_id,
                rendition=name,
                digest=Digest(f"{number:016x}{len(name):x}".ljust(64, "0")),
                media_type="image/webp",
                width=300,
                height=200,
                size_bytes=10,
            )
        noise = self._random.normal(size=self._vectors.shape[1])
        vector = 0.35 * self._vectors[scene] + 0.94 * noise / np.linalg.norm(noise)
        half = (vector / np.linalg.norm(vector)).astype("<f2").tobytes()
        yield EmbeddingComputed(asset_id=asset_id, space=self._space, vector=half)
        bits = int(self._random.integers(2**63))
        yield FingerprintComputed(asset_id=asset_id, fingerprint=bits)
        yield ColoursFound(asset_id=asset_id, colours=self._colours())

    def _values(self, number: int, scene: str) -> dict[str, str | int | float | tuple[str, ...]]:
        draw = self._random
        values: dict[str, str | int | float | tuple[str, ...]] = {
            "caption": f"{scene} {draw.choice(_WHAT)}, number {number}.",
            "creator": (str(draw.choice(_CREATORS)),),
            "capture_time": f"20{draw.integers(10, 25)}-{draw.integers(1, 13):02}-11T10:00:00",
            "camera_model": f"Camera {draw.integers(200)}",
            "width": int(draw.integers(600, 8000)),
            "height": int(draw.integers(600, 6000)),
            "rating": int(draw.integers(6)),
            "iso": 100,
            "f_number": 5.6,
        }
        if number % 2:
            values["title"] = scene
            values["keywords"] = tuple(str(each) for each in draw.choice(_WHAT, 2))
        if number % 3:
            values |= {"city": str(draw.choice(_CITIES)), "latitude": 48.2, "longitude": 16.4}
        if number % 10 == 0:
            values |= {"persons": ("Ann", "Bob"), "rights": "CC BY 4.0", "copyright": "© Ann Ng"}
        return values

    def _colours(self) -> tuple[ColourShare, ...]:
        names = self._random.choice(COLOURS, 3, replace=False)
        return tuple(ColourShare(str(name), 0.3) for name in names)


def _events(facts: Sequence[ArchiveEvent], after: int) -> list[Event]:
    told = [new_event(fact, emitter_id="made") for fact in facts]
    return [
        Event(
            type_name=new.type_name,
            form=new.form,
            payload=new.payload,
            emitter_id=new.emitter_id,
            aggregate_id=new.aggregate_id,
            custom_destinations=(),
            system_time_ms=1_700_000_000_000 + number,
            vector_timestamp=VectorTime({"here": number}),
            process_id="here",
            log_id="here",
            sequence_nr=number,
        )
        for number, new in enumerate(told, after + 1)
    ]


if __name__ == "__main__":
    main()
