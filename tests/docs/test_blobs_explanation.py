"""The Python shown in the explanation of blobs between sites runs."""

from __future__ import annotations

import re
from pathlib import Path

from museion.blobs.partial_file import LeftOverLimits
from museion.blobs.transfer.fetch_settings import FetchSettings

PAGE = Path(__file__).parent.parent.parent / "docs" / "explanation" / "blobs-between-sites.md"
TEXT = PAGE.read_text("utf-8")


def test_its_python_runs_from_top_to_bottom() -> None:
    names: dict[str, object] = {"__name__": "explanation"}
    blocks = re.findall(r"^```python\n(.*?)^```", TEXT, re.M | re.S)
    assert len(blocks) == 2
    for block in blocks:
        exec(block, names)  # noqa: S102 (our own documents)


def test_its_bounds_are_those_of_the_code() -> None:
    limits = LeftOverLimits()
    assert f"{limits.max_files} files and {limits.max_bytes >> 30} GiB" in TEXT
    assert FetchSettings().wrong_rest_s == 600
    assert "rests for ten minutes" in TEXT
