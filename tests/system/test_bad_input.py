"""What no archive may choke on: every bad file gets one clear line and a place in quarantine, the
others go on, and the exit status tells. All through the command line, in real processes.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from running_site import MUSEION, Finished, run_museion, serving, start_museion

from museion.testing.hostile_media import make_png_bomb, unsafe_svgs
from museion.testing.media import DAMAGES, FORMATS, break_file, make_sample
from museion.testing.tiny_disk import tiny_disk

_FILM_SIZE = {"width": 128, "height": 96}
_LINE = re.compile(r"(refused|quarantined): (?P<place>.*?): (?P<rest>[A-Z].*)")


@dataclass(frozen=True)
class Met:
    """A folder of bad company that was ingested, and what was said of it."""

    site: Path
    folder: Path
    run: Finished
    quarantined: dict[str, dict[str, Any]]
    """Entries by the name of the file: what hinders its picture, or else anything."""

    def lines_about(self, name: str) -> list[str]:
        """Return what standard error says about a file."""
        lines = self.run.err.splitlines()
        return [line for line in lines if f"/{name}: " in line]


@pytest.fixture(scope="module")
def met(tmp_path_factory: pytest.TempPathFactory) -> Met:
    """Good and bad files of every kind in one folder, ingested in one run."""
    folder = tmp_path_factory.mktemp("bad") / "company"
    folder.mkdir()
    for seed, form in enumerate(FORMATS):
        size: dict[str, Any] = _FILM_SIZE if form in {"mp4", "mov", "webm"} else {}
        good = make_sample(form, folder / f"good-{form}.{form}", seed=seed, **size)
        for damage in DAMAGES:
            break_file(Path(shutil.copy(good, folder / f"{damage}.{form}")), damage)
    make_png_bomb(folder / "bomb.png")
    for name, content in unsafe_svgs().items():
        (folder / f"unsafe {name}.svg").write_bytes(content)
    _add_what_is_no_file(folder)
    _add_strange_names(folder)
    site = folder.parent / "site"
    run_museion("init", site)
    run = run_museion("ingest", "--site", site, "--json", folder, status=1, limit_s=120)
    listed = run_museion("quarantine", "--site", site, "--json").rows
    listed.sort(key=lambda row: row["processor"] == "renditions")  # why there is no picture, last
    return Met(site, folder, run, {row["filename"]: row for row in listed})


def _add_what_is_no_file(folder: Path) -> None:
    os.mkfifo(folder / "pipe.jpg")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(folder / "socket.jpg"))  # an absolute name may be too long
    (folder / "dangling.jpg").symlink_to("nowhere.jpg")
    (folder / "loop.jpg").symlink_to("loop.jpg")
    (folder / "up").symlink_to("..")
    (folder / "folder.jpg").mkdir()
    make_sample("jpg", folder / "folder.jpg" / "inside.jpg", seed=50)


def _add_strange_names(folder: Path) -> None:
    for seed, name in enumerate(_STRANGE_NAMES):
        sample = make_sample("jpg", folder / f"strange-{seed}", seed=60 + seed)
        sample.rename(os.fsdecode(os.fsencode(folder) + b"/" + name + b".jpg"))
        (folder / os.fsdecode(name + b".txt")).write_bytes(b"no picture")
    (folder / ".hidden.jpg").write_bytes(b"no picture")


_STRANGE_NAMES = (
    b"caf\xe9",
    b"two\nlines",
    b"\x1b]0;title\x07\x1b[31mred",
    b"-rf",
    b"a'b\"c $(reboot) %s {x}",
    "gnp\u202egpj".encode(),
    b"n" * 251,
)


@pytest.mark.parametrize("damage", ["empty", "text", "cut-10", "cut-50", "cut-90"])
@pytest.mark.parametrize("form", FORMATS)
def test_a_broken_file_gets_one_line_and_a_quarantine_entry(
    met: Met, form: str, damage: str
) -> None:
    """What, why, and what to do."""
    lines = met.lines_about(f"{damage}.{form}")
    entry = met.quarantined[f"{damage}.{form}"]

    assert len(lines) == 1, lines
    assert _LINE.fullmatch(lines[0])
    assert lines[0].endswith(f"{entry['reason']} {entry['remedy']}")
    assert entry["path"] == str(met.folder / f"{damage}.{form}")
    assert entry["reason"].endswith(".")
    assert entry["remedy"].endswith(".")


@pytest.mark.parametrize("form", FORMATS)
def test_a_garbled_file_is_quarantined_or_shown_but_breaks_nothing(met: Met, form: str) -> None:
    """Some formats carry no check of their pixels, so that garbled ones are pictures, too."""
    lines = met.lines_about(f"garbled.{form}")

    assert len(lines) <= 1
    assert not any("broke its worker" in line for line in lines)


def test_the_good_files_among_the_bad_are_all_shown(met: Met) -> None:
    named = {row["filename"]: row["outcome"] for row in met.run.rows}
    hits = run_museion("search", "--site", met.site, "--json", "--limit", 500, "good").rows

    shown = {hit["filename"] for hit in hits}

    for form in FORMATS:
        assert named[f"good-{form}.{form}"] == "ingested"
        assert f"good-{form}.{form}" in shown
        assert not met.lines_about(f"good-{form}.{form}")


def test_a_file_that_fails_in_two_ways_is_named_once(met: Met) -> None:
    places = [line.split(": ")[1] for line in met.run.err.splitlines()]

    assert sorted(places) == sorted(set(places))


@pytest.mark.parametrize("name", sorted(unsafe_svgs()))
def test_an_unsafe_drawing_is_not_drawn(met: Met, name: str) -> None:
    """It runs, fetches or floods; the line says what was found."""
    (line,) = met.lines_about(f"unsafe {name}.svg")

    assert "is not safe to draw" in line or "refused" in line


def test_a_pixel_bomb_is_refused_by_its_header(met: Met) -> None:
    (line,) = met.lines_about("bomb.png")

    assert "60000 x 60000 pixels" in line


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("pipe.jpg", "It is a pipe, not a file."),
        ("socket.jpg", "It is a socket, not a file."),
        ("dangling.jpg", "It is a link to a file that does not exist."),
        ("loop.jpg", "Too many levels of symbolic links"),
    ],
)
def test_what_is_no_file_is_refused_without_waiting_for_it(met: Met, name: str, what: str) -> None:
    (line,) = met.lines_about(name)

    assert what in line


def test_a_folder_with_the_name_of_a_picture_is_a_folder(met: Met) -> None:
    outcomes = {row["filename"]: row["outcome"] for row in met.run.rows}

    assert outcomes["inside.jpg"] == "ingested"


def test_hidden_files_and_links_to_folders_are_passed_over(met: Met) -> None:
    names = [row["filename"] for row in met.run.rows]

    assert ".hidden.jpg" not in names
    assert names.count("inside.jpg") == 1


@pytest.mark.parametrize("name", _STRANGE_NAMES)
def test_a_file_with_a_strange_name_comes_in(met: Met, name: bytes) -> None:
    shown = (name + b".jpg").decode("utf-8", "replace")
    rows = [row for row in met.run.rows if row["filename"] == shown]

    assert [row["outcome"] for row in rows] == ["ingested"]
    assert run_museion("show", "--site", met.site, rows[0]["id"]).status == 0


def test_no_name_sends_commands_to_the_terminal(met: Met) -> None:
    """Control characters, line breaks and marks that turn the writing are made visible."""
    listed = run_museion("quarantine", "--site", met.site).out
    hits = run_museion("search", "--site", met.site, "--limit", 500, "jpg").out

    for text in (met.run.err, listed, hits):
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)
    assert len([line for line in met.run.err.splitlines() if "two" in line]) == 1


_HOSTILE_CAPTIONS = {
    "escape": "\x1b]0;owned\x07\x1b[31mred\x1b[0m\rover",
    "turned": "\u202eevil\u2066 <script>alert(1)</script> <img src=x onerror=alert(1)>",
    "lines": "first\nsecond\ttabbed\u2028third",
    "endless": "word " * 12_000,
}


def test_hostile_captions_are_texts_and_nothing_else(tmp_path: Path, new_site: Path) -> None:
    """On a terminal one line without commands; in JSON and over HTTP what the file says."""
    photos = tmp_path / "photos"
    photos.mkdir()
    for seed, (name, caption) in enumerate(_HOSTILE_CAPTIONS.items()):
        metadata: dict[str, Any] = {"caption": caption, "keywords": (caption[:60], "kept")}
        make_sample("jpg", photos / f"{name}.jpg", seed=seed, metadata=metadata)

    run_museion("ingest", "--site", new_site, photos)
    rows = run_museion("search", "--site", new_site, "--json", "tag:kept").rows
    shown = [run_museion("show", "--site", new_site, row["id"]).out for row in rows]
    shown.append(run_museion("search", "--site", new_site, "tag:kept").out)
    with serving(new_site) as server:
        told = {row["filename"]: server.get(f"/api/assets/{row['id']}") for row in rows}
        page = server.http.get("/").headers["content-security-policy"]

    assert len(rows) == len(_HOSTILE_CAPTIONS)
    for text in shown:
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]", text)
        assert max(map(len, text.splitlines())) <= 1100
    assert told["turned.jpg"]["caption"] == _HOSTILE_CAPTIONS["turned"]
    assert len(told["endless.jpg"]["caption"]) <= 20_000
    assert "script-src" not in page
    assert "default-src 'self'" in page


def test_the_second_run_takes_nothing_in_and_names_the_problems_again(met: Met) -> None:
    """A medium that is kept but cannot be shown is not tried again by itself, nor forgotten."""
    again = run_museion("ingest", "--site", met.site, "--json", met.folder, status=1)

    outcomes = {row["outcome"] for row in again.rows}

    assert outcomes == {"unchanged", "refused", "quarantined"}


def test_a_folder_given_twice_is_taken_in_once(tmp_path: Path, new_site: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    make_sample("jpg", folder / "a.jpg")

    run = run_museion("ingest", "--site", new_site, "--json", folder, folder, folder / "a.jpg")

    assert _outcomes(run) == ["ingested", "unchanged"]


def test_a_site_does_not_take_in_its_own_parts(new_site: Path) -> None:
    """Its renditions would become assets with renditions of their own, without end."""
    make_sample("jpg", new_site / "a.jpg")
    run_museion("ingest", "--site", new_site, new_site)

    again = run_museion("ingest", "--json", ".", folder=new_site)

    assert [(row["filename"], row["outcome"]) for row in again.rows] == [("a.jpg", "unchanged")]


@pytest.mark.parametrize("name", ["x" * 300 + ".jpg", "/dev/zero", "/dev/null", "no-such-file.jpg"])
def test_a_path_that_cannot_be_a_photo_is_refused(new_site: Path, name: str) -> None:
    run = run_museion("ingest", "--site", new_site, name, status=1, limit_s=30)

    assert len(run.err.splitlines()) == 1
    assert run.err.startswith(f"refused: {name}: It ")


def test_a_file_that_vanishes_before_it_is_read_is_named(tmp_path: Path, new_site: Path) -> None:
    """Files are read one by one here; the last is removed when the first is done."""
    _set(new_site, "files_at_once = 1")
    photos = tmp_path / "photos"
    photos.mkdir()
    make_sample("jpg", photos / "a.jpg", seed=1)
    _make_huge(make_sample("png", photos / "b.png", seed=2), size_bytes=192 << 20)
    make_sample("jpg", photos / "c.jpg", seed=3)
    with start_museion("ingest", "--site", new_site, "--json", photos) as ingest:
        assert ingest.stdout is not None
        ingest.stdout.readline()
        (photos / "c.jpg").unlink()
        _, told = ingest.communicate(timeout=60)

    assert ingest.returncode == 1
    assert "c.jpg: It cannot be read: No such file or directory. It vanished" in told
    cleared = run_museion("ingest", "--site", new_site, "--retry", status=None)
    assert f"cleared: {photos / 'c.jpg'}: It is no longer there." in cleared.err


def test_a_file_that_changes_while_it_is_read_is_refused_until_it_rests(
    tmp_path: Path, new_site: Path
) -> None:
    growing = _make_huge(make_sample("jpg", tmp_path / "growing.jpg"))
    resting = threading.Event()
    writer = threading.Thread(target=_touch_until, args=[growing, resting])
    writer.start()
    try:
        run = run_museion("ingest", "--site", new_site, growing, status=1)
    finally:
        resting.set()
        writer.join()

    assert "It changed while it was read." in run.err
    assert _outcomes(run_museion("ingest", "--site", new_site, "--json", "--retry")) == ["ingested"]


def test_unreadable_files_and_folders_are_named_and_can_be_tried_again(
    tmp_path: Path, new_site: Path
) -> None:
    photos = tmp_path / "photos"
    locked = photos / "locked"
    locked.mkdir(parents=True)
    make_sample("jpg", photos / "good.jpg", seed=1)
    make_sample("jpg", photos / "secret.jpg", seed=2).chmod(0)
    make_sample("jpg", locked / "inside.jpg", seed=3)
    locked.chmod(0)
    try:
        run = _run_as_nobody_special("ingest", "--site", new_site, "--json", photos)
    finally:
        locked.chmod(0o700)
        (photos / "secret.jpg").chmod(0o600)

    assert run.status == 1
    assert sorted(_outcomes(run)) == ["ingested", "refused", "refused"]
    assert "secret.jpg: It cannot be read: Permission denied. Give this user the right" in run.err
    assert "locked: It cannot be read: Permission denied. Give this user the right" in run.err
    again = run_museion("ingest", "--site", new_site, "--json", "--retry")
    assert _outcomes(again) == ["ingested", "ingested"]
    assert not run_museion("quarantine", "--site", new_site, "--json").rows


def test_a_repaired_file_leaves_quarantine_and_the_others_are_named_again(
    tmp_path: Path, new_site: Path
) -> None:
    bad, worse = tmp_path / "bad.jpg", tmp_path / "worse.jpg"
    bad.write_bytes(b"not yet a photo")
    worse.write_bytes(b"never a photo")
    run_museion("ingest", "--site", new_site, bad, worse, status=1)
    make_sample("jpg", bad)

    retried = run_museion("ingest", "--site", new_site, "--retry", status=1)

    assert "worse.jpg" in retried.err
    assert "bad.jpg" not in retried.err
    left = run_museion("quarantine", "--site", new_site, "--json").rows
    assert [row["filename"] for row in left] == ["worse.jpg"]


def test_work_beyond_the_time_limit_is_quarantined_until_the_limit_is_raised(
    tmp_path: Path, new_site: Path
) -> None:
    """Nothing can be decoded in a millisecond; the workers that are stopped are replaced."""
    photos = tmp_path / "photos"
    photos.mkdir()
    for seed in range(2):
        make_sample("jpg", photos / f"{seed}.jpg", width=2400, height=1600, seed=seed)
    _set(new_site, "worker_time_s = 0.001")
    run = run_museion("ingest", "--site", new_site, photos, status=1)

    _set(new_site, "worker_time_s = 60")
    retried = run_museion("ingest", "--site", new_site, "--retry")

    lines = run.err.splitlines()
    assert len(lines) == 2
    assert all("Decoding took longer than 0.001 s and was stopped." in line for line in lines)
    assert retried.err == ""
    status = run_museion("status", "--site", new_site, "--json").rows[0]
    assert (status["assets"], status["pending"], status["quarantined"]) == (2, 0, 0)


def test_a_full_disk_ends_the_ingest_and_the_same_command_goes_on(tmp_path: Path) -> None:
    mount = tmp_path / "disk"
    mount.mkdir()
    photos = _big_photos(tmp_path / "photos", count=8)
    with tiny_disk(mount, size_bytes=12 << 20):
        site = mount / "site"
        run_museion("init", site)
        full = run_museion("ingest", "--site", site, photos, status=2, limit_s=120)
        subprocess.run(["mount", "-o", "remount,size=200m", str(mount)], check=True)
        again = run_museion("ingest", "--site", site, photos)
        status = run_museion("status", "--site", site, "--json").rows[0]

    assert _said_once(full, "No space left on device")
    assert again.status == 0
    assert (status["assets"], status["pending"], status["quarantined"]) == (8, 0, 0)


def test_a_limit_on_files_ends_the_ingest_as_a_full_disk_does(
    tmp_path: Path, new_site: Path
) -> None:
    """The way to a full disk that is open to every user."""
    photos = _big_photos(tmp_path / "photos", count=3)
    limited = _run_with_short_files("ingest", "--site", new_site, photos)
    again = run_museion("ingest", "--site", new_site, "--json", photos)

    assert limited.status == 2
    assert _said_once(limited, "File too large")
    assert _outcomes(again) == ["ingested"] * 3


def _said_once(run: Finished, reason: str) -> bool:
    """What is safe, then what is wrong and what to do; a line each."""
    safe, line = run.err.splitlines()
    assert "is safe" in safe
    assert "Run the same command again" in safe
    return line.startswith("museion: ") and reason in line and "free space" in line


def _outcomes(run: Finished) -> list[str]:
    return [row["outcome"] for row in run.rows]


def _set(site: Path, line: str) -> None:
    """Write one setting into a site's file, in the place of an earlier one."""
    path = site / "museion.toml"
    key = line.partition(" ")[0]
    kept = [each for each in path.read_text().splitlines() if not each.startswith(key)]
    path.write_text("\n".join([*kept, line, ""]))


