"""`museion log`, as a person or a script at a shell meets it: on a site and on a bare log."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from running_site import STOP_LIMIT_S, run_museion, start_museion, wait_until

from museion.cli.log_command import TOOLS
from museion.log.event import EventId, NewEvent
from museion.log.event_log import EventLog
from museion.log.event_store import EventStore
from museion.log.lmdb_store import LmdbEventStore
from museion.log.postgres.settings import PostgresSettings
from museion.log.postgres_store import PostgresEventStore
from museion.testing.postgres import running_postgres

HELP_LIMIT_S = 0.5
EVENTS = 30

BRIEF_KEYS = {
    *("sequence_nr", "event_id", "time", "type", "form", "aggregate_id", "emitter_id"),
    "size_bytes",
}
FULL_KEYS = BRIEF_KEYS | {
    *("log_id", "destinations", "vector_timestamp", "cause", "delivery_id", "subject_key_id"),
    *("chain_digest", "payload_form", "payload"),
}
STATS_KEYS = {
    *("log_id", "sequence_nr", "deleted_to", "removed_to", "events", "damaged", "payload_bytes"),
    *("file_bytes", "aggregates", "first_time", "last_time", "types", "origins", "readers"),
}
VERIFY_KEYS = {
    *("complete", "whole", "damage", "log_id", "sequence_nr", "removed_to", "events", "proven"),
    *("unproven", "index_entries", "findings", "head", "heads"),
}
FINDING_KEYS = {"finding", "sequence_nr", "is_damage", "message", "remedy", "details"}

_WRITING_PROGRAM = """
import asyncio, sys
from pathlib import Path
from museion.log.event import NewEvent
from museion.log.event_log import EventLog
from museion.log.lmdb_store import LmdbEventStore

async def write():
    log = EventLog(LmdbEventStore(Path(sys.argv[1])))
    print("ready", flush=True)
    for line in sys.stdin:
        await log.append([NewEvent(type_name="typed", payload=line.encode(), emitter_id="me")])
    await log.close()

asyncio.run(write())
"""

_TOOLKIT_ALONE = """
import sys
from importlib.abc import MetaPathFinder

