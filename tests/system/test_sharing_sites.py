"""Three served sites: what a site may not have does not come, and comes whole when it may."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from running_site import ServedSite, run_museion, serving, wait_until
from sample_library import LIBRARY

from museion.node.site import init_site

PHOTOS = sorted(LIBRARY.glob("*.jpg"))[:3]


@dataclass(frozen=True)
class Three:
    """Vienna, which has everything, and two sites that joined it; Vienna kept `secret`."""

    vienna: ServedSite
    graz: ServedSite
    linz: ServedSite
    secret: dict[str, Any]


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Three]:
    folder = tmp_path_factory.mktemp("three")
    for name in ("Vienna", "Graz", "Linz"):
        init_site(folder / name, name=name)
    with ExitStack() as stack:
        vienna, graz, linz = (
            stack.enter_context(serving(folder / name)) for name in ("Vienna", "Graz", "Linz")
        )
        secret = upload(vienna, PHOTOS[0])
        change(vienna, secret["id"], title="A secret", access=[vienna.get("/api/sites")["id"]])
        upload(vienna, PHOTOS[1])
        for site in (graz, linz):
            (made,) = run_museion("sites", "invite", "--site", vienna.folder, "--json").rows
            run_museion("sites", "join", made["code"], "--site", site.folder)
        for site in (graz, linz):
            wait_until(lambda site=site: len(listed(site)) == 1, "the open one has come")  # type: ignore[misc]  # a loop variable
        yield Three(vienna, graz, linz, vienna.get(f"/api/assets/{secret['id']}"))


def upload(site: ServedSite, photo: Path) -> dict[str, Any]:
    asset = site.upload(photo.read_bytes(), photo.name)
    site.settle()
    return asset


def change(site: ServedSite, asset: str, **values: object) -> None:
    answer = site.http.patch(f"/api/assets/{asset}", json={"by": "Ann", "set": values})
    assert answer.status_code == 200, answer.text


def listed(site: ServedSite) -> set[str]:
    return {each["id"] for each in site.get("/api/assets")["items"]}


def status(site: ServedSite, path: str) -> int:
    return site.http.get(path).status_code


def test_a_site_neither_lists_nor_serves_what_it_may_not_have(three: Three) -> None:
    change(three.vienna, three.secret["id"], access=[ids(three)["Vienna"], ids(three)["Graz"]])

    wait_until(lambda: three.secret["id"] in listed(three.graz), "Graz may have it")

    assert three.secret["id"] not in listed(three.linz)
    assert status(three.linz, f"/api/assets/{three.secret['id']}") == 404
    assert status(three.linz, f"/api/assets/{three.secret['id']}/original") == 404
    assert status(three.linz, f"/api/blobs/{three.secret['digest']}") == 404


def test_what_becomes_open_to_all_comes_with_its_history_and_pictures(three: Three) -> None:
    path = f"/api/assets/{three.secret['id']}"

    change(three.vienna, three.secret["id"], access=None)

    wait_until(lambda: status(three.linz, path) == 200, "Linz may have it")
    wait_until(lambda: status(three.linz, f"{path}/original") == 200, "its original has come")
    shown = three.linz.get(path)
    told = three.vienna.get(path)
    assert shown["title"] == "A secret"
    assert shown["changes"] == told["changes"]
    assert three.linz.http.get(f"{path}/original").content == PHOTOS[0].read_bytes()


def test_a_site_that_takes_a_part_gets_what_is_put_into_it(three: Three) -> None:
    part = ("--only", "collection:Sports")
    run_museion("sites", "connect", "Vienna", *part, "--site", three.linz.folder)
    made = post(three.vienna, "/api/collections", by="Ann", name="Sports")
    asset = upload(three.vienna, PHOTOS[2])["id"]
    change(three.vienna, asset, title="The race")
    wait_until(lambda: asset in listed(three.graz), "Graz takes everything")
    assert asset not in listed(three.linz)

    post(three.vienna, f"/api/collections/{made['id']}/add", by="Ann", ids=[asset])

    wait_until(lambda: asset in listed(three.linz), "it is in the part of Linz")
    assert three.linz.get(f"/api/assets/{asset}")["title"] == "The race"


def ids(three: Three) -> dict[str, str]:
    sites = (three.vienna, three.graz, three.linz)
    return {told["name"]: told["id"] for told in (site.get("/api/sites") for site in sites)}


def post(site: ServedSite, path: str, **body: object) -> dict[str, Any]:
    answer = site.http.post(path, json=body)
    assert answer.status_code in {200, 201}, answer.text
    told: dict[str, Any] = answer.json()
    return told
