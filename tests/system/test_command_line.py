"""The command `museion` as a person or a script at a shell meets it."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import pytest
from running_site import (
    STOP_LIMIT_S,
    ServedSite,
    run_museion,
    serving,
    start_museion,
    wait_until,
)
from sample_library import LIBRARY, entries

from museion import __version__
from museion.cli.main import COMMANDS
from museion.testing.media import break_file, make_sample

DOGS = "P1050912.jpg"
DOGS_WORDS = "two dogs looking out of a window"
HELP_LIMIT_S = 0.5
"""The benchmark measures 0.15 s; a machine that has more to do is given some room."""

SOME = 30
"""Photos enough to be interrupted or disturbed while they are ingested."""

HIT_KEYS = {
    *("id", "filename", "digest", "score", "scores", "why", "kind", "media_type"),
    *("capture_time", "title", "caption", "strength", "moments", "alike"),
}
INGEST_KEYS = {
    *("outcome", "id", "filename", "path", "digest", "size_bytes", "reason", "remedy"),
}
FAILURE_KEYS = {"outcome", "id", "filename", "path", "processor", "reason", "remedy"}
SHOW_KEYS = {
    *("summary", "values", "keywords", "labels", "renditions", "sources", "failures"),
    *("people", "spaces", "collections"),
}
QUARANTINE_KEYS = {"id", "filename", "path", "processor", "reason", "remedy", "time"}
STATUS_KEYS = {
    *("name", "assets", "pending", "quarantined", "position", "encoder", "licence", "served_at"),
    *("conflicts", "coming"),
}


@pytest.fixture(scope="module")
def some_photos(library: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with some of the library's photos; not to be changed."""
    folder = tmp_path_factory.mktemp("some-photos")
    for photo in sorted(library.iterdir())[:SOME]:
        (folder / photo.name).hardlink_to(photo)
    return folder


# --- help ----------------------------------------------------------------------------------------


def test_help_names_every_command_at_once() -> None:
    runs = [run_museion("--help", anew=True) for _ in range(5)]

    for name, line in COMMANDS.items():
        assert f"{name} " in runs[0].out
        assert line in runs[0].out
    assert min(run.seconds for run in runs) < HELP_LIMIT_S


def _with_subcommands() -> Iterator[str]:
    """Yield all commands; in place of one that only has commands of its own, these."""
    for name in COMMANDS:
        command = import_module(f"museion.cli.{name}_command").command
        parts = command.commands if isinstance(command, click.Group) else {}
        yield from [f"{name} {part}" for part in parts] or [name]


@pytest.mark.parametrize("name", list(_with_subcommands()))
def test_each_command_explains_itself_and_each_option(name: str) -> None:
    text = run_museion(*name.split(), "--help").out
    listed = text.partition("\nOptions:\n")[2].splitlines()
    options = [line for line in listed if line.strip().startswith("--")]

    assert text.startswith(f"Usage: museion {name}")
    assert text.splitlines()[2].strip(), "the second paragraph says what it does"
    assert options
    for line in options:
        assert len(line.split("  ")) > 2, f"{line!r} has no explanation"


def test_the_version_is_told() -> None:
    assert __version__ in run_museion("--version").out


# --- output --------------------------------------------------------------------------------------


def test_a_hit_tells_what_it_is_where_it_ranks_and_why(library_site: Path) -> None:
    text = run_museion("search", "--site", library_site, "--limit", 3, DOGS_WORDS).out
    rows = run_museion("search", "--site", library_site, "--json", "--limit", 3, DOGS_WORDS).rows

    assert DOGS in text.splitlines()[0]
    assert rows[0]["id"] in text
    assert rows[0]["why"][0]["text"] in text
    assert [set(row) for row in rows] == [HIT_KEYS] * 3
    assert rows[0]["filename"] == DOGS
    assert [row["score"] for row in rows] == sorted((row["score"] for row in rows), reverse=True)


def test_words_of_a_query_need_no_quotes_and_filters_no_words(library_site: Path) -> None:
    quoted = run_museion("search", "--site", library_site, "--json", DOGS_WORDS).rows
    bare = run_museion("search", "--site", library_site, "--json", *DOGS_WORDS.split()).rows
    filtered = run_museion("search", "--site", library_site, "--json", "tag:castle").rows

    assert [row["id"] for row in quoted] == [row["id"] for row in bare]
    assert len(filtered) == 1


def test_nothing_fits_is_an_answer(library_site: Path) -> None:
    text = run_museion("search", "--site", library_site, "tag:unicorn")
    rows = run_museion("search", "--site", library_site, "--json", "tag:unicorn").rows

    assert text.out.startswith("Nothing fits.")
    assert rows == []


