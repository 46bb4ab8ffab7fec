"""People change assets through a served site: fields, conflicts, collections, trash."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from running_site import ServedSite, run_museion, serving

from museion.testing.media import make_sample


@pytest.fixture(scope="module")
def edited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedSite]:
    """A served site, to be changed."""
    site = tmp_path_factory.mktemp("edited") / "site"
    run_museion("init", site, "--name", "North")
    with serving(site) as served:
        yield served


@pytest.fixture
def asset(edited: ServedSite, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """A new asset; the test's name makes its content another one each time."""
    caption = request.node.name
    sample = make_sample("jpg", tmp_path / "a.jpg", metadata={"caption": caption})
    identifier: str = edited.upload(sample.read_bytes(), "a.jpg")["id"]
    return identifier


def _send(edited: ServedSite, method: str, path: str, status: int = 200, **body: object) -> Any:
    answer = edited.http.request(method, path, json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


def _conflict(edited: ServedSite, asset: str) -> dict[str, Any]:
    """Let two people who look at the same state save different captions."""
    seen = edited.get(f"/api/assets/{asset}")["seen"]
    for by, caption in (("Ann", "Dawn"), ("Bob", "Dusk")):
        _send(edited, "PATCH", f"/api/assets/{asset}", by=by, seen=seen, set={"caption": caption})
    found: dict[str, Any] = edited.get(f"/api/conflicts/{asset}:caption")
    return found


def test_a_changed_field_says_who_when_and_where(edited: ServedSite, asset: str) -> None:
    wanted = {"caption": "Dawn over the harbour", "rating": 4}
    _send(edited, "PATCH", f"/api/assets/{asset}", by="Ann", set=wanted, add_tags=["sea"])

    detail = edited.get(f"/api/assets/{asset}")
    said = {each["field"]: each for each in detail["said"]}
    (version,) = said["caption"]["versions"]
    assert (detail["caption"], detail["rating"], detail["tags"]) == (
        "Dawn over the harbour",
        4,
        ["sea"],
    )
    assert (version["by"], version["site_name"]) == ("Ann", "North")
    assert version["site"] == edited.get("/api/site")["id"]
    assert [each["fields"] for each in detail["changes"]] == [["caption", "rating", "tags"]]


def test_tags_and_captions_of_people_are_found(edited: ServedSite, asset: str) -> None:
    wanted = {"caption": "Zeppelins over the lake"}
    _send(edited, "PATCH", f"/api/assets/{asset}", by="Ann", set=wanted, add_tags=["Airship"])
    edited.settle()

    for query in ("zeppelins", "tag:airship", "airship"):
        hits = edited.get("/api/search", q=query)["hits"]
        assert [hit["id"] for hit in hits][:1] == [asset], query
    suggested = edited.get("/api/suggest", q="tag:air")
    assert [each["text"] for each in suggested] == ["tag:Airship"]


def test_a_conflict_is_listed_with_both_versions(edited: ServedSite, asset: str) -> None:
    conflict = _conflict(edited, asset)

    assert {(each["value"], each["by"]) for each in conflict["versions"]} == {
        ("Dawn", "Ann"),
        ("Dusk", "Bob"),
    }
    page = edited.get("/api/conflicts")
    assert conflict["id"] in [each["id"] for each in page["items"]]
    assert page["total"] >= 1
    assert edited.get(f"/api/assets/{asset}")["conflicts"] == [conflict["id"]]


def test_a_conflict_is_settled_by_a_choice(edited: ServedSite, asset: str) -> None:
    conflict = _conflict(edited, asset)
    (dusk,) = [each["id"] for each in conflict["versions"] if each["value"] == "Dusk"]

    _send(
        edited, "POST", f"/api/conflicts/{conflict['id']}/resolve",
        by="Cem", choice=dusk, seen=conflict["seen"],
    )  # fmt: skip

    assert edited.get(f"/api/assets/{asset}")["caption"] == "Dusk"
    assert edited.http.get(f"/api/conflicts/{conflict['id']}").status_code == 404
    again = _send(
        edited, "POST", f"/api/conflicts/{conflict['id']}/resolve", 404, by="Cem", choice=dusk
    )
    assert "resolved already" in again["remedy"]


def test_a_conflict_is_settled_by_a_merged_value(edited: ServedSite, asset: str) -> None:
    conflict = _conflict(edited, asset)

    path = f"/api/conflicts/{conflict['id']}/resolve"
    for wrong in ({}, {"choice": "north:1"}, {"choice": "x", "value": "y"}):
        assert "versions" in _send(edited, "POST", path, 400, by="Cem", **wrong)["detail"]
    _send(edited, "POST", path, by="Cem", value="Dawn and dusk")

    assert edited.get(f"/api/assets/{asset}")["caption"] == "Dawn and dusk"


def test_a_change_can_be_undone(edited: ServedSite, asset: str) -> None:
    _send(edited, "PATCH", f"/api/assets/{asset}", by="Ann", set={"title": "T"})
    (change,) = edited.get(f"/api/assets/{asset}")["changes"]

    _send(edited, "POST", f"/api/assets/{asset}/undo", by="Bob", change=change["id"])

    assert edited.get(f"/api/assets/{asset}")["title"] is None
    _send(edited, "POST", f"/api/assets/{asset}/undo", 409, by="Bob", change=change["id"])


def test_an_asset_in_the_trash_is_in_no_list(edited: ServedSite, asset: str) -> None:
    _send(edited, "POST", f"/api/assets/{asset}/trash", by="Ann")
    gone = [each["id"] for each in edited.get("/api/assets", limit=500)["items"]]
    state = edited.get(f"/api/assets/{asset}")["state"]
    _send(edited, "POST", f"/api/assets/{asset}/restore", by="Ann")
    back = [each["id"] for each in edited.get("/api/assets", limit=500)["items"]]

    assert asset not in gone
    assert state == "trashed"
    assert asset in back


def test_what_this_site_may_not_read_is_not_served(edited: ServedSite, asset: str) -> None:
    edited.settle()
    detail = edited.get(f"/api/assets/{asset}")
    _send(edited, "PATCH", f"/api/assets/{asset}", by="Ann", set={"access": ["elsewhere"]})

    paths = [f"/api/assets/{asset}", detail["original"], detail["thumbnail"], detail["preview"]]
    paths += [f"/api/assets/{asset}/similar", f"/api/blobs/{detail['digest']}"]
    assert [edited.http.get(path).status_code for path in paths] == [404] * len(paths)
    listed = edited.get("/api/assets", limit=500)["items"]
    assert asset not in [each["id"] for each in listed]
    hits = edited.get("/api/search", q="a scene", limit=500)["hits"]
    assert asset not in [each["id"] for each in hits]


def test_comments_are_shown_in_order(edited: ServedSite, asset: str) -> None:
    for text in ("Who is this?", "My aunt."):
        _send(edited, "POST", f"/api/assets/{asset}/comments", 201, by="Ann", text=text)

    comments = edited.get(f"/api/assets/{asset}")["comments"]
    assert [each["text"] for each in comments] == ["Who is this?", "My aunt."]


def test_many_assets_are_changed_alike(edited: ServedSite, asset: str) -> None:
    done = _send(edited, "POST", "/api/assets/edit", by="Ann", ids=[asset], add_tags=["many"])

    assert [each["changed"] for each in done] == [True]
    assert edited.get(f"/api/assets/{asset}")["tags"] == ["many"]
    _send(edited, "POST", "/api/assets/edit", 404, by="Ann", ids=[asset, "x"], add_tags=["no"])


def test_a_collection_keeps_a_persons_order(edited: ServedSite, tmp_path: Path) -> None:
    ids = []
    for number in range(3):
        sample = make_sample("png", tmp_path / f"{number}.png", width=40 + number, height=30)
        ids.append(edited.upload(sample.read_bytes(), sample.name)["id"])
    made = _send(edited, "POST", "/api/collections", 201, by="Ann", name="Harbours")
    path = f"/api/collections/{made['id']}"
    _send(edited, "POST", f"{path}/add", by="Ann", ids=ids)
    _send(edited, "POST", f"{path}/move", by="Bob", ids=[ids[2]], index=0)
    _send(edited, "POST", f"{path}/remove", by="Bob", ids=[ids[1]])
    _send(edited, "PATCH", path, by="Bob", name="Ports", description="By the sea.")

    shown = edited.get(path)
    assert [each["id"] for each in shown["items"]] == [ids[2], ids[0]]
    assert (shown["name"], shown["count"]) == ("Ports", 2)
    assert edited.get(f"/api/assets/{ids[0]}")["collections"] == [made["id"]]
    assert made["id"] in [each["id"] for each in edited.get("/api/collections")]

    assert _send(edited, "PATCH", path, by="Bob", removed=True) is None
    assert edited.http.get(path).status_code == 404


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "by"),
        ({"by": ""}, "name of the person"),
        ({"by": "Ann", "caption": "x"}, "caption"),
        ({"by": "Ann", "set": {"colour": "red"}}, "colour"),
        ({"by": "Ann", "set": {"rating": 9}}, "stars"),
        ({"by": "Ann", "set": {"rating": True}}, "got `bool`"),
        ({"by": "Ann", "seen": "%%%"}, "causal token"),
        ({"by": "Ann", "add_tags": [" "]}, "tag"),
        ({"by": "Ann", "clear": ["colour"]}, "colour"),
    ],
)
def test_a_change_that_is_no_good_is_refused_with_the_reason(
    edited: ServedSite, asset: str, body: dict[str, object], says: str
) -> None:
    answer: httpx.Response = edited.http.patch(f"/api/assets/{asset}", json=body)

    assert answer.status_code == 400, answer.text
    assert says in json.dumps(answer.json())
    assert edited.get(f"/api/assets/{asset}")["changes"] == []
