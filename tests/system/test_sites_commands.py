"""`museion sites` as people and programs meet it; the tutorial runs as it stands."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from running_site import MUSEION, ServedSite, run_museion, serving, wait_until
from sample_library import LIBRARY
from site_pairs import is_level

ROOT = Path(__file__).parent.parent.parent
PHOTOS = ("P1050912.jpg", "IMG_3921.jpg", "churchill-030.jpg")


def test_the_tutorial_of_two_sites_runs_as_it_stands(tmp_path: Path) -> None:
    blocks = _blocks(ROOT / "docs/tutorials/two-sites.md")
    making, *following = blocks
    (tmp_path / "photos").mkdir()
    for name in PHOTOS:
        (tmp_path / "photos" / name).write_bytes((LIBRARY / name).read_bytes())

    _shell(making, tmp_path)
    with serving(tmp_path / "vienna") as vienna, serving(tmp_path / "graz") as graz:
        inviting, looking, cutting, editing, healing, listing, settling = following
        _shell(inviting, tmp_path)
        wait_until(lambda: _holds(graz, len(PHOTOS)), "the photos are in Graz")
        assert "up-to-date" in _shell(looking, tmp_path)
        _shell(cutting, tmp_path)
        variables = _shell(editing + '\necho "ASSET=$ASSET"', tmp_path)
        asset = re.findall(r"ASSET=(\w+)", variables)[-1]
        assert _said(vienna, asset) == ("A dog in Vienna", ["wien"])
        assert _said(graz, asset) == ("A dog in Graz", ["graz"])
        _shell(healing, tmp_path)
        wait_until(lambda: _are_in_conflict(vienna, graz), "both see the conflict")
        told = _shell(listing, tmp_path)
        assert told.count("A dog in Vienna") == told.count("A dog in Graz") == 2
        assert "Settled." in _shell(f"ASSET={asset}\n{settling}", tmp_path)
        wait_until(
            lambda: _said(vienna, asset) == ("A dog in Austria", ["graz", "wien"]),
            "Vienna sees what was settled in Graz",
        )
        assert _said(graz, asset) == _said(vienna, asset)


def test_each_key_that_sites_print_is_documented(pair: tuple[ServedSite, ServedSite]) -> None:
    page = (ROOT / "docs/reference/json.md").read_text("utf-8")
    documented = set(re.findall(r"`(\w+)`", page.split("## `museion sites`")[1].split("\n## ")[0]))
    vienna, _ = pair

    for command in (["list"], ["status"], ["invite"], ["connect", "Graz"]):
        for row in run_museion("sites", *command, "--site", vienna.folder, "--json").rows:
            assert _keys(row) - documented == set(), command


def test_a_code_is_good_for_one_site_only(
    pair: tuple[ServedSite, ServedSite], tmp_path: Path
) -> None:
    vienna, _ = pair
    (made,) = run_museion("sites", "invite", "--site", vienna.folder, "--json").rows
    for name in ("Linz", "Wels"):
        run_museion("init", tmp_path / name)

    run_museion("sites", "join", made["code"], "--site", tmp_path / "Linz")
    refused = run_museion("sites", "join", made["code"], "--site", tmp_path / "Wels", status=2)

    assert refused.err.count("\n") == 1
    assert "Wels" not in {site["name"] for site in vienna.get("/api/sites")["sites"]}


def test_a_code_that_is_none_is_refused_in_one_line(pair: tuple[ServedSite, ServedSite]) -> None:
    refused = run_museion("sites", "join", "hello", "--site", pair[1].folder, status=2)

    assert refused.err.count("\n") == 1
    assert "invit" in refused.err


def test_a_site_that_nobody_reaches_says_so_when_it_is_to_invite(tmp_path: Path) -> None:
    run_museion("init", tmp_path / "alone")

    refused = run_museion("sites", "invite", "--site", tmp_path / "alone", status=2)

    assert "museion serve" in refused.err


def test_an_unknown_site_is_named_with_those_that_are_known(
    pair: tuple[ServedSite, ServedSite],
) -> None:
    refused = run_museion("sites", "connect", "Atlantis", "--site", pair[0].folder, status=2)

    assert "Atlantis" in refused.err
    assert "Graz" in refused.err


def test_changing_connections_over_http_needs_the_token_of_the_site(
    pair: tuple[ServedSite, ServedSite],
) -> None:
    vienna, graz = pair
    path = f"/api/sites/{graz.get('/api/sites')['id']}/disconnect"

    refused = vienna.http.post(path, json={})

    assert refused.status_code == 403
    assert "museion sites" in refused.json()["detail"]
    assert _states(vienna)["Graz"] == "up-to-date"


def test_a_retired_site_is_retired_at_every_other_one(
    pair: tuple[ServedSite, ServedSite], tmp_path: Path
) -> None:
    vienna, graz = pair
    run_museion("init", tmp_path / "Steyr", "--name", "Steyr")
    (made,) = run_museion("sites", "invite", "--site", vienna.folder, "--json").rows
    run_museion("sites", "join", made["code"], "--site", tmp_path / "Steyr")
    wait_until(lambda: "Steyr" in _states(graz), "Graz knows Steyr")

    run_museion("sites", "retire", "Steyr", "--yes", "--site", vienna.folder)

    wait_until(lambda: _states(graz)["Steyr"] == "retired", "Graz hears of it")
    assert _states(vienna)["Steyr"] == "retired"


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ServedSite, ServedSite]]:
    """Vienna and Graz, which has joined Vienna."""
    folder = tmp_path_factory.mktemp("pair")
    for name in ("Vienna", "Graz"):
        run_museion("init", folder / name, "--name", name)
    with serving(folder / "Vienna") as vienna, serving(folder / "Graz") as graz:
        (made,) = run_museion("sites", "invite", "--site", vienna.folder, "--json").rows
        run_museion("sites", "join", made["code"], "--site", graz.folder)
        wait_until(lambda: is_level(vienna, graz), "both are level")
        yield vienna, graz


def _states(site: ServedSite) -> dict[str, str]:
    return {each["name"]: each["state"] for each in site.get("/api/sites")["sites"]}


def _holds(site: ServedSite, count: int) -> bool:
    waiting = site.get("/api/sites")["blobs"]["waiting"]
    status = site.status()
    return bool(status["assets"] == count and status["settled"] and not waiting)


def _are_in_conflict(*sites: ServedSite) -> bool:
    return all(site.get("/api/conflicts")["total"] == 1 for site in sites)


def _said(site: ServedSite, asset: str) -> tuple[str, list[str]]:
    view = site.get(f"/api/assets/{asset}")
    return view["caption"], view["tags"]


def _keys(row: Any) -> set[str]:
    """Return all keys of an object and of those in it."""
    if isinstance(row, list):
        return set().union(*map(_keys, row))
    if isinstance(row, dict):
        return {*row}.union(*map(_keys, row.values()))
    return set()


def _blocks(page: Path) -> list[str]:
    return re.findall(r"```sh\n(.*?)```", page.read_text("utf-8"), re.DOTALL)


def _shell(block: str, folder: Path) -> str:
    """Run a block of a page in a folder; anything on standard error fails."""
    path = f"{MUSEION.parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-ec", block],
        cwd=folder,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), block
    return done.stdout
