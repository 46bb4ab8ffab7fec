"""A made-up library, the same for all who are measured, in files that every process maps.

Embeddings: 512 numbers of unit length. 2,000 clusters of unequal size (log-normal, deviation 1) lie
in 48 latent dimensions; a row is its cluster's centre plus noise of 0.6 of the spread of centres,
brought into 512 dimensions by a random map, plus noise of length 0.15 in all directions. Queries
are drawn alike. Words: a title of 6 and a caption of 19, Zipf-distributed over 30,000. Facts: days
of ten years with busy ones, stars, 800 cameras and 20,000 tags (Zipf), a place, and `draw`, a
random number in [0, 1) by which filters leave exactly the share that is asked for.

Needs numpy only, and gives the same for the same seed wherever it runs.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

DIMENSION = 512
CLUSTERS = 2000
LATENT = 48
WORDS = 30_000
CAMERAS = 800
TAGS = 20_000
TITLE, CAPTION = 6, 19
SHARES = (0.5, 0.05, 0.01, 0.001)
_ROWS_A_STEP = 50_000


@dataclass(frozen=True)
class Library:
    """One library in a folder.

    Attributes:
        folder: where its files lie.
        count: how many records; their ids are `id_of(0)` to `id_of(count - 1)`.
    """

    folder: Path
    count: int

    @property
    def rows(self) -> NDArray[np.float32]:
        """All embeddings, [count, 512], mapped."""
        return _mapped(self.folder / "rows.npy")

    @property
    def queries(self) -> NDArray[np.float32]:
        """Embeddings to ask with, [any, 512]."""
        return _mapped(self.folder / "queries.npy")

    @property
    def draw(self) -> NDArray[np.float32]:
        """The random number of each record, [count]."""
        return _mapped(self.folder / "draw.npy")

    def allowed(self, share: float) -> NDArray[np.intp]:
        """Return the records that a filter of this share leaves, ascending."""
        return np.flatnonzero(self.draw < share)

    def texts(self) -> list[tuple[str, str]]:
        """Return the title and caption of each record."""
        lines = (self.folder / "texts.tsv").read_text(encoding="ascii").splitlines()
        return [(title, caption) for title, _, caption in (line.partition("\t") for line in lines)]

    def word_queries(self) -> list[str]:
        """Return pairs of words that stand side by side in some caption."""
        found: list[str] = json.loads((self.folder / "words.json").read_text(encoding="ascii"))
        return found

    def facts(self) -> dict[str, NDArray[np.generic]]:
        """Return the columns `day`, `stars`, `camera`, `tags` [count, 3], `place` [count, 2]."""
        names = ("day", "stars", "camera", "tags", "place")
        return {name: _mapped(self.folder / f"{name}.npy") for name in names}


def id_of(number: int) -> str:
    """Return the id of a record, as long as those of an archive."""
    return f"asset{number:021}"


def number_of(record_id: str) -> int:
    """Return the number of a record."""
    return int(record_id[5:])


def make_library(folder: Path, count: int, queries: int) -> Library:
    """Make a library in a new folder."""
    folder.mkdir(parents=True)
    random = np.random.default_rng(1)
    _write_embeddings(folder, count, queries, random)
    np.save(folder / "draw.npy", random.random(count, dtype=np.float32))
    _write_facts(folder, count, random)
    _write_texts(folder, count, queries, random)
    return Library(folder, count)


def _write_embeddings(folder: Path, count: int, queries: int, random: np.random.Generator) -> None:
    centres = random.standard_normal((CLUSTERS, LATENT), dtype=np.float32)
    sizes = np.cumsum(random.lognormal(0.0, 1.0, CLUSTERS))
    into = random.standard_normal((LATENT, DIMENSION), dtype=np.float32)
    shape = (count, DIMENSION)
    rows = np.lib.format.open_memmap(folder / "rows.npy", "w+", np.float32, shape)
    for start in range(0, count, _ROWS_A_STEP):
        stop = min(count, start + _ROWS_A_STEP)
        rows[start:stop] = _drawn(stop - start, centres, sizes, into, random)
    rows.flush()
    np.save(folder / "queries.npy", _drawn(queries, centres, sizes, into, random))


def _drawn(
    count: int,
    centres: NDArray[np.float32],
    sizes: NDArray[np.float64],
    into: NDArray[np.float32],
    random: np.random.Generator,
) -> NDArray[np.float32]:
    of = np.searchsorted(sizes, random.random(count) * sizes[-1])
    latent = centres[of] + 0.6 * random.standard_normal((count, LATENT), dtype=np.float32)
    rows = latent @ into
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    noise = random.standard_normal((count, DIMENSION), dtype=np.float32)
    rows += noise * np.float32(0.15 / np.sqrt(DIMENSION))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows)


def _write_facts(folder: Path, count: int, random: np.random.Generator) -> None:
    busy = np.cumsum(random.lognormal(0.0, 1.5, 3650))
    days = np.searchsorted(busy, random.random(count) * busy[-1])
    np.save(folder / "day.npy", days.astype(np.float64))
    np.save(folder / "stars.npy", random.choice(6, count, p=[0.7, 0.05, 0.05, 0.1, 0.06, 0.04]))
    np.save(folder / "camera.npy", _zipf(CAMERAS, count, random))
    np.save(folder / "tags.npy", _zipf(TAGS, 3 * count, random).reshape(count, 3))
    place = np.stack([random.normal(48, 8, count).clip(-90, 90), random.normal(10, 30, count)], 1)
    np.save(folder / "place.npy", place)


def _write_texts(folder: Path, count: int, queries: int, random: np.random.Generator) -> None:
    words = np.array([f"w{rank}" for rank in range(WORDS)], dtype=object)
    captions: list[str] = []
    with (folder / "texts.tsv").open("w", encoding="ascii") as file:
        for start in range(0, count, _ROWS_A_STEP):
            some = min(count - start, _ROWS_A_STEP)
            drawn = words[_zipf(WORDS, some * (TITLE + CAPTION), random)].reshape(some, -1)
            for row in drawn.tolist():
                file.write(f"{' '.join(row[:TITLE])}\t{' '.join(row[TITLE:])}\n")
            captions += [" ".join(row[TITLE:]) for row in drawn[: max(1, queries)].tolist()]
    chosen = random.choice(len(captions), queries, replace=len(captions) < queries)
    pairs = []
    for caption in chosen.tolist():
        at = int(random.integers(CAPTION - 1))
        pairs.append(" ".join(captions[caption].split()[at : at + 2]))
    (folder / "words.json").write_text(json.dumps(pairs), encoding="ascii")


def _zipf(size: int, count: int, random: np.random.Generator) -> NDArray[np.int64]:
    weights = np.cumsum(1 / np.arange(1, size + 1))
    drawn: NDArray[np.int64] = np.searchsorted(weights, random.random(count) * weights[-1])
    return drawn


def _mapped(path: Path) -> NDArray[np.float32]:
    found: NDArray[np.float32] = np.load(path, mmap_mode="r")
    return found
