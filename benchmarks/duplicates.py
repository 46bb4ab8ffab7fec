"""Measure near duplicates: how well they are found, and how fast in how large an archive.

`python benchmarks/duplicates.py` makes lesser versions of photos by which no threshold was
chosen, puts them into a catalog with others, and counts pairs found rightly, wrongly
and not at all; then it finds all pairs of 100,000 assets (`--million` for ten times as many), and
those of one more. The last lines are figures, one JSON object each.
"""

from __future__ import annotations

import argparse
import sqlite3
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence, Set
from contextlib import closing
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

import numpy as np
import pyvips
from figures import Figure, at_least, at_most, percentile, print_figures, print_machine
from numpy.typing import NDArray

from museion.archive.asset import AssetId
from museion.archive.catalog.projection import CatalogProjection
from museion.archive.catalog.reader import Catalog
from museion.archive.duplicates import Duplicates
from museion.media.fingerprint import fingerprint
from museion.media.pixels import decode_rgb
from museion.models.embedded import ImageTower, open_embedded_image_tower
from museion.search.diversity import Seen, collapse
from museion.search.exact_index import ExactIndex
from museion.search.fingerprints import near_pairs
from museion.testing.media import image_bytes

DATA = Path(__file__).parents[2] / "shared" / "data" / "flickr8k"
PHOTOS, STRANGERS = DATA / "extra.tar", DATA / "dev.tar"
"""Photos by which no threshold was chosen, and others."""
ALL = 800
THUMBNAIL_SIDE, PREVIEW_SIDE = 320, 1600
DIMENSION = 32
GROUPED = 0.05
"""Share of the large archive that are copies of others."""
REPEATS = 20

Change = Callable[[pyvips.Image], bytes]


@dataclass(frozen=True)
class Entry:
    """An asset as the finder sees it; `photo` says of what it is made, `how` in which way."""

    photo: int
    how: str
    fingerprint: int
    aspect: float
    embedding: NDArray[np.float32]

    @property
    def asset_id(self) -> str:
        """An id in the form of those of assets."""
        return f"{self.photo:08d}{self.how:_<16.16}"


def _jpeg(image: pyvips.Image, quality: int = 85) -> bytes:
    return image_bytes(image, ".jpg", Q=quality)


def _cropped(image: pyvips.Image, share: float, left: float, top: float) -> pyvips.Image:
    width, height = round(image.width * (1 - share)), round(image.height * (1 - share))
    return image.crop(
        int((image.width - width) * left), int((image.height - height) * top), width, height
    )


def _bytes(image: pyvips.Image) -> pyvips.Image:
    return image.cast("uchar").copy(interpretation="srgb")


def _marked(image: pyvips.Image) -> pyvips.Image:
    text = pyvips.Image.text(
        "© MUSEION", width=int(image.width * 0.4), height=int(image.height * 0.08)
    )
    white = text.new_from_image([255, 255, 255]).copy(interpretation="srgb")
    layer = white.bandjoin((text * 0.7).cast("uchar"))
    place = {"x": int(image.width * 0.55), "y": int(image.height * 0.88)}
    return image.composite2(layer, "over", **place).flatten()


def _saturated(image: pyvips.Image) -> pyvips.Image:
    return _bytes(image.colourspace("lch").linear([1, 1.3, 1], [0, 0, 0]).colourspace("srgb"))


CHANGES: dict[str, Change] = {
    "recompressed": lambda image: _jpeg(image, 40),
    "halved": lambda image: _jpeg(image.resize(0.5)),
    "cropped": lambda image: _jpeg(_cropped(image, 0.05, 0.5, 0.5)),
    "brightened": lambda image: _jpeg(_bytes(image * 1.12 + 10)),
    "saturated": lambda image: _jpeg(_saturated(image)),
    "watermarked": lambda image: _jpeg(_marked(image)),
    "grey": lambda image: _jpeg(image.colourspace("b-w")),
    "all at once": lambda image: _jpeg(
        _marked(_bytes(_cropped(image, 0.05, 0.3, 0.6).resize(0.6) * 1.06 + 6)), 50
    ),
}
CORNER: Change = lambda image: _jpeg(_cropped(image, 0.05, 0.0, 0.0))  # noqa: E731 (as above)
MIRRORED: Change = lambda image: _jpeg(image.fliphor())  # noqa: E731


