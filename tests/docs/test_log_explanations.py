"""The Python shown in explanations of the log runs, and what it asserts holds."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

EXPLANATIONS = Path(__file__).parent.parent.parent / "docs" / "explanation"


@pytest.mark.parametrize("name", ["causality.md", "conflicts.md"])
def test_the_python_of_an_explanation_runs_from_top_to_bottom(name: str) -> None:
    page = EXPLANATIONS / name
    names: dict[str, object] = {"__name__": "explanation"}
    blocks = list(re.finditer(r"^```python\n(.*?)^```", page.read_text("utf-8"), re.M | re.S))
    assert len(blocks) >= 4
    for block in blocks:
        first_line = page.read_text("utf-8")[: block.start(1)].count("\n")
        code = compile("\n" * first_line + block[1], str(page), "exec")
        exec(code, names)  # noqa: S102 (our own documents)
