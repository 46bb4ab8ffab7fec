"""What the page on measuring a search shows is run."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

from museion.search.judgements import read_judgements

PAGE = (Path(__file__).parents[2] / "docs/how-to/measure-your-search.md").read_text("utf-8")


def test_the_example_without_an_archive_ends_as_told() -> None:
    (program,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(program, {"__name__": "example"})  # noqa: S102 (our own page)

    lines = said.getvalue().splitlines()
    assert "recall@1: 0.50 (0.50 to 0.50)" in lines
    assert "nothing fits, rightly: 1.00 (0.21 to 1.00)" in lines
    assert lines[-1] == "not shown"


def test_every_line_that_the_page_shows_is_a_judged_query() -> None:
    told = read_judgements(re.findall(r'^    (\{"query.*)$', PAGE, re.MULTILINE))

    assert len(told.queries) == 3
    assert not told.bad
