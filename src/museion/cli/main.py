"""The command `museion`: finds the command's module, and turns errors into one line.

Command modules import the archive only when they run, so `museion --help` answers at once, and the
commands of the toolkits (`museion log`) work where the archive is not installed.
"""

from __future__ import annotations

import os
import sys
import traceback
from importlib import import_module
from types import MappingProxyType
from typing import NoReturn

import click

from museion.base.errors import MuseionError
from museion.base.version import VERSION
from museion.cli.terminal_text import one_line

EXIT_PROBLEMS = 1
"""Some files were refused or quarantined; the others are in the archive."""
EXIT_FAILED = 2
"""The command could not be carried out."""
EXIT_INTERRUPTED = 130

COMMANDS = MappingProxyType(
    {
        "init": "Make a new site in a folder.",
        "ingest": "Take in files and folders.",
        "search": "Find assets by words, filters or a picture.",
        "show": "Show everything about one asset.",
        "why": "Show which part of a picture fits a query.",
        "edit": "Change what people say about assets: captions, tags, rights.",
        "conflicts": "Compare and settle what sites said differently.",
        "collections": "Make collections of assets and put them in order.",
        "duplicates": "Find what shows the same picture, and keep one of it.",
        "quarantine": "List the files that could not be taken in or shown.",
        "serve": "Serve the web page and the HTTP API.",
        "status": "Tell what the site holds and how far enrichment has come.",
        "judge": "Say whether an asset fits a query.",
        "judgements": "List what people said of hits, or export it to measure by.",
        "evaluate": "Measure the search by what is known to be relevant.",
        "tune": "Fit the weights of the search to your judgements.",
        "models": "Choose the encoder that the site searches with; add others.",
        "sites": "Let sites exchange what they hold, and see how they stand.",
        "log": "Look into an event log, prove it, export it.",
    }
)
"""Command name -> one line of help; the module `museion.cli.NAME_command` holds it."""


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"museion.cli.{cmd_name}_command").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        # The group's help needs the names and lines above only, not the modules.
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(VERSION, prog_name="museion")
def commands() -> None:
    """Museion, a media archive: photos go in; people find them by meaning, look and any field."""


def main() -> None:
    """Run the command line and exit with its status."""
    try:
        status = commands.main(prog_name="museion", standalone_mode=False)
        sys.exit(status if isinstance(status, int) else 0)
    except click.ClickException as error:
        error.show()
        sys.exit(EXIT_FAILED)
    except MuseionError as error:
        _fail(str(error))
    except (KeyboardInterrupt, click.Abort):
        click.echo("museion: interrupted; run the same command again to go on.", err=True)
        sys.exit(EXIT_INTERRUPTED)
    except BrokenPipeError:
        # The reader of our output has gone, as `| head` does; what is left is for nobody.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(EXIT_FAILED)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        _fail(f"{place}{error.strerror or error}. Check the disk and the rights of this user.")
    except ModuleNotFoundError as error:
        _fail_without(error)
    except Exception:
        # A defect: the status must not be that of a command which did its work.
        _fail_at_defect()


def _fail_without(error: ModuleNotFoundError) -> NoReturn:
    """Say what to install where the toolkits alone are there."""
    package = (error.name or "museion").partition(".")[0]
    if package == "museion":
        _fail_at_defect()
    _fail(f"this command needs the whole archive ({package}): pip install 'museion[archive]'")


def _fail_at_defect() -> NoReturn:
    traceback.print_exc()
    _fail("the program met a defect. Please report the lines above; what is taken in is safe.")


def _fail(reason: str) -> NoReturn:
    click.echo(f"museion: {one_line(reason, longest=5000)}", err=True)
    sys.exit(EXIT_FAILED)


if __name__ == "__main__":
    main()
