"""Any folder of captioned photos: `NAME.jsonl` beside `NAME.tar` or a folder `NAME/`.

Each line of the list is `{"image": "FILE.jpg", "captions": ["…", …]}`; all photos of one list have
equally many captions.
"""

from __future__ import annotations

import io
import json
import random
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

from museion.base.errors import InvalidInput
from museion.models.embedded import fit_square

CROPPED_SHARE = (0.45, 1.0)  # of the area
ASPECTS = (0.8, 1.25)


@dataclass(frozen=True, slots=True)
class CaptionedPhotos:
    """Encoded photos with their captions, in the order of the list."""

    names: list[str]
    files: list[bytes]
    captions: list[list[str]]

    @property
    def all_captions(self) -> list[str]:
        """The captions of photo 0, then those of photo 1, and so on."""
        return [caption for some in self.captions for caption in some]


def read_captioned_photos(listing: Path) -> CaptionedPhotos:
    """Read `listing` (a .jsonl file) and the photos beside it.

    Raises:
        InvalidInput: photos are missing, or have unequal numbers of captions.
    """
    rows = [json.loads(line) for line in listing.read_text(encoding="utf-8").splitlines() if line]
    found = _read_files(listing.with_suffix(""))
    missing = [row["image"] for row in rows if row["image"] not in found]
    if missing or not rows:
        raise InvalidInput(
            f"{listing.name} lists {len(rows)} photos, but {len(missing)} of them are not beside it"
            f"{': ' + missing[0] if missing else ''}.",
            remedy="Put the photos into a .tar or a folder of the same name.",
        )
    if len({len(row["captions"]) for row in rows}) != 1:
        raise InvalidInput(f"The photos of {listing.name} have unequal numbers of captions.")
    names = [row["image"] for row in rows]
    return CaptionedPhotos(
        names, [found[name] for name in names], [row["captions"] for row in rows]
    )


def decode(encoded: bytes) -> NDArray[np.uint8]:
    """Return the photo as RGB bytes [H, W, 3]."""
    return np.asarray(Image.open(io.BytesIO(encoded)).convert("RGB"))


def whole_view(encoded: bytes, side: int) -> NDArray[np.uint8]:
    """Return the photo as the image tower will see it: [side, side, 3], stretched."""
    return fit_square(decode(encoded), side)


def flipped_view(encoded: bytes, side: int) -> NDArray[np.uint8]:
    """Return the whole photo, left and right exchanged."""
    return np.ascontiguousarray(whole_view(encoded, side)[:, ::-1])


def cropped_view(
    encoded: bytes, side: int, *, chance: random.Random, flip: bool
) -> NDArray[np.uint8]:
    """Return a random part of the photo, half the time with other light and colour."""
    photo = Image.open(io.BytesIO(encoded)).convert("RGB")
    area = chance.uniform(*CROPPED_SHARE) * photo.width * photo.height
    aspect = float(np.exp(chance.uniform(*np.log(ASPECTS))))
    width = min(photo.width, int((area * aspect) ** 0.5))
    height = min(photo.height, int((area / aspect) ** 0.5))
    left = chance.randint(0, photo.width - width)
    top = chance.randint(0, photo.height - height)
    box = (left, top, left + width, top + height)
    part = photo.resize((side, side), Image.Resampling.BICUBIC, box=box)
    if chance.random() < 0.5:
        part = ImageEnhance.Brightness(part).enhance(chance.uniform(0.75, 1.25))
        part = ImageEnhance.Contrast(part).enhance(chance.uniform(0.75, 1.25))
        part = ImageEnhance.Color(part).enhance(chance.uniform(0.6, 1.4))
    pixels = np.asarray(part)
    return np.ascontiguousarray(pixels[:, ::-1]) if flip else pixels


def view_of(encoded: bytes, side: int, *, number: int, chance: random.Random) -> NDArray[np.uint8]:
    """Return view `number`: 0 the whole photo, 1 flipped, then crops, every second one flipped."""
    if number == 0:
        return whole_view(encoded, side)
    if number == 1:
        return flipped_view(encoded, side)
    return cropped_view(encoded, side, chance=chance, flip=number % 2 == 1)


def _read_files(beside: Path) -> Mapping[str, bytes]:
    archive = beside.with_suffix(".tar")
    if archive.is_file():
        with tarfile.open(archive) as opened:
            members: Sequence[tarfile.TarInfo] = [part for part in opened if part.isfile()]
            return {Path(part.name).name: _member(opened, part) for part in members}
    if not beside.is_dir():
        return {}
    return {path.name: path.read_bytes() for path in beside.iterdir() if path.is_file()}


def _member(archive: tarfile.TarFile, part: tarfile.TarInfo) -> bytes:
    opened = archive.extractfile(part)
    assert opened is not None  # only regular files are asked for
    return opened.read()
