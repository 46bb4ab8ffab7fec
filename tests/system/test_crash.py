"""Killed at any moment and started again, a site misses nothing and has nothing twice.

What it ends with is compared with a site that took in the same files undisturbed. Derived files
that are lost or damaged come back from the log; damaged originals are never served.

MUSEION_KILL_ROUNDS says how often a test kills.
"""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest
from running_site import MUSEION, run_museion, serving, start_museion, wait_until

from museion.archive.events import ArchiveEvent, AssetIngested, IngestRefused, payload_of
from museion.blobs.filesystem_store import FilesystemBlobStore
from museion.log.event import Event
from museion.log.lmdb_store import LmdbEventStore
from museion.models.registry import built_in_checkpoint
from museion.node.settings import read_settings
from museion.search.exact_index import ExactIndex
from museion.testing.killing import kill_rounds
from museion.testing.media import break_file, make_sample

_SEED = 20260707
_ONE_OF_EACH = Counter(
    {
        "museion.asset-ingested": 1,
        "museion.metadata-extracted": 1,
        "museion.rendition-made": 2,
        "museion.fingerprint-computed": 1,
        "museion.colours-found": 1,
        "museion.embedding-computed": 1,
        "museion.labels-computed": 1,
    }
)
_SHOWN_ALL = ("search", "--json", "--limit", 500)


@dataclass(frozen=True)
class Answers:
    """What people get to see of a site, without what depends on when it was made."""

    hits: list[dict[str, Any]]
    catalog: dict[str, dict[str, Any]]
    embedded: set[str]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures with captions, one of them twice; a broken picture; and what is no picture."""
    folder = tmp_path_factory.mktemp("corpus")
    for seed in range(20):
        caption = f"scene number {seed} of the crash"
        make_sample("jpg", folder / f"p{seed:02}.jpg", seed=seed, metadata={"caption": caption})
    shutil.copy2(folder / "p03.jpg", folder / "same as p03.jpg")
    break_file(make_sample("png", folder / "q broken.png", seed=90), "cut-50")
    (folder / "r no picture.jpg").write_bytes(b"no picture")
    return folder


@pytest.fixture(scope="module")
def undisturbed(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site that took in the corpus without any mishap; not to be changed."""
    site = _new_site(tmp_path_factory.mktemp("undisturbed") / "site")
    run_museion("ingest", "--site", site, corpus, status=1)
    return site


@pytest.fixture(scope="module")
def expected(undisturbed: Path) -> Answers:
    """What the undisturbed site answers."""
    return _answers(undisturbed)


@pytest.fixture
def copied(undisturbed: Path, tmp_path: Path) -> Path:
    """A copy of the undisturbed site, to be harmed."""
    return Path(shutil.copytree(undisturbed, tmp_path / "copy"))


def test_an_ingest_and_a_server_that_are_killed_lose_and_double_nothing(
    corpus: Path, undisturbed: Path, expected: Answers, tmp_path: Path
) -> None:
    site = _new_site(tmp_path / "site")
    random = Random(_SEED)  # noqa: S311 (moments of kills)
    for number in range(kill_rounds(12)):
        if number % 3 == 2:
            _start_and_kill(random, "serve", "--port", 0, "--json", "--site", site)
        else:
            _start_and_kill(random, "ingest", "--json", "--site", site, corpus)
    run_museion("ingest", "--site", site, corpus, status=1)

    assert _told(site) == _told(undisturbed)
    assert _answers(site) == expected
    assert _intact_blobs(site) == _intact_blobs(undisturbed)
    assert not list((site / "blobs" / "incoming").iterdir())


def test_an_undisturbed_site_has_each_fact_once(undisturbed: Path) -> None:
    """The yardstick is right: one of each for every picture, one failure for the broken one."""
    by_asset: dict[str | None, Counter[str]] = {}
    for event in _events(undisturbed):
        by_asset.setdefault(event.aggregate_id, Counter())[event.type_name] += 1
    facts = [counts for asset, counts in by_asset.items() if asset is not None]

    broken = [counts for counts in facts if counts["museion.enrichment-failed"]]
    twice = [counts for counts in facts if counts["museion.asset-recognised"]]

    assert len(facts) == 21
    assert len(broken) == 1
    assert len(twice) == 1
    assert all(
        counts - Counter({"museion.asset-recognised": 1}) == _ONE_OF_EACH
        for counts in facts
        if counts not in broken
    )