def test_show_tells_everything_by_the_beginning_of_id_or_digest(library_site: Path) -> None:
    (hit,) = run_museion("search", "--site", library_site, "--json", "tag:spaniel").rows
    by_id = run_museion("show", "--site", library_site, "--json", hit["id"][:8]).rows
    by_digest = run_museion("show", "--site", library_site, "--json", hit["digest"][:12]).rows
    text = run_museion("show", "--site", library_site, hit["id"]).out

    assert by_id == by_digest
    assert set(by_id[0]) == SHOW_KEYS
    for shown in ("Panasonic", "f/5.6", "1/200 s", "spaniel", "xmp:dc:title", "852×1280"):
        assert shown in text


def test_status_and_quarantine_of_a_sound_site(library_site: Path) -> None:
    (status,) = run_museion("status", "--site", library_site, "--json").rows

    assert set(status) == STATUS_KEYS
    assert (status["name"], status["assets"]) == ("Sample library", len(entries()))
    assert (status["pending"], status["quarantined"], status["served_at"]) == (0, 0, None)
    assert run_museion("quarantine", "--site", library_site, "--json").rows == []
    assert "Nothing is in quarantine" in run_museion("quarantine", "--site", library_site).out


def test_the_working_folder_is_the_site_when_none_is_named(library_site: Path) -> None:
    named = run_museion("search", "--site", library_site, "--json", DOGS_WORDS)
    implied = run_museion("search", "--json", DOGS_WORDS, folder=library_site)

    assert implied.out == named.out


def test_a_reader_that_leaves_early_causes_no_complaint(library_site: Path) -> None:
    """As `museion search … | head -1` does."""
    process = start_museion("search", "--site", library_site, "--limit", 500, "type:photo")
    assert process.stdout is not None
    assert process.stderr is not None
    with process, process.stdout, process.stderr:
        process.stdout.close()
        said = process.stderr.read()
        process.wait(STOP_LIMIT_S)

    assert said == ""


# --- exit status and errors ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["search", "--site", "nowhere", "dog"], "is not a site"),
        (["status", "--site", "nowhere"], "is not a site"),
        (["serve", "--site", "nowhere"], "is not a site"),
        (["ingest", "--site", "nowhere", "."], "is not a site"),
        (["search", "--site", "SITE", "rating:plenty"], "stars from 0 to 5"),
        (["search", "--site", "SITE", "place-near:Nowhereville"], "place-near:"),
        (["search", "--site", "SITE", "--like", "notes.jpg"], "plain text"),
        (["show", "--site", "SITE", "nothing"], "No asset 'nothing'"),
        (["init", "full"], "is not empty"),
        (["status", "--site", "odd"], "museion.toml"),
        (["status", "--site", "broken"], "museion.toml"),
    ],
)
def test_what_cannot_be_done_ends_with_one_line_and_status_2(
    library_site: Path, tmp_path: Path, arguments: list[str], said: str
) -> None:
    (tmp_path / "notes.jpg").write_text("These are holiday notes.")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "something").touch()
    for name, text in (("odd", 'name = "odd"\nflavour = 1\n'), ("broken", "name = ")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "museion.toml").write_text(text)
    arguments = [str(library_site) if each == "SITE" else each for each in arguments]

    refused = run_museion(*arguments, folder=tmp_path, status=2)

    assert refused.err.startswith("museion: ")
    assert said in refused.err
    assert refused.err.count("\n") == 1
    assert refused.out == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ["fly"],
        ["search", "--site", "SITE"],
        ["search", "--site", "SITE", "--limit", "0", "dog"],
        ["search", "--site", "SITE", "--like", "nowhere.jpg"],
        ["ingest", "--site", "SITE"],
        ["show"],
        ["search", "--wings"],
    ],
)
def test_a_command_that_makes_no_sense_shows_its_usage(
    library_site: Path, arguments: list[str]
) -> None:
    arguments = [str(library_site) if each == "SITE" else each for each in arguments]

    refused = run_museion(*arguments, status=2)

    assert refused.err.startswith("Usage: museion")
    assert "Traceback" not in refused.err


def test_a_word_to_leave_out_needs_no_quotes_and_no_dashes_before_it(library_site: Path) -> None:
    rows = run_museion("search", "--site", library_site, "--json", "-dog").rows

    assert DOGS not in {row["filename"] for row in rows}
    reasons = [(reason["signal"], reason["text"]) for reason in rows[0]["why"]]
    assert ("excluded", "without “dog”") in reasons


