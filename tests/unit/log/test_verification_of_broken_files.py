"""Damage in LMDB's own pages, or a file cut short, ends in a finding, however LMDB takes it."""

from __future__ import annotations

import random
import shutil
import signal
from pathlib import Path

import pytest
from tampering import make_log, tampering

from museion.log.proof import verification_process
from museion.log.proof.findings import AnyFinding, Flipped, Unreadable
from museion.log.proof.head_digest import NotADigest
from museion.log.proof.verification import Verification
from museion.log.proof.verification_process import NotVerified, verify_apart

EVENTS = 400


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("whole") / "log"
    make_log(path, events=EVENTS)
    return path


@pytest.fixture
def log(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "log"))


def test_a_whole_log_is_verified_apart_as_it_is_within(log: Path) -> None:
    found, proof = _verified(log)

    assert found == []
    assert proof is not None
    assert (proof.events, proof.proven, proof.damage) == (EVENTS, EVENTS, 0)


def test_findings_come_from_the_other_process_as_values(log: Path) -> None:
    with tampering(log) as tables:
        tables.put_frame(7, tables.frame(8))

    found, proof = _verified(log)

    assert found == [Flipped(sequence_nr=7)]
    assert proof is not None


@pytest.mark.parametrize("seed", range(16))
def test_random_damage_to_pages_is_reported_or_touches_nothing_that_is_used(
    log: Path, seed: int
) -> None:
    """The head noted before must still be proven where nothing is found."""
    noted = _verified(log)[1]
    assert noted is not None
    file = log / "data.mdb"
    content = bytearray(file.read_bytes())
    source = random.Random(seed)  # noqa: S311 (a seeded test)
    for _ in range(source.choice([1, 10, 200])):
        place = source.randrange(2 * 4096, len(content))
        content[place] ^= 1 << source.randrange(8)
    file.write_bytes(content)

    found, proof = _verified(log, noted.head or "")

    assert found or (proof is not None and proof.proven == EVENTS)


@pytest.mark.parametrize("share", [0.1, 0.3, 0.6])
def test_a_file_cut_short_is_reported(log: Path, share: float) -> None:
    file = log / "data.mdb"
    file.write_bytes(file.read_bytes()[: int(file.stat().st_size * share)])

    found, proof = _verified(log)

    assert found, proof


def test_a_process_that_a_signal_ends_is_a_finding(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _run_instead(monkeypatch, "import os, signal; os.kill(os.getpid(), signal.SIGBUS)")

    found, proof = _verified(log)

    assert proof is None
    (finding,) = found
    assert isinstance(finding, Unreadable)
    assert signal.SIGBUS.name in finding.message


def test_a_process_that_hangs_is_given_up_and_is_a_finding(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _run_instead(monkeypatch, "import signal; signal.pause()")
    found: list[AnyFinding] = []

    proof = verify_apart(log, on_finding=found.append, silence_limit_s=0.3)

    assert proof is None
    assert "hangs" in found[0].message


def test_a_defect_of_the_program_is_no_finding(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _run_instead(monkeypatch, "raise RuntimeError('a defect')")

    with pytest.raises(NotVerified, match="a defect"):
        _verified(log)


def test_a_folder_that_cannot_be_opened_is_an_error_and_no_finding(tmp_path: Path) -> None:
    with pytest.raises(NotVerified, match="could not be opened"):
        _verified(tmp_path / "nothing")


def test_a_file_that_is_not_of_lmdb_is_a_finding(tmp_path: Path) -> None:
    (tmp_path / "data.mdb").write_bytes(b"no log" * 5000)

    found, proof = _verified(tmp_path)

    assert proof is None
    assert isinstance(found[0], Unreadable)


def test_a_head_that_is_no_digest_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    with pytest.raises(NotADigest):
        _verified(tmp_path / "nothing", "abc")


def _verified(path: Path, *heads: str) -> tuple[list[AnyFinding], Verification | None]:
    found: list[AnyFinding] = []
    proof = verify_apart(path, expected_heads=heads, on_finding=found.append)
    return found, proof


def _run_instead(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    """Let another program stand for one that met the worst."""
    monkeypatch.setattr(verification_process, "_PROGRAM", program)
