"""The command line of the example."""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from pathlib import Path

from orders.prompt import Prompt
from orders.sites import opened
from orders.story import tell


async def run(folder: Path, *, interactive: bool) -> None:
    """Open the shop, and tell the story or ask somebody what to do."""
    async with opened(folder) as shop:
        await (Prompt(shop).run() if interactive else tell(shop))


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Orders that two sites change at once.")
    parser.add_argument("--interactive", action="store_true", help="ask what to do")
    parser.add_argument("--folder", type=Path, help="keep the logs of both sites here")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="orders-") as temporary:
        folder = arguments.folder or Path(temporary)
        asyncio.run(run(folder, interactive=arguments.interactive))
