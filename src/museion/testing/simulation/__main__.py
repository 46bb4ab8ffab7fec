"""Plays many seeds, or one again: `python -m museion.testing.simulation --seeds 10000`."""

from __future__ import annotations

import sys

from museion.testing.simulation.playing import main

if __name__ == "__main__":
    sys.exit(main())
