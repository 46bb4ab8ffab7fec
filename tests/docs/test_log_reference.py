"""The generated reference is what the code says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parent.parent.parent / "docs" / "reference" / "log-api.md"


def test_the_reference_of_the_log_is_up_to_date() -> None:
    program = "from make_log_api import reference; print(reference(), end='')"
    made = subprocess.run(
        [sys.executable, "-c", program],
        cwd=PAGE.parent,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stdout
    assert made == PAGE.read_text("utf-8"), "run `make reference`"
