"""The built web UI, as files of this package."""

from __future__ import annotations

import mimetypes
from pathlib import Path

from litestar import Response, get
from litestar.exceptions import NotFoundException
from litestar.handlers import HTTPRouteHandler

_FOLDER = Path(__file__).parent / "static"
_FOR_EVER = "public, max-age=31536000, immutable"
_NEVER_PAGES = ("/api/", "/assets/")
"""Where a missing file is a fault: an old page asks for parts that are gone, or a typing error."""
_NO_PAGE = (
    "<!doctype html><html lang=en><title>Museion</title><p>The web page is not built: run"
    " <code>make web</code> in the repository, or install the wheel. The HTTP API is described"
    " at <a href=/schema/openapi.json>/schema/openapi.json</a>."
)


def routes() -> list[HTTPRouteHandler]:
    """Return the routes of the page; the names of its files carry their digest."""
    return [index, page_file]


@get("/", include_in_schema=False, sync_to_thread=True)
def index() -> Response[bytes]:
    """Return the page itself; browsers ask for it anew each time."""
    return _index()


@get("/{path:path}", include_in_schema=False, sync_to_thread=True)
def page_file(path: str) -> Response[bytes]:
    """Return a file of the page; any other path is the page itself, which reads it."""
    file = _file_at(path)
    if file is None and path.startswith(_NEVER_PAGES):
        raise NotFoundException(f"Nothing is at {path[:80]}.")
    if file is None:
        return _index()
    media_type = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    cache = _FOR_EVER if path.startswith("/assets/") else "no-cache"
    return Response(file.read_bytes(), media_type=media_type, headers={"Cache-Control": cache})


def _file_at(path: str) -> Path | None:
    """Return the page's file for the path of a request, never one outside the page's folder."""
    if "\0" in path:
        return None
    file = (_FOLDER / path.lstrip("/")).resolve()
    return file if file.is_relative_to(_FOLDER.resolve()) and file.is_file() else None


def _index() -> Response[bytes]:
    page = _FOLDER / "index.html"
    content = page.read_bytes() if page.exists() else _NO_PAGE.encode()
    return Response(content, media_type="text/html", headers={"Cache-Control": "no-cache"})
