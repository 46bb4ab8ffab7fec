"""The Python shown in the explanation of CRDTs runs, and what it asserts holds."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).parent.parent.parent / "docs" / "explanation" / "crdts.md"


def test_the_python_of_the_page_about_crdts_runs_from_top_to_bottom() -> None:
    text = PAGE.read_text("utf-8")
    blocks = list(re.finditer(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL))
    assert len(blocks) >= 4
    names: dict[str, object] = {"__name__": "explanation"}
    for block in blocks:
        first_line = text[: block.start(1)].count("\n")
        exec(compile("\n" * first_line + block[1], str(PAGE), "exec"), names)  # noqa: S102 (our own)
