"""Judgements over HTTP and in the shell: given, listed, and exported for an evaluation."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from running_site import run_museion, serving

from museion.testing.media import make_sample

SLIDE = "a red slide"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, httpx.Client, str]]:
    """A served site with one photo: its folder, its HTTP, the photo's id."""
    folder = tmp_path_factory.mktemp("judged")
    make_sample("jpg", folder / "a.jpg", width=64, height=48)
    run_museion("init", folder / "site")
    with serving(folder / "site") as served, httpx.Client(base_url=served.url, timeout=60) as http:
        upload = http.post(
            "/api/assets", params={"filename": "a.jpg"}, content=(folder / "a.jpg").read_bytes()
        )
        yield folder / "site", http, upload.json()["id"]


def _told(asset_id: str, query: str = SLIDE, **other: object) -> dict[str, Any]:
    return {"query": query, "asset_id": asset_id, "verdict": 1, "by": "Ann"} | other


def test_verdicts_are_given_listed_and_exported(site: tuple[Path, httpx.Client, str]) -> None:
    _, http, photo = site
    given = http.post("/api/judgements", json=_told(photo, f" {SLIDE}")).json()
    listed = http.get("/api/judgements", params={"q": f"{SLIDE} "}).json()
    export = http.get("/api/judgements/export")

    assert given == _told(photo, changed=True)
    assert listed == {"total": 1, "items": [_told(photo, filename="a.jpg")]}
    assert json.loads(export.text) == {"query": SLIDE, "judgements": {photo: 1}}
    assert export.headers["content-type"].startswith("application/x-ndjson")
    assert "judgements.jsonl" in export.headers["content-disposition"]
    assert http.get("/api/judgements/export", params={"by": "Bob"}).text == ""


def test_a_verdict_that_cannot_be_given_says_why(site: tuple[Path, httpx.Client, str]) -> None:
    _, http, photo = site
    refused = http.post("/api/judgements", json=_told(photo, verdict=7))
    unknown = http.post("/api/judgements", json=_told("q" * 24))

    assert (refused.status_code, unknown.status_code) == (400, 404)
    assert "came 7" in refused.json()["detail"]
