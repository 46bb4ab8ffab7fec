"""The Python shown in the how-to about simulated sites runs."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).parent.parent.parent / "docs" / "how-to" / "simulate-sites.md"


def test_the_python_of_the_page_about_simulation_runs_from_top_to_bottom() -> None:
    names: dict[str, object] = {"__name__": "how_to"}
    blocks = re.findall(r"^```python\n(.*?)^```", PAGE.read_text("utf-8"), re.M | re.S)
    assert len(blocks) == 2
    for block in blocks:
        exec(block, names)  # noqa: S102 (our own documents)
