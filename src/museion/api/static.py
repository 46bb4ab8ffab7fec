"""The built web UI, as files of this package."""

from __future__ import annotations

import mimetypes
from pathlib import Path

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

_FOLDER = Path(__file__).parent / "static"
_FOR_EVER = "public, max-age=31536000, immutable"
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
    if path.startswith("/api/"):
        return Response(b"", status_code=404, media_type="text/plain")
    if "\0" in path:
        return _index()
    file = (_FOLDER / path.lstrip("/")).resolve()
    if not file.is_relative_to(_FOLDER.resolve()) or not file.is_file():
        return _index()
    media_type = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    cache = _FOR_EVER if path.startswith("/assets/") else "no-cache"
    return Response(file.read_bytes(), media_type=media_type, headers={"Cache-Control": cache})


def _index() -> Response[bytes]:
    page = _FOLDER / "index.html"
    content = page.read_bytes() if page.exists() else _NO_PAGE.encode()
    return Response(content, media_type="text/html", headers={"Cache-Control": "no-cache"})