def test_some_files_refused_is_status_1_and_the_others_are_in(
    new_site: Path, tmp_path: Path
) -> None:
    photos = _mixed_folder(tmp_path / "photos")

    run = run_museion("ingest", "--site", new_site, photos, status=1)

    assert len(run.err.splitlines()) == 3
    for name, what in (("notes.jpg", "refused"), ("empty.jpg", "refused"), ("torn.png", "quarant")):
        (line,) = [line for line in run.err.splitlines() if name in line]
        assert line.startswith(what)
    assert run_museion("status", "--site", new_site, "--json").rows[0]["assets"] == 2
    assert run.out.startswith("3 ingested")


def test_a_site_is_made_once(tmp_path: Path) -> None:
    first = run_museion("init", tmp_path / "site", "--name", "Holidays")
    settings = (tmp_path / "site" / "museion.toml").read_text()
    again = run_museion("init", tmp_path / "site")

    assert "Next: museion ingest" in first.out
    assert "is a site already" in again.out
    assert (tmp_path / "site" / "museion.toml").read_text() == settings
    assert 'name = "Holidays"' in settings


@pytest.mark.parametrize("command", ["status", "quarantine", "search"])
def test_a_new_site_is_empty_and_no_error(new_site: Path, command: str) -> None:
    words = ["dog"] if command == "search" else []

    run = run_museion(command, "--site", new_site, *words)

    assert run.err == ""


# --- ingesting -----------------------------------------------------------------------------------


def test_every_file_gets_a_row_with_stable_keys(new_site: Path, tmp_path: Path) -> None:
    photos = _mixed_folder(tmp_path / "photos")

    rows = run_museion("ingest", "--site", new_site, "--json", photos, status=1).rows
    listed = run_museion("quarantine", "--site", new_site, "--json").rows
    ingested = [row for row in rows if row["outcome"] != "quarantined"]
    quarantined = [row for row in rows if row["outcome"] == "quarantined"]

    assert [set(row) for row in ingested] == [INGEST_KEYS] * 5
    assert [set(row) for row in quarantined] == [FAILURE_KEYS]
    assert [set(row) for row in listed] == [QUARANTINE_KEYS] * 3
    for row in ingested:
        refused = row["outcome"] == "refused"
        assert bool(row["reason"]) == bool(row["remedy"]) == refused
        assert (row["id"] is None) == (row["digest"] is None) == refused
    assert {row["filename"] for row in listed} == {"notes.jpg", "empty.jpg", "torn.png"}


def test_the_second_run_ingests_nothing(new_site: Path, tmp_path: Path) -> None:
    photos = _photos(tmp_path / "photos", count=5)
    run_museion("ingest", "--site", new_site, photos)
    before = run_museion("status", "--site", new_site, "--json").rows[0]

    rows = run_museion("ingest", "--site", new_site, "--json", photos).rows
    after = run_museion("status", "--site", new_site, "--json").rows[0]

    assert [row["outcome"] for row in rows] == ["unchanged"] * 5
    assert after == before, "no event was written"


def test_a_moved_file_is_recognised_and_a_changed_one_is_another_asset(
    new_site: Path, tmp_path: Path
) -> None:
    photos = _photos(tmp_path / "photos", count=2)
    first, second = sorted(photos.iterdir())
    run_museion("ingest", "--site", new_site, photos)
    first.rename(photos / "moved.jpg")
    make_sample("jpg", second, seed=99)

    rows = run_museion("ingest", "--site", new_site, "--json", photos).rows

    assert {row["filename"]: row["outcome"] for row in rows} == {
        "moved.jpg": "recognised",
        second.name: "ingested",
    }


def test_an_interrupted_ingest_goes_on_where_it_stood(new_site: Path, some_photos: Path) -> None:
    process = start_museion("ingest", "--site", new_site, "--json", some_photos)
    assert process.stdout is not None
    assert process.stderr is not None
    with process, process.stdout, process.stderr:
        first = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        rest, said = process.communicate(timeout=STOP_LIMIT_S)
    done = len([first, *rest.splitlines()])

    again = run_museion("ingest", "--site", new_site, "--json", some_photos)
    outcomes = [row["outcome"] for row in again.rows]
    (status,) = run_museion("status", "--site", new_site, "--json").rows

    assert process.returncode == 130
    assert said.strip() == "museion: interrupted; run the same command again to go on."
    assert 0 < done < SOME
    assert set(outcomes) == {"unchanged", "ingested"}
    assert outcomes.count("unchanged") >= done
    assert (status["assets"], status["pending"]) == (SOME, 0)


