"""Lets tests import the examples as their programs do, and what the tests here share."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent

sys.path[:0] = [str(HERE / "support"), str(HERE.parent.parent / "examples" / "log")]
