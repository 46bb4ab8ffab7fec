"""Reads single numbers out of a safetensors file without reading the rest.

The file begins with the length of its header (8 bytes, little endian); the header is JSON: for each
tensor its type, shape and place behind the header.

Source: the format as its documentation states it, https://github.com/huggingface/safetensors.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np

_LONGEST_HEADER = 100 << 20
_TYPES = {"F64": "<f8", "F32": "<f4", "F16": "<f2"}


def scalars_of(path: Path, names: Iterable[str]) -> dict[str, float]:
    """Return the tensors of one number among `names`; others, and unknown ones, are left out."""
    found: dict[str, float] = {}
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 0 < length <= _LONGEST_HEADER:
            return {}
        try:
            header = json.loads(file.read(length))
        except ValueError:
            return {}
        for name in names:
            entry = header.get(name)
            if not isinstance(entry, dict):
                continue
            start, end = entry["data_offsets"]
            file.seek(8 + length + start)
            number = _number(file.read(end - start), entry["dtype"])
            if number is not None:
                found[name] = number
    return found


def _number(content: bytes, kind: str) -> float | None:
    if kind == "BF16" and len(content) == 2:
        return float(np.frombuffer(b"\x00\x00" + content, "<f4")[0])
    if kind not in _TYPES or len(content) != np.dtype(_TYPES[kind]).itemsize:
        return None
    return float(np.frombuffer(content, _TYPES[kind])[0])
