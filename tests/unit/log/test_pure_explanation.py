"""The Python shown in the explanation of causal stability runs, and what it asserts holds."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).parents[3] / "docs" / "explanation" / "causal-stability.md"


def test_the_python_of_the_explanation_runs_from_top_to_bottom() -> None:
    text = PAGE.read_text("utf-8")
    names: dict[str, object] = {"__name__": "explanation"}
    blocks = list(re.finditer(r"^```python\n(.*?)^```", text, re.M | re.S))
    assert len(blocks) == 3
    for block in blocks:
        first_line = text[: block.start(1)].count("\n")
        code = compile("\n" * first_line + block[1], str(PAGE), "exec")
        exec(code, names)  # noqa: S102 (our own documents)
