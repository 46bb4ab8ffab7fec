"""A site that lost its disk comes back from the others, whole."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from running_site import ServedSite, run_museion, serving, wait_until
from site_pairs import blobs_of, edit, events_of, is_level, vienna_and_graz

OK, REFUSED = 200, 503


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str, str, ServedSite]]:
    """Two sites that hold the same; each test leaves them so."""
    with vienna_and_graz(tmp_path_factory.mktemp("pair")) as pair:
        yield pair


def test_a_site_that_has_not_forked_is_recovered_and_nothing_is_put_aside(
    pair: tuple[Path, str, str, ServedSite],
) -> None:
    vienna, _, _, _ = pair
    events = events_of(vienna)

    (kept,) = run_museion("sites", "recover", "--keep-own", "--site", vienna, "--json").rows

    assert kept == {"events": 0, "forked_log": None}
    assert not list(vienna.glob("log-forked-*"))
    assert events_of(vienna) == events


def test_a_site_that_has_lost_everything_but_its_keys_comes_back_whole(
    pair: tuple[Path, str, str, ServedSite],
) -> None:
    vienna, port, asset, graz = pair
    events, blobs = events_of(vienna), blobs_of(vienna)
    _lose_all_but_keys(vienna)
    with serving(vienna, "--port", port) as served:
        assert served.get("/api/sites")["needs_recovery"]
        early = served.http.post("/api/collections", json={"name": "Too early", "by": "Ann"})
        assert early.status_code == REFUSED

        run_museion("sites", "recover", "--site", vienna)

        wait_until(lambda: is_level(served, graz), "Vienna has all blobs again")
        served.settle()
        assert edit(served, asset, "title", "After") == OK
        wait_until(lambda: graz.get(f"/api/assets/{asset}")["title"] == "After", "Graz has it")
        wait_until(lambda: is_level(served, graz), "all is well")
    assert events.items() <= events_of(vienna).items()
    assert blobs_of(vienna) == blobs
    assert graz.status()["quarantined"] == 0
    assert events_of(vienna) == events_of(graz.folder)
    assert len(events_of(vienna)) == len(events) + 1  # the edit; nothing was computed anew


def _lose_all_but_keys(site: Path) -> None:
    for each in site.iterdir():
        if each.name not in {"museion.toml", "sites"}:
            shutil.rmtree(each) if each.is_dir() else each.unlink()
