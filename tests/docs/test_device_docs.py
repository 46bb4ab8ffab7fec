"""The Python shown about devices runs, and what it asserts holds."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).parent.parent.parent / "docs" / "explanation" / "devices.md"


def test_the_python_of_the_page_runs_from_top_to_bottom() -> None:
    names: dict[str, object] = {"__name__": "explanation"}
    blocks = list(re.finditer(r"^```python\n(.*?)^```", PAGE.read_text("utf-8"), re.M | re.S))
    assert len(blocks) == 3
    for block in blocks:
        first_line = PAGE.read_text("utf-8")[: block.start(1)].count("\n")
        exec(compile("\n" * first_line + block[1], str(PAGE), "exec"), names)  # noqa: S102 (our own documents)
    names["FOLDER"].cleanup()  # type: ignore[attr-defined]  # a temporary folder