def test_the_workers_of_a_killed_command_end(corpus: Path, tmp_path: Path) -> None:
    site = _new_site(tmp_path / "site")
    with start_museion("ingest", "--json", "--site", site, corpus) as ingest:
        assert ingest.stdout is not None
        ingest.stdout.readline()
        wait_until(lambda: len(_descendants(ingest.pid)) >= 2, "a worker has started")
        orphans = _descendants(ingest.pid)
        ingest.kill()

    wait_until(lambda: not any(map(_is_alive, orphans)), "the workers have ended", limit_s=20)


def test_a_worker_that_is_killed_costs_at_most_its_own_file(corpus: Path, tmp_path: Path) -> None:
    """The others go on in a new worker; another try clears the one."""
    site = _new_site(tmp_path / "site")
    with start_museion("ingest", "--site", site, corpus) as ingest:
        wait_until(lambda: bool(_workers(ingest.pid)), "a worker has started")
        os.kill(_workers(ingest.pid)[-1], signal.SIGKILL)
        ingest.communicate(timeout=120)
    rows = run_museion("quarantine", "--site", site, "--json").rows

    killed = {row["filename"] for row in rows} - {"q broken.png", "r no picture.jpg"}
    assert len(killed) <= 1, rows

    run_museion("ingest", "--site", site, "--retry", status=1)
    left = {row["filename"] for row in run_museion("quarantine", "--site", site, "--json").rows}
    assert left == {"q broken.png", "r no picture.jpg"}


def test_an_ingest_whose_server_is_killed_says_how_to_go_on(
    corpus: Path, undisturbed: Path, tmp_path: Path
) -> None:
    """Files go to a process that serves the site, and nothing is lost with it."""
    site = _new_site(tmp_path / "site")
    with start_museion("serve", "--json", "--port", 0, "--site", site) as server:
        assert server.stdout is not None
        server.stdout.readline()
        with start_museion("ingest", "--json", "--site", site, corpus) as ingest:
            assert ingest.stdout is not None
            ingest.stdout.readline()
            server.kill()
            _, told = ingest.communicate(timeout=60)
    again = run_museion("ingest", "--site", site, "--json", corpus, status=1)

    assert ingest.returncode == 2
    (line,) = [each for each in told.splitlines() if not each.startswith("refused: ")]
    assert "it does not answer" in line
    assert "it goes on" in line
    assert {row["filename"] for row in again.rows if row["id"]} == {
        row["filename"] for row in _catalog(undisturbed).values()
    } | {"same as p03.jpg"}
    assert _catalog(site).keys() == _catalog(undisturbed).keys()


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_an_ingest_that_is_told_to_stop_says_how_to_go_on(
    corpus: Path, undisturbed: Path, tmp_path: Path, sign: signal.Signals
) -> None:
    site = _new_site(tmp_path / "site")
    with start_museion("ingest", "--json", "--site", site, corpus) as ingest:
        assert ingest.stdout is not None
        ingest.stdout.readline()
        ingest.send_signal(sign)
        _, told = ingest.communicate(timeout=60)
    run_museion("ingest", "--site", site, corpus, status=1)

    assert ingest.returncode == 130
    lines = [line for line in told.splitlines() if line and not line.startswith("refused: ")]
    assert lines == ["museion: interrupted; run the same command again to go on."]
    assert _told(site) == _told(undisturbed)


def test_a_second_process_is_told_who_works_on_the_site(corpus: Path, copied: Path) -> None:
    with serving(copied) as server:
        second = run_museion("serve", "--port", 0, "--site", copied, status=2)

    assert f"process {server.process.pid} has it open for writing" in second.err
    assert len(second.err.splitlines()) == 1


