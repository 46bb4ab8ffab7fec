"""`museion log`: tools for an event log, of a site or of a program that uses the toolkit alone."""

from __future__ import annotations

from importlib import import_module
from types import MappingProxyType

import click

TOOLS = MappingProxyType(
    {
        "tail": "Print the last events, and new ones as they come.",
        "show": "Show everything about one event.",
        "verify": "Prove that nothing was damaged, changed, lost or moved.",
        "stats": "Count events by type and origin; tell how far its readers are.",
        "export": "Write events as JSON lines, Arrow or Parquet.",
    }
)
"""Name -> one line of help; the module `museion.cli.log_NAME` holds the command."""

_PLACES = (
    ("--site DIR", "The log of a site; the working folder if nothing is named."),
    ("--log DIR", "The log of a program that uses the toolkit alone: an LMDB folder."),
    ("--postgres CONNINFO", "A log in PostgreSQL, the one that --log-name names."),
)


class _Tools(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(TOOLS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in TOOLS:
            return None
        command: click.Command = import_module(f"museion.cli.log_{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        # The help needs the names and lines above only, not the modules.
        with formatter.section("Tools"):
            formatter.write_dl(list(TOOLS.items()))
        with formatter.section("Each tool takes"):
            formatter.write_dl(_PLACES)


@click.group("log", cls=_Tools)
def command() -> None:
    """Look into an event log, prove it, export it. Reads only; its program may go on writing."""
