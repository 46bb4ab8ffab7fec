"""`museion serve`: the web page and the HTTP API."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import click

from museion.cli.options import json_option, print_json, site_option

if TYPE_CHECKING:
    from museion.node.site import Site


@click.command("serve")
@click.option("--host", help="Address to listen on; loopback only, unless told otherwise.")
@click.option("--port", type=click.IntRange(0, 65535), help="Port; 0 takes any that is free.")
@site_option
@json_option
def command(folder: Path, host: str | None, port: int | None, *, as_json: bool) -> None:
    """Serve the site's web page and HTTP API, and go on enriching what was ingested."""
    from museion.node.serving import serve

    def ready(url: str, site: Site) -> None:
        if as_json:
            print_json({"url": url, "name": site.name})
        else:
            click.echo(f"{site.name} is served at {url} (stop with Ctrl-C)")

    asyncio.run(serve(folder, host=host, port=port, on_ready=ready))