class Missing(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {missing}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
        return None

sys.meta_path.insert(0, Missing())
"""
ARCHIVE_PACKAGES = {"numpy", "rich", "pyvips", "litestar", "granian", "tantivy", "httpx", "pebble"}


def write_log(path: Path, *, events: int = EVENTS) -> None:
    """Write a log as a program with the toolkit alone does."""
    asyncio.run(_write(LmdbEventStore(path), events))


async def _write(store: EventStore, events: int) -> None:
    """Write events, each third with a cause."""
    log = EventLog(store)
    for number in range(1, events + 1):
        cause = EventId(log.log_id, number - 1) if number % 3 == 0 else None
        event = NewEvent(
            type_name="order.placed" if number % 2 else "order.paid",
            payload=json.dumps({"number": number}).encode(),
            emitter_id="till",
            aggregate_id=f"order-{number % 4}",
            cause=cause,
        )
        await log.append([event], progress={"mailer": number // 2})
    await log.close()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("toolkit") / "log"
    write_log(path)
    return path


@pytest.fixture
def log(whole: Path, tmp_path: Path) -> Path:
    """A log of `EVENTS` events that a test may change."""
    return Path(shutil.copytree(whole, tmp_path / "log"))


# --- help and installation -----------------------------------------------------------------------


def test_help_names_every_tool_at_once() -> None:
    runs = [run_museion("log", "--help", anew=True) for _ in range(5)]

    for name, line in TOOLS.items():
        assert f"{name} " in runs[0].out
        assert line in runs[0].out
    assert min(run.seconds for run in runs) < HELP_LIMIT_S


@pytest.mark.parametrize("name", TOOLS)
def test_each_tool_explains_itself_and_each_option(name: str) -> None:
    text = run_museion("log", name, "--help").out
    options = [line for line in text.splitlines() if line.startswith("  -")]

    assert text.startswith(f"Usage: museion log {name}")
    assert {"--site", "--log", "--postgres"} <= {word for line in options for word in line.split()}
    for line in options:
        assert len(line.strip().split("  ")) > 1 or len(line) > 24, f"{line!r} is not explained"


def test_the_tools_work_where_the_toolkit_alone_is_installed(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _hide(ARCHIVE_PACKAGES | {"pyarrow", "psycopg"}, tmp_path, monkeypatch)

    run_museion("log", "--help")
    assert len(run_museion("log", "tail", "--log", log).out.splitlines()) == 10
    assert "number" in run_museion("log", "show", "--log", log, "3").out
    assert "The log is whole" in run_museion("log", "verify", "--log", log).out
    assert "order.paid" in run_museion("log", "stats", "--log", log).out
    assert run_museion("log", "export", "--log", log, "--out", "-").out.count("\n") == EVENTS


@pytest.mark.parametrize("file_format", ["arrow", "parquet"])
def test_export_without_pyarrow_says_what_to_install(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file_format: str
) -> None:
    _hide({"pyarrow"}, tmp_path, monkeypatch)
    out = tmp_path / f"events.{file_format}"

    said = run_museion("log", "export", "--log", log, "--out", out, status=2).err

    assert "pip install 'museion[arrow]'" in said
    assert len(said.splitlines()) == 1
    assert not out.exists()


def test_a_log_in_postgresql_without_its_driver_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _hide({"psycopg"}, tmp_path, monkeypatch)

    said = run_museion("log", "tail", "--postgres", "host=nowhere", status=2).err

    assert "pip install 'museion[postgres]'" in said
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize("command", ["status", "search", "ingest", "quarantine", "serve"])
def test_commands_of_the_archive_say_what_to_install_where_it_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    _hide(ARCHIVE_PACKAGES, tmp_path, monkeypatch)
    words = {"search": ["dog"], "ingest": ["."]}.get(command, [])

    run = run_museion(command, *words, status=2, folder=tmp_path)

    assert "pip install 'museion[archive]'" in run.err
    assert len(run.err.splitlines()) == 1


# --- tail ----------------------------------------------------------------------------------------


def test_tail_prints_the_last_events_one_a_line(log: Path) -> None:
    lines = run_museion("log", "tail", "--log", log, "-n", 3).out.splitlines()

    assert [line.split()[0] for line in lines] == ["28", "29", "30"]
    number, day, _, type_name, aggregate, emitter, size, unit = lines[-1].split()
    assert (number, type_name, aggregate, emitter) == ("30", "order.paid", "order-2", "till")
    assert (len(day), size, unit) == (10, "14", "B")


def test_tail_chooses_by_aggregate_and_type_and_speaks_json(log: Path) -> None:
    of_order = run_museion("log", "tail", "--log", log, "--json", "--aggregate", "order-2").rows
    paid = run_museion("log", "tail", "--log", log, "--json", "--type", "order.paid", "-n", 99)

    assert [row["sequence_nr"] for row in of_order] == [2, 6, 10, 14, 18, 22, 26, 30]
    assert [row["sequence_nr"] for row in paid.rows] == [*range(2, EVENTS + 1, 2)]
    assert {frozenset(row) for row in of_order} == {frozenset(BRIEF_KEYS)}


@pytest.fixture
def writing(log: Path) -> Iterator[subprocess.Popen[str]]:
    """A program that has a log open and appends each line it is given."""
    command = [sys.executable, "-c", _WRITING_PROGRAM, str(log)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, text=True, stdin=pipe, stdout=pipe) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == "ready\n"
        yield process
        process.stdin.close()
        assert process.wait(STOP_LIMIT_S) == 0


def ended(process: subprocess.Popen[str]) -> tuple[str, str]:
    """Return what a process said that was told to stop; one that does not is killed."""
    try:
        return process.communicate(timeout=STOP_LIMIT_S)
    finally:
        process.kill()


def test_tail_follows_a_log_that_another_process_writes_until_ctrl_c(
    log: Path, tmp_path: Path, writing: subprocess.Popen[str]
) -> None:
    assert writing.stdin is not None
    told = tmp_path / "told"
    with told.open("w") as out:
        process = start_museion(
            "log", "tail", "--log", log, "--follow", "--json", "-n", 1, stdout=out
        )
        with process:
            wait_until(lambda: told.read_text().count("\n") == 1, "the last event is printed")
            for word in ("one", "two", "three"):
                writing.stdin.write(f"{word}\n")
                writing.stdin.flush()
            wait_until(lambda: told.read_text().count("\n") == 4, "three more are printed")
            process.send_signal(signal.SIGINT)
            _, err = ended(process)

    rows = [json.loads(line) for line in told.read_text().splitlines()]
    assert (process.returncode, err) == (0, "")
    assert [row["sequence_nr"] for row in rows] == [30, 31, 32, 33]


def test_every_tool_reads_beside_the_program_that_writes(
    log: Path, writing: subprocess.Popen[str]
) -> None:
    assert writing.poll() is None

    assert len(run_museion("log", "tail", "--log", log).out.splitlines()) == 10
    assert run_museion("log", "verify", "--log", log).status == 0
    assert run_museion("log", "stats", "--log", log, "--json").rows[0]["events"] == EVENTS
    assert run_museion("log", "export", "--log", log, "--out", "-").out.count("\n") == EVENTS


# --- show ----------------------------------------------------------------------------------------


def test_show_tells_everything_by_number_or_by_id(log: Path) -> None:
    (by_number,) = run_museion("log", "show", "--log", log, "--json", 7).rows
    (by_id,) = run_museion("log", "show", "--log", log, "--json", by_number["event_id"]).rows
    text = run_museion("log", "show", "--log", log, 7).out

    assert by_number == by_id
    assert set(by_number) == FULL_KEYS | {"deleted"}
    assert by_number["payload"] == {"number": 7}
    assert by_number["payload_form"] == "json"
    for shown in ("order.placed", "order-3", "till", by_number["chain_digest"], '"number": 7'):
        assert shown in text


def test_show_why_follows_the_causes_back(log: Path) -> None:
    (row,) = run_museion("log", "show", "--log", log, "--json", "--why", 9).rows
    text = run_museion("log", "show", "--log", log, "--why", 9).out
    without = run_museion("log", "show", "--log", log, "--why", 8).out

    assert [each["sequence_nr"] for each in row["why"]] == [8]
    assert text.splitlines()[-2] == "Because of:"
    assert text.splitlines()[-1].split()[0] == "8"
    assert "names no cause" in without


def test_show_of_a_sites_event_decodes_its_payload(library_site: Path) -> None:
    (row,) = run_museion("log", "show", "--site", library_site, "--json", 1).rows

    assert row["payload_form"] == "msgpack"
    assert {"asset_id", "digest", "filename"} <= set(row["payload"])


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ("31", "numbers go from 1 to 30"),
        ("0", "numbers go from 1 to 30"),
        ("somewhere:7", "no event has this id"),
        ("seven", "Expected a number or an event id"),
    ],
)
def test_show_of_an_unknown_event_says_so(log: Path, event: str, said: str) -> None:
    assert said in run_museion("log", "show", "--log", log, event, status=2).err


# --- verify --------------------------------------------------------------------------------------


def test_verify_of_a_whole_log_tells_its_head(log: Path) -> None:
    run = run_museion("log", "verify", "--log", log)
    (row,) = run_museion("log", "verify", "--log", log, "--json").rows

    assert run.out.startswith("The log is whole: 30 events")
    assert f"Head: {row['head']} (event 30)" in run.out
    assert set(row) == VERIFY_KEYS
    assert (row["whole"], row["proven"], row["unproven"]) == (True, EVENTS, 0)


def test_verify_of_the_sample_site_finds_no_fault(library_site: Path) -> None:
    (row,) = run_museion("log", "verify", "--site", library_site, "--json").rows

    assert row["whole"]
    assert row["proven"] == row["events"] > 78


def test_verify_names_each_damaged_event_and_ends_with_1(log: Path) -> None:
    _flip(log, b'{"number": 7}')
    _flip(log, b'{"number": 20}')

    run = run_museion("log", "verify", "--log", log, status=1)
    *rows, summary = run_museion("log", "verify", "--log", log, "--json", status=1).rows

    first, second, *_ = run.out.splitlines()
    assert first.startswith("damage: Event 7 is damaged: its checksum does not match.")
    assert second.startswith("damage: Event 20 ")
    assert "backup" in first
    assert [set(row) for row in rows] == [FINDING_KEYS] * 2
    assert [(row["finding"], row["sequence_nr"]) for row in rows] == [
        ("flipped", 7),
        ("flipped", 20),
    ]
    assert (summary["whole"], summary["damage"]) == (False, 2)


def test_verify_finds_a_head_noted_earlier_while_the_log_grows(log: Path) -> None:
    (before,) = run_museion("log", "verify", "--log", log, "--json").rows
    write_log(log, events=5)

    (after,) = run_museion(
        "log", "verify", "--log", log, "--json", "--expect-head", before["head"]
    ).rows

    assert after["whole"]
    assert after["head"] != before["head"]


def test_verify_tells_a_log_that_is_not_the_one_whose_head_was_noted(
    log: Path, tmp_path: Path
) -> None:
    (row,) = run_museion("log", "verify", "--log", log, "--json").rows
    write_log(tmp_path / "another")

    run = run_museion(
        *("log", "verify", "--log", tmp_path / "another", "--expect-head", row["head"]), status=1
    )

    assert "history was rewritten" in run.out


def test_verify_refuses_a_head_that_is_none(log: Path) -> None:
    run = run_museion("log", "verify", "--log", log, "--expect-head", "abc", status=2)

    assert "64 hexadecimal digits" in run.err


def test_verify_of_a_broken_file_ends_with_a_finding(log: Path) -> None:
    file = log / "data.mdb"
    content = bytearray(file.read_bytes())
    for page in range(2, len(content) // 4096):
        content[page * 4096 : page * 4096 + 16] = b"\xff" * 16
    file.write_bytes(content)

    run = run_museion("log", "verify", "--log", log, status=1)

    assert "The store's file is damaged" in run.out
    assert run.err == ""


# --- stats ---------------------------------------------------------------------------------------


def test_stats_count_events_and_tell_how_far_readers_are(log: Path) -> None:
    (row,) = run_museion("log", "stats", "--log", log, "--json").rows
    text = run_museion("log", "stats", "--log", log).out

    assert set(row) == STATS_KEYS
    assert (row["events"], row["aggregates"], row["sequence_nr"]) == (EVENTS, 4, EVENTS)
    assert row["types"] == {"order.placed": 15, "order.paid": 15}
    assert row["readers"] == {"mailer": {"position": 15, "lag": 15}}
    assert row["file_bytes"] > row["payload_bytes"] > 0
    assert "at 15, 15 behind" in text


def test_stats_of_the_sample_site_name_its_events_and_readers(library_site: Path) -> None:
    (row,) = run_museion("log", "stats", "--site", library_site, "--json").rows

    assert sum(row["types"].values()) == row["events"] == sum(row["origins"].values())
    assert row["readers"]


@pytest.mark.parametrize("count", [-1, 99999999999999999999])
def test_tail_refuses_a_count_out_of_range_without_a_traceback(log: Path, count: int) -> None:
    run = run_museion("log", "tail", "--log", log, "-n", count, status=2)

    assert f"{count} is not in the range" in run.err
    assert "Traceback" not in run.err


# --- export --------------------------------------------------------------------------------------


def test_export_goes_on_where_the_last_one_ended(log: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    said = run_museion("log", "export", "--log", log, "--out", first).out
    write_log(log, events=5)
    run_museion("log", "export", "--log", log, "--out", second, *said.split()[-2:])

    rows = [json.loads(line) for path in (first, second) for line in path.read_text().splitlines()]

    assert [row["sequence_nr"] for row in rows] == [*range(1, EVENTS + 6)]
    assert {frozenset(row) for row in rows} == {frozenset(FULL_KEYS)}


@pytest.mark.parametrize("file_format", ["arrow", "parquet"])
def test_export_takes_the_format_from_the_name_of_the_file(
    log: Path, tmp_path: Path, file_format: str
) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    out = tmp_path / f"events.{file_format}"
    run_museion("log", "export", "--log", log, "--out", out, "--type", "order.paid")

    if file_format == "parquet":
        table = pq.read_table(out)
    else:
        with pa.ipc.open_file(out) as file:
            table = file.read_all()
    assert table.column("sequence_nr").to_pylist() == [*range(2, EVENTS + 1, 2)]


def test_export_says_in_which_format_a_file_of_another_ending_is(log: Path, tmp_path: Path) -> None:
    out = tmp_path / "events.csv"

    said = run_museion("log", "export", "--log", log, "--out", out).out

    assert f"in {out} as jsonl;" in said


def test_export_does_not_replace_a_file_unless_told(log: Path, tmp_path: Path) -> None:
    out = tmp_path / "notes.txt"
    out.write_text("my notes")

    refused = run_museion("log", "export", "--log", log, "--out", out, status=2)
    kept = out.read_text()
    run_museion("log", "export", "--log", log, "--out", out, "--replace")

    assert "exists already" in refused.err
    assert kept == "my notes"
    assert len(out.read_text().splitlines()) == EVENTS


def test_an_export_into_a_pipe_that_closes_ends_quietly(log: Path) -> None:
    process = start_museion("log", "export", "--log", log, "--out", "-")
    assert process.stdout is not None
    assert process.stderr is not None
    with process, process.stderr:
        process.stdout.close()
        assert process.wait(STOP_LIMIT_S) in {0, 1}
        assert process.stderr.read() == ""


# --- PostgreSQL ----------------------------------------------------------------------------------


def test_every_tool_reads_a_log_in_postgresql_beside_the_program_that_writes() -> None:
    with running_postgres() as server:
        settings = PostgresSettings(conninfo=server.conninfo, log_name="orders")
        asyncio.run(_write(PostgresEventStore(settings), EVENTS))
        store = PostgresEventStore(settings)
        place = ["--postgres", server.conninfo, "--log-name", "orders"]

        tail = run_museion("log", "tail", *place, "--json").rows
        shown = run_museion("log", "show", *place, "--json", 7).rows[0]
        proof = run_museion("log", "verify", *place, "--json").rows[-1]
        stats = run_museion("log", "stats", *place, "--json").rows[0]
        exported = run_museion("log", "export", *place, "--out", "-").rows
        unknown = run_museion("log", "tail", "--postgres", server.conninfo, status=2)
        store.close()

    assert [row["sequence_nr"] for row in tail] == [*range(21, EVENTS + 1)]
    assert shown["payload"] == {"number": 7}
    assert (proof["whole"], proof["proven"]) == (True, EVENTS)
    assert (stats["events"], stats["file_bytes"]) == (EVENTS, None)
    assert len(exported) == EVENTS
    assert "no event log 'main'" in unknown.err
    assert len(unknown.err.splitlines()) == 1


def test_a_database_that_is_away_is_one_line() -> None:
    run = run_museion("log", "tail", "--postgres", "host=127.0.0.1 port=1 dbname=x", status=2)

    assert "cannot be used" in run.err
    assert len(run.err.splitlines()) == 1


# --- logs that are not there or not whole --------------------------------------------------------


@pytest.mark.parametrize("tool", TOOLS)
def test_a_folder_that_is_no_log_is_one_line(tmp_path: Path, tool: str) -> None:
    run = run_museion("log", tool, *_words(tool), "--log", tmp_path, status=2)

    assert run.err.startswith(f"museion: {tmp_path} holds no event log.")
    assert len(run.err.splitlines()) == 1


@pytest.mark.parametrize("tool", TOOLS)
def test_a_folder_that_is_no_site_is_one_line(tmp_path: Path, tool: str) -> None:
    run = run_museion("log", tool, *_words(tool), "--site", tmp_path, status=2)

    assert "is not a site" in run.err
    assert len(run.err.splitlines()) == 1


@pytest.mark.parametrize("tool", TOOLS)
def test_a_tool_that_is_told_no_log_says_how_to_name_one(tmp_path: Path, tool: str) -> None:
    run = run_museion("log", tool, *_words(tool), folder=tmp_path, status=2)

    assert "--log DIR" in run.err
    assert len(run.err.splitlines()) == 1


def test_a_new_site_has_no_log_yet(new_site: Path) -> None:
    run = run_museion("log", "tail", "--site", new_site, status=2)

    assert "Nothing was ever ingested" in run.err


def test_an_empty_log_is_no_error(tmp_path: Path) -> None:
    write_log(tmp_path, events=0)

    assert run_museion("log", "tail", "--log", tmp_path).out == "The log is empty.\n"
    assert run_museion("log", "tail", "--log", tmp_path, "--json").rows == []
    assert "The log is whole: 0 events" in run_museion("log", "verify", "--log", tmp_path).out
    assert run_museion("log", "stats", "--log", tmp_path, "--json").rows[0]["events"] == 0
    assert run_museion("log", "export", "--log", tmp_path, "--out", "-").out == ""
    assert "the log is empty" in run_museion("log", "show", "--log", tmp_path, 1, status=2).err


@pytest.mark.parametrize("tool", TOOLS)
def test_a_log_in_a_later_form_is_one_line(log: Path, tool: str) -> None:
    import lmdb

    with lmdb.open(str(log), max_dbs=8) as environment:
        meta = environment.open_db(b"meta")
        with environment.begin(write=True) as writing:
            writing.put(b"form", b"9", db=meta)

    run = run_museion("log", tool, *_words(tool), "--log", log, status=2)

    assert "stored form b'9'" in run.err
    assert "program version" in run.err
    assert len(run.err.splitlines()) == 1


@pytest.mark.parametrize("tool", TOOLS)
def test_a_file_of_another_program_is_one_line(tmp_path: Path, tool: str) -> None:
    import lmdb

    with lmdb.open(str(tmp_path)) as environment, environment.begin(write=True) as writing:
        writing.put(b"a", b"b")

    run = run_museion("log", tool, *_words(tool), "--log", tmp_path, status=2)

    assert len(run.err.splitlines()) == 1
    assert "no event log" in run.err


def test_two_logs_at_once_are_refused(log: Path) -> None:
    run = run_museion("log", "tail", "--log", log, "--site", log, status=2)

    assert "got several" in run.err


def test_looking_changes_nothing(log: Path) -> None:
    before = (log / "data.mdb").read_bytes()

    for tool in TOOLS:
        run_museion("log", tool, *_words(tool), "--log", log)

    assert (log / "data.mdb").read_bytes() == before


def _words(tool: str) -> list[str]:
    return {"show": ["1"], "export": ["--out", "-"]}.get(tool, [])


def _flip(log: Path, payload: bytes) -> None:
    file = log / "data.mdb"
    content = file.read_bytes()
    assert payload in content
    # Every copy: LMDB leaves old pages in the file.
    file.write_bytes(content.replace(payload, payload[:-2] + b"X}"))


def _hide(packages: set[str], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let commands run as if some packages were not installed."""
    place = folder / "without"
    place.mkdir()
    (place / "sitecustomize.py").write_text(_TOOLKIT_ALONE.format(missing=sorted(packages)))
    monkeypatch.setenv("PYTHONPATH", str(place))