def test_quarantined_files_are_tried_again_on_request_only(new_site: Path, tmp_path: Path) -> None:
    photos = _mixed_folder(tmp_path / "photos")
    run_museion("ingest", "--site", new_site, photos, status=1)
    make_sample("jpg", photos / "notes.jpg", seed=40)

    run = run_museion("ingest", "--site", new_site, "--json", "--retry", status=1)
    outcomes = {row["filename"]: row["outcome"] for row in run.rows}
    left = run_museion("quarantine", "--site", new_site, "--json").rows

    assert outcomes == {
        "notes.jpg": "ingested",
        "empty.jpg": "refused",
        "torn.png": "quarantined",
    }
    assert {entry["filename"] for entry in left} == {"empty.jpg", "torn.png"}


def test_no_wait_returns_before_enrichment_which_goes_on_later(
    new_site: Path, some_photos: Path
) -> None:
    quick = run_museion("ingest", "--site", new_site, "--no-wait", "--json", some_photos)
    with serving(new_site) as site:
        site.settle()
        status = site.status()

    assert len(quick.rows) == SOME
    assert (status["assets"], status["pending"]) == (SOME, 0)


# --- beside a server -----------------------------------------------------------------------------


def test_an_ingest_beside_a_server_goes_through_it_and_reports_alike(
    served: ServedSite, tmp_path: Path
) -> None:
    photos = _mixed_folder(tmp_path / "photos")
    run_museion("init", tmp_path / "alone")

    beside = run_museion("ingest", "--site", served.folder, "--json", photos, status=1)
    alone = run_museion("ingest", "--site", tmp_path / "alone", "--json", photos, status=1)

    assert _told(beside.rows) == _told(alone.rows)
    assert len(beside.err.splitlines()) == len(alone.err.splitlines()) == 3


def test_what_was_ingested_beside_a_server_can_be_found_at_once(
    served: ServedSite, tmp_path: Path
) -> None:
    for round_number in range(3):
        name = f"unmistakable{round_number}.jpg"
        make_sample("jpg", tmp_path / name, seed=round_number)
        run_museion("ingest", "--site", served.folder, tmp_path / name)

        hits = run_museion("search", "--site", served.folder, "--json", Path(name).stem).rows

        assert hits[0]["filename"] == name


def test_a_served_site_can_be_read_and_says_where_it_is_served(served: ServedSite) -> None:
    (status,) = run_museion("status", "--site", served.folder, "--json").rows

    assert status["served_at"].rstrip("/") == served.url


def test_a_site_in_use_is_not_written_by_another(new_site: Path, some_photos: Path) -> None:
    process = start_museion("ingest", "--site", new_site, "--json", some_photos)
    assert process.stdout is not None
    assert process.stderr is not None
    with process, process.stdout, process.stderr:
        process.stdout.readline()
        refused = run_museion("ingest", "--site", new_site, LIBRARY / DOGS, status=2)
        process.communicate(timeout=90)

    assert f"process {process.pid} has it open" in refused.err
    assert refused.err.count("\n") == 1
    assert process.returncode == 0


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_a_server_stops_when_it_is_told_to_and_lets_the_site_go(
    new_site: Path, sign: signal.Signals
) -> None:
    with serving(new_site) as site:
        site.process.send_signal(sign)
        site.process.wait(STOP_LIMIT_S)

    run_museion("ingest", "--site", new_site, LIBRARY / DOGS)
    assert run_museion("status", "--site", new_site, "--json").rows[0]["served_at"] is None


def test_a_server_goes_on_with_what_an_ingest_left(new_site: Path, library: Path) -> None:
    run_museion("ingest", "--site", new_site, "--no-wait", library / DOGS)

    with serving(new_site) as site:
        wait_until(lambda: _finds_dogs(site), "the photo can be found")


def _finds_dogs(site: ServedSite) -> bool:
    hits = site.get("/api/search", q=DOGS_WORDS)["hits"]
    return bool(hits) and hits[0]["filename"] == DOGS and "meaning" in hits[0]["scores"]


def _photos(folder: Path, *, count: int) -> Path:
    folder.mkdir()
    for seed in range(count):
        make_sample("jpg", folder / f"photo-{seed}.jpg", seed=seed)
    return folder


def _mixed_folder(folder: Path) -> Path:
    """Two photos, a text and nothing under the names of photos, and half a picture."""
    _photos(folder, count=2)
    break_file(make_sample("jpg", folder / "notes.jpg", seed=20), "text")
    break_file(make_sample("jpg", folder / "empty.jpg", seed=21), "empty")
    break_file(make_sample("png", folder / "torn.png", seed=22), "cut-50")
    return folder


def _told(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Return what was said of each file, in an order that does not depend on who was first."""
    keys = ("filename", "outcome", "id", "digest", "size_bytes", "reason", "remedy")
    return sorted(tuple(str(row.get(key)) for key in keys) for row in rows)