def test_a_taken_port_is_named(copied: Path, tmp_path: Path) -> None:
    other = _new_site(tmp_path / "other")
    with serving(copied) as server:
        port = server.url.rpartition(":")[2]
        refused = run_museion("serve", "--port", port, "--site", other, status=2)

    assert refused.err.startswith(f"museion: 127.0.0.1:{port} cannot be listened on: Address")
    assert len(refused.err.splitlines()) == 1


@pytest.mark.parametrize(
    "lost", [["catalog.sqlite"], ["index"], ["catalog.sqlite", "index"], ["index/lexical"]]
)
def test_what_is_derived_can_be_removed_and_comes_back_the_same(
    corpus: Path, expected: Answers, copied: Path, lost: Sequence[str]
) -> None:
    for name in lost:
        _remove(copied / name)

    run_museion("ingest", "--site", copied, corpus / "p00.jpg")

    assert _answers(copied) == expected


@pytest.mark.parametrize("damage", ["noise", "half", "empty"])
@pytest.mark.parametrize("part", ["catalog.sqlite", "index/lexical", "index/vectors"])
def test_a_damaged_derived_file_is_built_anew(
    corpus: Path, expected: Answers, copied: Path, part: str, damage: str
) -> None:
    place = copied / part
    files = sorted(each for each in place.rglob("*") if each.is_file()) or [place]
    for file in files:
        if file.suffix != ".lock":
            _harm(file, damage)

    run_museion("ingest", "--site", copied, corpus / "p00.jpg")

    assert _answers(copied) == expected


def test_a_damaged_original_is_reported_and_not_served(copied: Path) -> None:
    row = next(row for row in _hits(copied) if row["filename"] == "p05.jpg")
    _harm(copied / "blobs" / row["digest"][:2] / row["digest"], "flipped")

    with serving(copied) as server:
        answer = server.http.get(f"/api/assets/{row['id']}/original")

    assert answer.status_code == 422
    assert answer.json()["title"] == "Damaged blob"
    assert row["digest"] in answer.json()["detail"]


def test_a_damaged_blob_is_healed_by_the_same_file_under_another_name(
    corpus: Path, copied: Path, tmp_path: Path
) -> None:
    row = next(row for row in _hits(copied) if row["filename"] == "p05.jpg")
    _harm(copied / "blobs" / row["digest"][:2] / row["digest"], "flipped")

    run_museion("ingest", "--site", copied, shutil.copy(corpus / "p05.jpg", tmp_path / "b.jpg"))

    assert row["digest"] in _intact_blobs(copied)


def test_a_damaged_event_ends_the_command_with_its_number(corpus: Path, copied: Path) -> None:
    """Going on without it would show an archive with a hole."""
    _remove(copied / "catalog.sqlite")
    content = (copied / "log" / "data.mdb").read_bytes()
    at = content.index(b"p07.jpg")
    (copied / "log" / "data.mdb").write_bytes(content[:at] + b"X" + content[at + 1 :])

    run = run_museion("ingest", "--site", copied, corpus, status=2)

    assert len(run.err.splitlines()) == 1
    assert "of the log is damaged" in run.err


def test_a_log_that_went_back_in_time_is_noticed(corpus: Path, copied: Path) -> None:
    """A log restored from a backup is shorter than what was derived from the lost one."""
    _remove(copied / "log")

    run = run_museion("ingest", "--site", copied, "--json", corpus / "p04.jpg")

    assert [row["outcome"] for row in run.rows] == ["ingested"]
    assert [row["filename"] for row in _search(copied, "scene")] == ["p04.jpg"]


def _new_site(folder: Path) -> Path:
    """Make a site that takes in one file after the other, so that runs can be compared."""
    run_museion("init", folder, "--name", "crash")
    with (folder / "museion.toml").open("a") as settings:
        settings.write("files_at_once = 1\n")
    return folder


def _start_and_kill(random: Random, *arguments: object) -> None:
    """Start a command and kill it up to a second after its first line, or before there is one."""
    is_early = random.random() < 1 / 6
    delay_s = random.uniform(0.0, 1.0)
    command = [str(MUSEION), *map(str, arguments)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, **pipes, bufsize=0) as process:  # type: ignore[call-overload]  # named pipes
        if not is_early:
            process.stdout.readline()
        try:
            process.wait(delay_s)
        except subprocess.TimeoutExpired:
            process.kill()
        process.stdout.close()


