"""Uploads to a served site, and what it tells those who follow it."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from blake3 import blake3
from running_site import ServedSite, run_museion, serving, wait_until
from sample_library import LIBRARY

from museion.testing.media import break_file, make_sample

DOGS = "P1050912.jpg"
LARGE_BYTES = 11 << 20
A_YEAR = "public, max-age=31536000, immutable"


# --- uploads -------------------------------------------------------------------------------------


def test_a_large_file_is_taken_as_a_stream(served: ServedSite, tmp_path: Path) -> None:
    """In chunks without a declared length, as a program sends what it is still making."""
    file = make_sample("png", tmp_path / "large.png", width=2200, height=1700, compression=0)
    content = file.read_bytes()
    assert len(content) > LARGE_BYTES - (1 << 20)

    def chunks() -> Iterator[bytes]:
        for start in range(0, len(content), 100_000):
            yield content[start : start + 100_000]

    answer = served.http.post("/api/assets", params={"filename": file.name}, content=chunks())

    assert answer.status_code == 201
    assert answer.json()["digest"] == blake3(content).hexdigest()
    assert served.http.get(f"/api/assets/{answer.json()['id']}/original").content == content


def test_an_upload_tells_new_from_known(served: ServedSite) -> None:
    content = (LIBRARY / DOGS).read_bytes()

    first = served.http.post("/api/assets", params={"filename": DOGS}, content=content)
    again = served.http.post("/api/assets", params={"filename": "other.jpg"}, content=content)

    assert (first.status_code, first.json()["outcome"]) == (201, "ingested")
    assert (again.status_code, again.json()["outcome"]) == (200, "recognised")
    assert first.json()["id"] == again.json()["id"]


def test_the_same_content_from_many_at_once_is_one_asset(served: ServedSite) -> None:
    content = (LIBRARY / DOGS).read_bytes()

    async def upload_all() -> list[httpx.Response]:
        async with httpx.AsyncClient(base_url=served.url, timeout=60, trust_env=False) as client:
            return await asyncio.gather(
                *(
                    client.post("/api/assets", params={"filename": f"{n}.jpg"}, content=content)
                    for n in range(12)
                )
            )

    answers = asyncio.run(upload_all())
    served.settle()

    assert sorted(answer.status_code for answer in answers) == [200] * 11 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert served.status()["assets"] == 1


@pytest.mark.parametrize(
    ("content", "status", "title"),
    [
        (b"", 422, "Empty file"),
        (b"These are holiday notes.", 415, "Unknown media"),
        (b"<html><script>alert(1)</script></html>", 415, "Unknown media"),
        (bytes(1000), 415, "Unknown media"),
    ],
)
def test_what_is_no_medium_is_refused_and_leaves_nothing(
    shared_server: ServedSite, content: bytes, status: int, title: str
) -> None:
    answer = shared_server.http.post(
        "/api/assets", params={"filename": "photo.jpg"}, content=content
    )
    problem = answer.json()

    assert (answer.status_code, problem["title"]) == (status, title)
    assert problem["remedy"]
    assert shared_server.status()["assets"] == 0
    assert _files_of_blobs(shared_server) == []


def test_an_upload_that_breaks_off_leaves_nothing(served: ServedSite) -> None:
    content = (LIBRARY / DOGS).read_bytes()
    host, port = served.url.removeprefix("http://").split(":")
    request = (
        f"POST /api/assets?filename={DOGS} HTTP/1.1\r\nHost: {host}:{port}\r\n"
        f"Content-Length: {len(content)}\r\n\r\n"
    )
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(request.encode() + content[: len(content) // 2])

    wait_until(lambda: _files_of_blobs(served) == [], "nothing is left of it")
    assert served.status()["assets"] == 0
    assert served.upload(content, DOGS)["outcome"] == "ingested"


@pytest.mark.parametrize("name", ["../../evil.jpg", "C:\\photos\\evil.jpg", "/etc/evil.jpg"])
def test_only_the_last_part_of_an_uploaded_name_counts(served: ServedSite, name: str) -> None:
    asset_id = served.upload((LIBRARY / DOGS).read_bytes(), name)["id"]

    assert served.get(f"/api/assets/{asset_id}")["filename"] == "evil.jpg"


# --- what changes --------------------------------------------------------------------------------


def test_changes_are_told_at_once_and_name_the_asset(served: ServedSite) -> None:
    with served.http.stream("GET", "/api/changes") as stream:
        events = _events(stream)
        first = next(events)
        told = served.upload((LIBRARY / DOGS).read_bytes(), DOGS)
        started = time.monotonic()
        for event in events:
            if told["id"] in event["changed"] and event["pending"] == 0:
                break

    assert (first["total"], first["more"]) == (0, True)
    assert (event["total"], event["quarantined"]) == (1, 0)
    assert event["position"] > first["position"]
    assert time.monotonic() - started < 20


def test_a_server_stops_at_once_though_pages_follow_it(new_site: Path) -> None:
    """Once it waited five seconds and then left a traceback."""
    with serving(new_site) as site, site.http.stream("GET", "/api/changes") as stream:
        next(_events(stream))
        started = time.monotonic()
        site.process.terminate()
        site.process.wait(15)

        assert time.monotonic() - started < 4


def test_a_broken_file_waits_in_quarantine_for_another_try(
    served: ServedSite, tmp_path: Path
) -> None:
    torn = break_file(make_sample("png", tmp_path / "torn.png"), "cut-50")
    asset_id = served.upload(torn.read_bytes(), torn.name)["id"]
    served.settle()

    (entry,) = served.get("/api/quarantine")
    retried = served.http.post("/api/quarantine/retry").json()
    served.settle()

    assert (entry["asset_id"], entry["filename"]) == (asset_id, "torn.png")
    assert entry["reason"]
    assert entry["remedy"]
    assert retried == {"retried": 1}
    assert served.status()["quarantined"] == 1
    assert served.get("/api/assets")["total"] == 0
    assert served.get(f"/api/assets/{asset_id}")["state"] == "quarantined"


def test_settled_means_that_a_search_finds_it(served: ServedSite) -> None:
    """Once `pending` was 0 before catalog and indexes had met what was uploaded."""
    for seed in range(3):
        name = f"unmistakable{seed}.jpg"
        content = (LIBRARY / DOGS).read_bytes() + bytes([seed])
        served.upload(content, name)
        served.settle()

        assert served.get("/api/search", q=f"unmistakable{seed}")["hits"][0]["filename"] == name


def test_two_sites_cannot_be_served_at_one_address(served: ServedSite, tmp_path: Path) -> None:
    run_museion("init", tmp_path / "other")
    port = served.url.rsplit(":", 1)[1]

    refused = run_museion("serve", "--site", tmp_path / "other", "--port", port, status=2)

    assert "cannot be listened on" in refused.err
    assert refused.err.count("\n") == 1


def _files_of_blobs(site: ServedSite) -> list[Path]:
    files = (path for path in (site.folder / "blobs").rglob("*") if path.is_file())
    return [path for path in files if path.suffix != ".lock"]


def _events(stream: httpx.Response) -> Iterator[dict[str, Any]]:
    for line in stream.iter_lines():
        if line.startswith("data:"):
            yield json.loads(line.removeprefix("data:"))