def _make_huge(path: Path, *, size_bytes: int = 64 << 20) -> Path:
    """Lengthen a picture with zeros, which costs no room on the disk."""
    os.truncate(path, size_bytes)
    return path


def _touch_until(path: Path, resting: threading.Event) -> None:
    while not resting.is_set():
        os.utime(path)


def _big_photos(folder: Path, *, count: int) -> Path:
    """Make PNGs of about 3 MiB each."""
    folder.mkdir()
    for seed in range(count):
        make_sample("png", folder / f"{seed}.png", width=1400, height=1000, seed=seed)
    return folder


def _run_as_nobody_special(*arguments: object) -> Finished:
    """Run the command without root's power to read everything, which other users have not anyway.

    Only what a program may ever get is reduced: it stays the same user.
    """
    drop = (
        "import ctypes, os, sys; prctl = ctypes.CDLL(None, use_errno=True).prctl\n"
        "for power in (1, 2):  # to override rights, to search and read everything\n"
        "    if os.geteuid() == 0 and prctl(24, power, 0, 0, 0):\n"
        "        sys.exit('the powers of root cannot be dropped here')\n"
        "os.execv(sys.argv[1], sys.argv[1:])"
    )
    return _run_through(drop, *arguments)


def _run_with_short_files(*arguments: object) -> Finished:
    limit = (
        "import os, resource, sys; size = 2 << 20\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))\n"
        "os.execv(sys.argv[1], sys.argv[1:])"
    )
    return _run_through(limit, *arguments)


def _run_through(program: str, *arguments: object) -> Finished:
    command = [sys.executable, "-c", program, str(MUSEION), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    return Finished(done.returncode, done.stdout, done.stderr, 0.0)