def _events(site: Path) -> list[Event]:
    with closing(LmdbEventStore(site / "log")) as store:
        return list(store.read(limit=1_000_000, max_bytes=1 << 40))


def _told(site: Path) -> Counter[tuple[str, ArchiveEvent | None]]:
    """Return the facts of a site's log and how often each stands there.

    A refused file is tried with every run and refused anew, so it counts once.
    """
    facts = Counter((event.type_name, payload_of(event)) for event in _events(site))
    for fact in facts:
        if isinstance(fact[1], IngestRefused):
            facts[fact] = 1
    return facts


def _answers(site: Path) -> Answers:
    return Answers(_hits(site), _catalog(site), _embedded_ids(site))


def _catalog(site: Path) -> dict[str, dict[str, Any]]:
    """Return what the catalog holds of each asset, but for times and numbers of the run."""
    with closing(sqlite3.connect(site / "catalog.sqlite")) as database:
        database.row_factory = sqlite3.Row
        rows = [dict(row) for row in database.execute("SELECT * FROM asset")]
    passing = {"nr", "ingest_time", "sort_time"}
    return {row["id"]: {k: v for k, v in row.items() if k not in passing} for row in rows}


def _embedded_ids(site: Path) -> set[str]:
    """Return the ids of all assets that the vector index knows."""
    space = built_in_checkpoint(read_settings(site).encoder).space
    ids = {
        event.asset_id
        for event in map(payload_of, _events(site))
        if isinstance(event, AssetIngested)
    }
    folder = site / "index" / "vectors" / space.id.replace(":", "-")
    index = ExactIndex.open(folder, space=space.id, dimension=space.dimension, read_only=True)
    with closing(index):
        found = {str(each) for each in ids if index.get(each) is not None}
        assert len(index) == len(found)
    return found


def _hits(site: Path) -> list[dict[str, Any]]:
    """Return all hits of a query, in the order of their ids.

    Without what counts words in the whole index: records that were replaced are still counted
    there until the engine cleans up, and so the history of an index shows in it.
    """
    rows = _search(site, "scene of the crash")
    for row in rows:
        del row["score"], row["scores"]["words"]
    return sorted(rows, key=lambda row: str(row["id"]))


def _search(site: Path, query: str) -> list[dict[str, Any]]:
    return run_museion(*_SHOWN_ALL, "--site", site, query).rows


def _intact_blobs(site: Path) -> set[str]:
    store = FilesystemBlobStore(site / "blobs", writable=False)
    intact = set()
    for digest in store.digests():
        store.read(digest)
        intact.add(str(digest))
    return intact


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()


def _harm(file: Path, damage: str) -> None:
    file.chmod(0o644)
    content = file.read_bytes()
    half = len(content) // 2
    match damage:
        case "noise":
            file.write_bytes(Random(_SEED).randbytes(len(content)))  # noqa: S311 (noise)
        case "half":
            file.write_bytes(content[:half])
        case "empty":
            file.write_bytes(b"")
        case "flipped":
            file.write_bytes(content[:half] + bytes([content[half] ^ 1]) + content[half + 1 :])
        case _:
            raise AssertionError(damage)


def _processes() -> Iterator[tuple[int, int, str]]:
    """Yield number, parent's number and state of every process."""
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = place.read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue  # it has ended meanwhile
        yield int(place.parent.name), int(parent), state


def _descendants(pid: int) -> list[int]:
    """Return the processes below a process, oldest first."""
    known = {pid}
    for number, parent, _ in sorted(_processes()):
        if parent in known:
            known.add(number)
    return sorted(known - {pid})


def _workers(pid: int) -> list[int]:
    """Return the processes that decode: children of the one that makes them for the command."""
    below = _descendants(pid)
    return [number for number, parent, _ in _processes() if number in below and parent in below]


def _is_alive(pid: int) -> bool:
    return any(number == pid and state != "Z" for number, _, state in _processes())
