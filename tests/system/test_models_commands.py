"""`museion models` as people and programs meet it, with a served site and without."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from running_site import ServedSite, run_museion, serving, wait_until
from sample_library import LIBRARY

TINY = Path(__file__).parent.parent / "data" / "tiny-encoders"
PHOTOS = ("P1050912.jpg", "IMG_3921.jpg", "churchill-030.jpg")
EMBEDDED = "museion-embedded-1"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site with three photos that knows a tiny CLIP; tests copy it to change it."""
    folder = tmp_path_factory.mktemp("models") / "site"
    run_museion("init", folder)
    run_museion("ingest", "--site", folder, *(LIBRARY / name for name in PHOTOS))
    run_museion(*_add(folder, "clip", "tiny"))
    return folder


@pytest.fixture
def own_site(site: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(site, tmp_path / "site"))


@pytest.fixture
def served(own_site: Path) -> Iterator[ServedSite]:
    with serving(own_site) as served:
        yield served


def _add(folder: Path, family: str, name: str) -> list[object]:
    return ["models", "add", TINY / family, "--name", name, "--accept-licence", "--site", folder]


def _uses(folder: Path) -> dict[str, str]:
    rows = run_museion("models", "list", "--site", folder, "--json").rows
    return {row["name"]: row["use"] for row in rows}


def test_models_are_listed_with_their_licence_and_progress(site: Path) -> None:
    shown = run_museion("models", "list", "--site", site).out
    embedded, tiny = run_museion("models", "list", "--site", site, "--json").rows

    assert "non-commercial" in embedded["licence"]
    assert (embedded["use"], embedded["embedded"], embedded["of"]) == ("current", 3, 3)
    assert (tiny["use"], tiny["embedded"], tiny["licence"]) == ("unused", 0, "apache-2.0")
    assert "apache-2.0" in shown
    assert "0 of 3 embedded" in shown


def test_without_a_server_the_change_is_made_at_once_and_back_again(own_site: Path) -> None:
    (row,) = run_museion("models", "use", "tiny", "--site", own_site, "--json").rows
    assert (row["use"], row["embedded"], row["of"]) == ("current", 3, 3)
    refused = run_museion("models", "remove", "tiny", "--site", own_site, status=2)
    assert "tiny is in use" in refused.err
    run_museion("models", "use", EMBEDDED, "--site", own_site)
    run_museion("models", "remove", "tiny", "--site", own_site)
    assert _uses(own_site) == {EMBEDDED: "current"}


def test_a_served_site_changes_its_model_while_it_is_searched(served: ServedSite) -> None:
    run_museion("models", "use", "tiny", "--no-wait", "--site", served.folder)
    answers = []

    def is_changed() -> bool:
        answers.append(served.get("/api/search", q="polar bear")["hits"])
        return bool(served.status()["encoder"]["name"] == "tiny")

    wait_until(is_changed, "the model has changed")

    assert all(answers)
    found = {row["name"]: row for row in served.get("/api/models")}
    assert (found["tiny"]["use"], found["tiny"]["embedded"]) == ("current", 3)
    assert _uses(served.folder)["tiny"] == "current"
    photo = (LIBRARY / "IMG_0042.jpg").read_bytes()
    served.upload(photo, "new.jpg")
    served.settle()
    like = served.http.post("/api/search/like", content=photo).json()["hits"]
    assert like[0]["filename"] == "new.jpg"


def test_only_who_holds_the_admin_token_changes_models(served: ServedSite) -> None:
    answer = served.http.post("/api/models/use", json={"name": "tiny"})
    assert answer.status_code == 403
    assert served.http.delete("/api/models/tiny").status_code == 403

    unknown = run_museion("models", "use", "nothing", "--site", served.folder, status=2)
    assert "There is no model 'nothing'" in unknown.err


def test_a_licence_that_nobody_accepted_adds_nothing(own_site: Path) -> None:
    arguments = [each for each in _add(own_site, "siglip", "other") if each != "--accept-licence"]
    refused = run_museion(*arguments, status=2)

    assert "apache-2.0" in refused.err
    assert "--accept-licence" in refused.err
    assert not (own_site / "models" / "other").exists()


def test_a_model_is_measured_on_this_machine(site: Path) -> None:
    (row,) = run_museion(
        "models", "bench", "tiny", "--seconds", "0.1", "--site", site, "--json"
    ).rows

    assert row["images_per_s"] > 0
    assert row["texts_per_s"] > 0
    assert row["text_to_image"] is None


def test_offline_adding_by_name_says_which_file_and_where(site: Path) -> None:
    refused = run_museion(
        *("models", "add", "someone/clip", "--hub", "http://127.0.0.1:9", "--site", site), status=2
    )

    assert "config.json cannot be fetched from http://127.0.0.1:9/someone/clip" in refused.err
