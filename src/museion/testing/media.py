"""Files of every format that the archive takes, made by code, and ways to break them.

    make_sample("jpg", folder / "a.jpg", seed=1, metadata={"title": "A scene"})
    break_file(folder / "a.jpg", "cut-50")

Equal arguments give equal pictures (films may differ in bytes between versions of FFmpeg).
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import pillow_heif
import pyvips
from numpy.typing import NDArray
from PIL import Image

from museion.media.metadata import FieldValue
from museion.media.metadata_writing import write_metadata
from museion.testing.dng_sample import dng_bytes
from museion.testing.film_sample import make_film
from museion.testing.pdf_sample import pdf_bytes
from museion.testing.scenes import CORNERS, paint_scene

Format = Literal[
    "jpg", "png", "gif", "webp", "tif", "avif", "heic", "svg", "dng", "pdf", "mp4", "mov", "webm"
]
FORMATS: tuple[Format, ...] = get_args(Format)

Damage = Literal["cut-10", "cut-50", "cut-90", "garbled", "empty", "text"]
DAMAGES: tuple[Damage, ...] = get_args(Damage)

_TEXT = b"This is a plain text, whatever its name says.\n" * 20


def make_sample(
    sample_format: str,
    path: Path,
    *,
    width: int = 400,
    height: int = 300,
    seed: int = 0,
    metadata: Mapping[str, FieldValue] | None = None,
    **options: Any,
) -> Path:
    """Write a scene as a file of one format and return its path.

    Args:
        sample_format: one of `FORMATS`.
        width, height: pixels (points for PDF); even numbers suit every format.
        metadata: fields to write, for JPEG, PNG, WebP and TIFF.
        options: what the format's own maker takes besides: those of `pdf_bytes`, `dng_bytes`,
            `make_film` and of libvips' savers.
    """
    scene = paint_scene(width, height, seed=seed)
    if sample_format in _FILMS:
        make_film(sample_format, path, width=width, height=height, seed=seed, **options)
    else:
        path.write_bytes(_MAKERS[sample_format](scene, **options))
    if metadata:
        write_metadata(path, metadata)
    return path


def break_file(path: Path, how: Damage | str, *, seed: int = 0) -> Path:
    """Damage a file in place and return its path.

    Args:
        how: "cut-N" keeps the first N per cent; "garbled" overwrites the middle quarter with
            noise; "empty" leaves no byte; "text" puts a text under the name.
    """
    content = bytearray(path.read_bytes())
    if how.startswith("cut-"):
        path.write_bytes(content[: len(content) * int(how.removeprefix("cut-")) // 100])
    elif how == "garbled":
        start, length = len(content) * 3 // 8, len(content) // 4
        noise = np.random.default_rng(seed).integers(0, 256, length, dtype=np.uint8)
        content[start : start + length] = noise.tobytes()
        path.write_bytes(content)
    else:
        path.write_bytes({"empty": b"", "text": _TEXT}[how])
    return path


def jpeg_bytes(scene: NDArray[np.uint8], *, quality: int = 85, **options: object) -> bytes:
    """Return a scene (uint8 [height, width, 3]) as a JPEG."""
    return image_bytes(_image(scene), ".jpg", Q=quality, **options)


def image_bytes(image: pyvips.Image, extension: str, **options: object) -> bytes:
    """Return any libvips image in the format of an extension such as .png."""
    return bytes(image.write_to_buffer(extension, **options))


def _image(scene: NDArray[np.uint8]) -> pyvips.Image:
    return pyvips.Image.new_from_array(scene)


def _heic(scene: NDArray[np.uint8], **options: object) -> bytes:
    buffer = io.BytesIO()
    options = {"quality": 80, "enc_params": {"preset": "ultrafast"}, **options}
    pillow_heif.from_pillow(Image.fromarray(scene)).save(buffer, **options)
    return buffer.getvalue()


def _svg(scene: NDArray[np.uint8], *, body: str = "") -> bytes:
    """Return a drawing with the corners of all scenes; `body` is put behind them."""
    height, width = scene.shape[:2]
    wide, tall = width // 6, height // 6
    places = ((0, 0), (width - wide, 0), (0, height - tall), (width - wide, height - tall))
    corners = "".join(
        f'<rect x="{x}" y="{y}" width="{wide}" height="{tall}" fill="rgb{colour}"/>'
        for (x, y), colour in zip(places, CORNERS.values(), strict=True)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
        f"<title>Corners</title><desc>Four corners and a disc</desc>{corners}"
        f'<circle cx="{width / 2}" cy="{height / 2}" r="{height / 4}" fill="purple"/>'
        f"{body}</svg>\n"
    ).encode()


def _dng(scene: NDArray[np.uint8], *, has_preview: bool = True, **options: Any) -> bytes:
    # Cameras put plain previews into their files, without metadata of their own.
    preview = jpeg_bytes(scene, keep="none") if has_preview else b""
    return dng_bytes(scene, preview, **options)


def _pdf(scene: NDArray[np.uint8], **options: Any) -> bytes:
    height, width = scene.shape[:2]
    return pdf_bytes(jpeg_bytes(scene), width=width, height=height, **options)


def _still(extension: str, **defaults: object) -> Callable[..., bytes]:
    def save(scene: NDArray[np.uint8], **options: object) -> bytes:
        return image_bytes(_image(scene), extension, **{**defaults, **options})

    return save


_FILMS = frozenset({"mp4", "mov", "webm"})
_MAKERS: dict[str, Callable[..., bytes]] = {
    "jpg": jpeg_bytes,
    "png": _still(".png"),
    "gif": _still(".gif"),
    "webp": _still(".webp", Q=85, effort=0),
    "tif": _still(".tif", compression="lzw"),
    "avif": _still(".avif", Q=70, effort=0),
    "heic": _heic,
    "svg": _svg,
    "dng": _dng,
    "pdf": _pdf,
}
