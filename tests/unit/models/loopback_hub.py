"""A hub on this machine: serves folders of models as hubs do, and breaks when it is told to."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMIT = "0123456789abcdef0123456789abcdef01234567"
_PATH = re.compile(r"/tiny/(?P<name>[\w-]+)/resolve/(?P<revision>\w+)/(?P<file>[\w./-]+)")
_STORE = re.compile(r"/store/(?P<name>[\w-]+)/(?P<file>[\w./-]+)")


@dataclass
class Hub:
    """What the server does, and what it was asked.

    Attributes:
        folder: holds one folder for each model.
        cut_after: bytes after which the line breaks, by file; once.
        lie: files whose stated digest is wrong.
        closed: files that are refused.
        asked: path and `Range` of each request for content.
    """

    folder: Path
    address: str = ""
    cut_after: dict[str, int] = field(default_factory=dict)
    lie: set[str] = field(default_factory=set)
    closed: set[str] = field(default_factory=set)
    asked: list[tuple[str, str | None]] = field(default_factory=list)


@contextmanager
def running_hub(folder: Path) -> Iterator[Hub]:
    """Serve the models in a folder on loopback meanwhile."""
    hub = Hub(folder)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, hub))
    hub.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=partial(server.serve_forever, poll_interval=0.01))
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    """Small files are answered at once; graphs lie in a store that the answer points to."""

    def __init__(self, hub: Hub, *args: object) -> None:
        self._hub = hub
        super().__init__(*args)  # type: ignore[arg-type]  # what the server gives

    def do_HEAD(self) -> None:
        self._answer(with_content=False)

    def do_GET(self) -> None:
        self._answer(with_content=True)

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _answer(self, *, with_content: bool) -> None:
        found = _PATH.fullmatch(self.path) or _STORE.fullmatch(self.path)
        path = self._hub.folder / found["name"] / found["file"] if found else None
        if found is None or path is None or not path.is_file():
            self._plain(404)
        elif found["file"] in self._hub.closed:
            self._plain(401)
        elif path.suffix == ".onnx" and self.path.startswith("/tiny/"):
            content = b"other" if found["file"] in self._hub.lie else path.read_bytes()
            self.send_response(302)
            self.send_header("Location", f"/store/{found['name']}/{found['file']}")
            self.send_header("X-Linked-ETag", f'"{hashlib.sha256(content).hexdigest()}"')
            self._end(0)
        else:
            self._content(found["file"], path.read_bytes(), with_content=with_content)

    def _content(self, file: str, content: bytes, *, with_content: bool) -> None:
        tag = f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'
        span = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if span and self.headers.get("If-Range", tag) == tag:
            start = int(span[1])
            content = content[start : int(span[2]) + 1 if span[2] else None]
            self.send_response(206)
        else:
            self.send_response(200)
        self.send_header("ETag", tag)
        self.send_header("X-Repo-Commit", COMMIT)
        self._end(len(content))
        if with_content:
            self._hub.asked.append((file, self.headers.get("Range")))
            self.wfile.write(content[: self._hub.cut_after.pop(file, None)])

    def _plain(self, status: int) -> None:
        self.send_response(status)
        self._end(0)

    def _end(self, length: int) -> None:
        self.send_header("Content-Length", str(length))
        self.send_header("Connection", "close")
        self.end_headers()
