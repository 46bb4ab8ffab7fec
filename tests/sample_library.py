"""The sample library of `examples`, as the demo prepares it: real photos with their metadata."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

EXAMPLES = Path(__file__).parent.parent / "examples"
LIBRARY = EXAMPLES / "sample_library"


def prepare_photos(folder: Path) -> Path:
    """Fill a folder with the photos, metadata written into each as the demo does."""
    photos: Path = _demo().prepare_photos(folder)
    return photos


def entries() -> dict[str, dict[str, Any]]:
    """Return what the library tells of each photo, by file name."""
    return {entry["file"]: entry for entry in _read("library.json")}


def told(filename: str) -> dict[str, Any]:
    """Return the metadata that the demo writes into a photo."""
    metadata: dict[str, Any] = _demo().metadata_of(entries()[filename])
    return metadata


def queries() -> list[dict[str, Any]]:
    """Return searches in plain words with the photos that belong among the first hits."""
    return list(_read("queries.json"))


def _read(name: str) -> Any:
    return json.loads((LIBRARY / name).read_text("utf-8"))


def _demo() -> ModuleType:
    spec = importlib.util.spec_from_file_location("museion_demo", EXAMPLES / "demo.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
