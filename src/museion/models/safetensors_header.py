"""Reads single numbers out of a safetensors file without reading the rest.

The file begins with the length of its header (8 bytes, little endian); the header is JSON: for each
tensor its type, shape and place behind the header.

Source: the format as its documentation states it, https://github.com/huggingface/safetensors.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

_LONGEST_HEADER = 16 << 20
_TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2"}

Read = Callable[[int, int], bytes]
"""Returns so many bytes from a place on; fewer, or none, where there are not so many."""


def scalars_of(path: Path, names: Iterable[str]) -> dict[str, float]:
    """Return the tensors of one number among `names`; others, and unknown ones, are left out."""
    with path.open("rb") as file:

        def read(start: int, length: int) -> bytes:
            file.seek(start)
            return file.read(length)

        return scalars_from(read, names)


def scalars_from(read: Read, names: Iterable[str]) -> dict[str, float]:
    """Return the tensors of one number among `names`, with as few reads as it takes."""
    length = int.from_bytes(read(0, 8), "little")
    if not 0 < length <= _LONGEST_HEADER:
        return {}
    try:
        header = json.loads(read(8, length))
    except ValueError:
        return {}
    found: dict[str, float] = {}
    for name in names:
        if name in header:
            start, end = header[name]["data_offsets"]
            number = _number(read(8 + length + start, end - start), header[name]["dtype"])
            if number is not None:
                found[name] = number
    return found


def _number(content: bytes, kind: str) -> float | None:
    if kind == "BF16" and len(content) == 2:
        return float(np.frombuffer(b"\x00\x00" + content, "<f4")[0])
    if kind not in _TYPES or len(content) != np.dtype(_TYPES[kind]).itemsize:
        return None
    return float(np.frombuffer(content, _TYPES[kind])[0])
