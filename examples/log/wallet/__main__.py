"""Shows an e-wallet at work: `python examples/log/wallet`, or with `--measure` how fast it is."""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    # Started as a folder, Python looks for modules in it; the package is found beside it.
    sys.path[0] = str(Path(__file__).resolve().parent.parent)
    from wallet.demo import main

    main()
