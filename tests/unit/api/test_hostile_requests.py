"""No request brings the server down, gets at its files, or is answered as a defect."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from running_site import ServedSite, run_museion, serving, wait_until

from museion.testing.media import break_file, make_sample

_PATHS = (
    *("/%00", "/assets/%00", "/assets/../../../../etc/passwd", "/..%2f..%2fpyproject.toml"),
    *("/api/nothing", "/api/assets/%ff", "/api/assets/%00", "/api/assets/%ed%a0%80"),
    *("/api/search", "/api/search?q=%ff", "/api/search?q=%00", "/api/search?q=%ed%a0%80"),
    *(f"/api/search?q={'a' * 2001}", "/api/search?q=a&limit=501", "/api/search?q=a&limit=x"),
    *("/api/search?q=a&offset=99999999999999999999", "/api/search?q=a&offset=1000000000000"),
    *("/api/search?q=a&offset=2147483647", "/api/assets?offset=2147483647", "/api/search?q=-"),
    *("/api/assets?offset=99999999999999999999", "/api/assets?offset=-1", "/api/layout?q=%ff"),
    *("/api/assets?q=" + "tag:a%20tag:b%20" * 2000, "/api/assets?q=type:nothing"),
    *("/api/assets?q=" + "%20".join(f"tag:{n}" for n in range(2000)), "/api/suggest?q=%ff"),
    *("/api/timeline?q=-place-near:1,1", "/api/suggest?q=tag:%25", "/api/blobs/xyz"),
    *(f"/api/blobs/{'0' * 64}", "/api/blobs/..%2f..%2fmuseion.toml", "/api/blobs/%00"),
    *("/api/search?q=place-near:9999,9999", "/api/search?q=%22unclosed", "/schema/openapi.json"),
    *("/api/assets/zzzz/similar", "/api/assets/zzzz/original", "/api/quarantine", "/api/site"),
    *("/api/conflicts/%00", "/api/conflicts/%ed%a0%80:caption", "/api/conflicts/a:caption"),
    *("/api/conflicts/a:nothing", "/api/conflicts?offset=99999999999999999999"),
    *("/api/collections/%00", "/api/collections/%ed%a0%80", "/api/collections/x?offset=-1"),
)
_CHANGES = (
    *("", "[", "null", "[]", '"x"', "{}", '{"by": null}', '{"by": "\\u0000"}', "{" * 5000),
    *('{"by": "\\ud800", "set": {}}', '{"by": "A", "set": {"caption": "\\ud800"}}'),
    *('{"by": "A", "seen": "kYGhYQE"}', '{"by": "A", "seen": "\\u00e9"}', '{"by": "A", "set": []}'),
    *('{"by": "A", "set": {"access": [""]}}', '{"by": "A", "set": {"access": {}}}'),
    *('{"by": "A", "set": {"rating": 1e400}}', '{"by": "A", "set": {"rating": -1}}'),
    *('{"by": "A", "add_tags": ["\\ud800"]}', '{"by": "A", "add_tags": [""]}'),
    *('{"by": "A", "ids": ["\\u0000"], "add_tags": ["a"]}', '{"by": "A", "ids": []}'),
    *('{"by": "A", "change": "\\ud800"}', '{"by": "A", "text": ""}', '{"by": "A", "name": ""}'),
    *('{"by": "A", "choice": "x", "value": "y"}', '{"by": "A", "index": -1, "ids": ["a"]}'),
)
_CHANGED = (
    *("PATCH /api/assets/ASSET", "POST /api/assets/edit", "POST /api/assets/ASSET/undo"),
    *("POST /api/assets/ASSET/trash", "POST /api/assets/ASSET/comments"),
    *("POST /api/conflicts/ASSET:caption/resolve", "POST /api/collections"),
    *("PATCH /api/collections/x", "POST /api/collections/%00/add", "POST /api/collections/x/move"),
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedSite]:
    folder = tmp_path_factory.mktemp("hostile")
    make_sample("jpg", folder / "a.jpg", metadata={"caption": "a scene"})
    run_museion("init", folder / "site")
    run_museion("ingest", "--site", folder / "site", folder / "a.jpg")
    with serving(folder / "site") as server:
        yield server


def _answer(server: ServedSite, head: str, body: bytes = b"") -> tuple[int, bytes]:
    """Send bytes as they are, which no client library would, and return status and payload."""
    with _connect(server) as connection:
        host = server.url.removeprefix("http://")
        lines = f"{head} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n"
        connection.sendall(
            lines.encode("latin-1") + f"Content-Length: {len(body)}\r\n\r\n".encode()
        )
        connection.sendall(body)
        answer = b"".join(iter(lambda: connection.recv(1 << 16), b""))
    status, _, rest = answer.partition(b"\r\n")
    return int(status.split()[1]), rest.partition(b"\r\n\r\n")[2]


def _connect(server: ServedSite) -> socket.socket:
    host, port = server.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=20)


def _assets(server: ServedSite) -> int:
    return int(server.status()["assets"])


@pytest.mark.parametrize("path", _PATHS, ids=lambda path: path[:60])
def test_every_address_gets_an_answer_that_is_no_defect(server: ServedSite, path: str) -> None:
    status, payload = _answer(server, f"GET {path}")

    assert status < 500
    assert b"root:" not in payload
    assert b"name =" not in payload
    if path.startswith("/api/") and status >= 400:
        problem = json.loads(payload)
        assert problem["status"] == status
        assert problem["detail"]


@pytest.mark.parametrize("route", _CHANGED)
def test_a_change_that_makes_no_sense_is_refused(server: ServedSite, route: str) -> None:
    method, path = route.split()
    asset = server.get("/api/assets")["items"][0]["id"]

    for body in _CHANGES:
        answer = server.http.request(
            method,
            path.replace("ASSET", asset),
            content=body.encode(),
            headers={"content-type": "application/json"},
        )

        assert answer.status_code < 500, (body, answer.text)
        if answer.status_code >= 400:
            assert answer.json()["detail"], body


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "localhost.evil.example", ""])
def test_a_foreign_name_for_this_machine_is_refused(server: ServedSite, host: str) -> None:
    """A page of another origin could resolve its own name to this machine."""
    assert server.http.get("/api/site", headers={"host": host}).status_code in {400, 403}


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "file://", ""])
def test_a_page_of_another_origin_cannot_write(server: ServedSite, origin: str) -> None:
    answer = server.http.post("/api/quarantine/retry", headers={"origin": origin})

    assert answer.status_code == 403


@pytest.mark.parametrize("framing", ["Content-Length: 100000", "Transfer-Encoding: chunked"])
def test_an_upload_that_breaks_off_leaves_nothing(
    server: ServedSite, tmp_path: Path, framing: str
) -> None:
    """Not even where all that came is a whole picture."""
    before = _assets(server)
    content = make_sample("jpg", tmp_path / "half.jpg", seed=77).read_bytes()
    host = server.url.removeprefix("http://")
    head = f"POST /api/assets?filename=half.jpg HTTP/1.1\r\nHost: {host}\r\n{framing}\r\n\r\n"
    size = f"{len(content):x}\r\n".encode() if "chunked" in framing else b""
    with _connect(server) as connection:
        connection.sendall(head.encode() + size + content)
        incoming = server.folder / "blobs" / "incoming"
        wait_until(lambda: any(incoming.iterdir()), "the upload has begun")
    wait_until(lambda: not any(incoming.iterdir()), "the upload was given up")

    assert _assets(server) == before


@pytest.mark.parametrize(
    ("content", "status"), [(b"", 422), (b"only text", 415), (b"\xff\xd8\xff", 201)]
)
def test_what_is_no_medium_is_refused_with_what_to_do(
    server: ServedSite, content: bytes, status: int
) -> None:
    answer = server.http.post("/api/assets", params={"filename": "a.jpg"}, content=content)

    assert answer.status_code == status
    if status >= 400:
        assert answer.json()["detail"]
        assert answer.json()["remedy"]


@pytest.mark.parametrize("damage", ["empty", "text", "cut-10", "garbled"])
def test_a_picture_to_search_by_that_cannot_be_read_is_refused(
    server: ServedSite, tmp_path: Path, damage: str
) -> None:
    broken = break_file(make_sample("jpg", tmp_path / "a.jpg"), damage)

    answer = server.http.post("/api/search/like", content=broken.read_bytes())

    assert 400 <= answer.status_code < 500
    assert answer.json()["remedy"]


def test_a_hostile_name_is_a_name(server: ServedSite, tmp_path: Path) -> None:
    """It goes no further than its last part, and reaches a page as text."""
    name = "../..\\x\x1b[31m<script>alert(1)</script>\u202e\n\u2066.jpg"
    content = make_sample("jpg", tmp_path / "a.jpg", seed=78).read_bytes()

    told = server.upload(content, name)
    server.settle()

    detail = server.get(f"/api/assets/{told['id']}")
    original = server.http.get(f"/api/assets/{told['id']}/original")
    shown = run_museion("show", "--site", server.folder, told["id"]).out
    assert detail["filename"] == name.replace("\\", "/").rpartition("/")[2]
    assert original.content == content
    assert "\x1b" not in shown
    assert "\u202e" not in shown


def test_an_original_that_could_carry_a_script_is_never_shown_in_place(
    server: ServedSite, tmp_path: Path
) -> None:
    drawing = make_sample("svg", tmp_path / "a.svg", body="<!-- a comment -->").read_bytes()
    told = server.upload(drawing, "a.svg")

    headers = server.http.get(f"/api/assets/{told['id']}/original").headers

    assert headers["content-disposition"].startswith("attachment")
    assert headers["content-security-policy"] == "sandbox"
    assert headers["x-content-type-options"] == "nosniff"


def test_many_connections_that_say_nothing_do_not_stop_the_others(server: ServedSite) -> None:
    silent = [_connect(server) for _ in range(100)]
    try:
        started = time.monotonic()
        assert server.status()["assets"] >= 1
        assert time.monotonic() - started < 5
    finally:
        for connection in silent:
            connection.close()
