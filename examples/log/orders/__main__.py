"""Order management at two sites, with conflicts that people resolve.

It shows what happens when both sites of a shop change one order while the line between them is cut:
nothing is lost, both versions stand side by side with who, where and when, changes are refused
until the owner has selected one or merged them, and then both sites agree again. The sites are two
logs in one process, joined by `linked`. Nothing but `pip install museion` is needed.

    python examples/log/orders                  # tells a story
    python examples/log/orders --interactive    # play it yourself; `help` lists the commands
"""

from __future__ import annotations

import sys
from pathlib import Path

if __name__ == "__main__":
    # Started as a folder, Python looks for modules in it; the package is found beside it.
    sys.path[0] = str(Path(__file__).resolve().parent.parent)
    from orders.program import main

    main()
