"""Lets tests import the examples as their programs do: from the folder that they stand in."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent.parent / "examples" / "log"))