def main() -> None:
    """Print a table for people, then the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=120)
    parser.add_argument("--million", action="store_true")
    arguments = parser.parse_args()
    print_machine(["numpy", "pyvips", "onnxruntime"])
    found = collapsing()
    if PHOTOS.exists():
        prints, figures = quality(arguments.photos)
        found += figures
    else:
        print(f"{PHOTOS.name} is not there: how well duplicates are found was NOT measured")
        prints = np.random.default_rng(0).integers(0, 1 << 64, 1000, dtype=np.uint64)
    found += speed(prints, 100_000, limit_s=20)
    if arguments.million:
        found += speed(prints, 1_000_000, limit_s=120)
    print_figures(found)


def quality(photos: int) -> tuple[NDArray[np.uint64], list[Figure]]:
    """Count pairs found rightly and wrongly; also return fingerprints of photos."""
    tower = open_embedded_image_tower(threads=2)
    entries: list[Entry] = []
    changes = CHANGES | {"corner cropped": CORNER, "mirrored": MIRRORED}
    for photo, content in enumerate(islice(chain(_photos(PHOTOS), _photos(STRANGERS)), ALL)):
        image = pyvips.Image.new_from_buffer(content, "").colourspace("srgb")
        entries.append(_entry(photo, "original", content, tower))
        if photo < photos:
            entries += [_entry(photo, how, change(image), tower) for how, change in changes.items()]
    by_id = {entry.asset_id: entry for entry in entries}
    with tempfile.TemporaryDirectory() as folder, _archive(Path(folder), entries) as duplicates:
        pairs: set[tuple[str, str]] = {
            (one, each.asset_id)
            for one in by_id
            for each in duplicates.near_duplicates(AssetId(one))
        }
        together = [set(group.members) for group in duplicates.groups()]
    return _prints(entries), _judged(by_id, pairs, together, photos)


def _judged(
    by_id: dict[str, Entry],
    pairs: Set[tuple[str, str]],
    together: list[set[AssetId]],
    photos: int,
) -> list[Figure]:
    figures = []
    for how in (*CHANGES, "corner cropped", "mirrored"):
        share = sum(_is_pair(by_id, pairs, photo, how) for photo in range(photos)) / photos
        print(f"{how:16} found of the original in {share:.1%}")
        figures.append(
            Figure(f"duplicates.found.{how.replace(' ', '-')}", round(share, 4), "share")
        )
    wanted = [(photo, how) for photo in range(photos) for how in CHANGES]
    recall = sum(_is_pair(by_id, pairs, *each) for each in wanted) / len(wanted)
    right = sum(_is_right(by_id[one], by_id[other]) for one, other in pairs)
    grouped = sum(_are_together(by_id, together, *each) for each in wanted) / len(wanted)
    wrong = sorted(pair for pair in pairs if not _is_right(by_id[pair[0]], by_id[pair[1]]))
    print(f"{len(by_id)} assets, {len(pairs) // 2} pairs, wrong: {wrong[:6]}")
    return [
        *figures,
        at_least("duplicates.recall", round(recall, 4), "share", 0.95),
        at_least("duplicates.precision", round(right / len(pairs), 4), "share", 0.99),
        at_least("duplicates.grouped-with-original", round(grouped, 4), "share", 0.95),
    ]


def _is_pair(by_id: dict[str, Entry], pairs: Set[tuple[str, str]], photo: int, how: str) -> bool:
    ids = {each: f"{photo:08d}{each:_<16.16}" for each in ("original", how)}
    return (ids["original"], ids[how]) in pairs


def _are_together(
    by_id: dict[str, Entry], together: list[set[AssetId]], photo: int, how: str
) -> bool:
    ids = {AssetId(f"{photo:08d}{each:_<16.16}") for each in ("original", how)}
    return any(ids <= group for group in together)


def _is_right(one: Entry, other: Entry) -> bool:
    return one.photo == other.photo and (one.how == "mirrored") == (other.how == "mirrored")


def speed(prints: NDArray[np.uint64], count: int, *, limit_s: float) -> list[Figure]:
    """Time finding all groups of a large archive, then following one more asset."""
    entries = _many(prints, count)
    name = f"{count // 1000}k"
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        with _archive(place, islice(entries, 1, None)) as duplicates:
            started, used = time.perf_counter(), time.process_time()
            groups = len(duplicates.groups())
            all_s, cpu_s = time.perf_counter() - started, time.process_time() - used
            _fill(place, entries[:1])
            started = time.perf_counter()
            duplicates.groups()
            one_s = time.perf_counter() - started
            asked = [_asked_s(duplicates, entry) for entry in entries[1 : REPEATS + 1]]
    compared = np.array([entry.fingerprint for entry in entries], dtype=np.uint64)
    started = time.process_time()
    pairs = len(near_pairs(compared, within_bits=12))
    pairs_s = time.process_time() - started
    print(f"{name}: {groups} groups, {pairs} near fingerprints; {cpu_s:.1f} s of one processor")
    return [
        at_most(f"duplicates.all.{name}", round(all_s, 2), "s", limit_s),
        Figure(f"duplicates.all-processor.{name}", round(cpu_s, 2), "s"),
        Figure(f"duplicates.near-pairs-processor.{name}", round(pairs_s, 2), "s"),
        Figure(f"duplicates.one-more.{name}", round(one_s, 3), "s"),
        Figure(f"duplicates.of-one.p95.{name}", round(percentile(asked, 0.95) * 1e3, 2), "ms"),
    ]


def collapsing() -> list[Figure]:
    """Time collapsing an answer of 500 hits."""
    random = np.random.default_rng(0)
    prints = random.integers(0, 1 << 64, 400, dtype=np.uint64)
    rows = random.standard_normal((500, 512)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    hits = [
        Seen(str(place), int(prints[place % 400]), float(time_s), f"camera {time_s % 3}")
        for place, time_s in enumerate(random.integers(0, 2000, 500).tolist())
    ]
    vectors = {hit.id: row for hit, row in zip(hits, rows, strict=True)}
    times = []
    for _ in range(REPEATS):
        started = time.process_time()
        collapse(hits, vectors=vectors)
        times.append(time.process_time() - started)
    return [at_most("diversity.500-hits", round(percentile(times, 0.5) * 1e3, 2), "ms", 3.0)]


def _asked_s(duplicates: Duplicates, entry: Entry) -> float:
    started = time.perf_counter()
    duplicates.near_duplicates(AssetId(entry.asset_id))
    return time.perf_counter() - started


def _photos(path: Path) -> Iterable[bytes]:
    with tarfile.open(path) as archive:
        for member in archive:
            content = archive.extractfile(member)
            if content is not None:
                yield content.read()


def _entry(photo: int, how: str, content: bytes, tower: ImageTower) -> Entry:
    thumbnail = _rendition(content, THUMBNAIL_SIDE)
    preview = _rendition(content, PREVIEW_SIDE)
    image = pyvips.Image.new_from_buffer(content, "")
    return Entry(
        photo,
        how,
        fingerprint(thumbnail),
        image.width / image.height,
        tower.encode_images([decode_rgb(preview, max_side=512)])[0],
    )


def _rendition(content: bytes, side: int) -> bytes:
    image = pyvips.Image.thumbnail_buffer(content, side, size="down")
    return image_bytes(image, ".webp", Q=75, effort=0)


def _prints(entries: Sequence[Entry]) -> NDArray[np.uint64]:
    return np.array([e.fingerprint for e in entries if e.how == "original"], dtype=np.uint64)


def _many(prints: NDArray[np.uint64], count: int) -> list[Entry]:
    """Return assets with fingerprints put together from quarters of real ones; some are copies."""
    random = np.random.default_rng(1)
    quarters = random.choice(prints, (count, 4))
    masks = np.array([0xFFFF << (16 * place) for place in range(4)], dtype=np.uint64)
    made = np.bitwise_or.reduce(quarters & masks, axis=1)
    rows = random.standard_normal((count, DIMENSION)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    copies = int(count * GROUPED)
    made[:copies] = made[copies : 2 * copies]
    rows[:copies] = rows[copies : 2 * copies]
    return [
        Entry(place, "", value, 1.5, row)
        for place, (value, row) in enumerate(zip(made.tolist(), rows, strict=True))
    ]


class _archive:  # noqa: N801 (used as a function)
    """A catalog and an index that hold entries, and the finder over both."""

    def __init__(self, folder: Path, entries: Iterable[Entry]) -> None:
        CatalogProjection(folder / "catalog.sqlite").close()
        _fill(folder, list(entries))
        self._catalog = Catalog(folder / "catalog.sqlite")
        self._folder = folder

    def __enter__(self) -> Duplicates:
        index = ExactIndex.open(
            self._folder / "vectors", space="s", dimension=_dimension(self._folder), read_only=True
        )
        self._index = index
        return Duplicates(self._catalog, lambda: ("s", index))

    def __exit__(self, *_: object) -> None:
        self._index.close()
        self._catalog.close()


def _dimension(folder: Path) -> int:
    return int((folder / "dimension").read_text())


def _fill(folder: Path, entries: Sequence[Entry]) -> None:
    """Put entries into the catalog and the index."""
    dimension = len(entries[0].embedding)
    (folder / "dimension").write_text(str(dimension))
    with closing(sqlite3.connect(folder / "catalog.sqlite")) as database, database:
        database.executemany(
            "INSERT INTO asset (id, digest, filename, media_type, kind, size_bytes, ingest_time,"
            " sort_time, state, aspect, fingerprint) VALUES (?, '', '', '', 'image', 1, ?, 0, 0,"
            " ?, ?)",
            [
                (entry.asset_id, entry.photo, entry.aspect, f"{entry.fingerprint:016x}")
                for entry in entries
            ],
        )
        database.execute(
            "INSERT INTO progress VALUES ('catalog', ?) ON CONFLICT DO UPDATE SET position ="
            " position + excluded.position",
            (len(entries),),
        )
    with closing(ExactIndex.open(folder / "vectors", space="s", dimension=dimension)) as index:
        index.add([(entry.asset_id, entry.embedding) for entry in entries])
        index.commit(index.position + len(entries))


if __name__ == "__main__":
    main()
