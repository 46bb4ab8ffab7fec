"""Verifies a log in LMDB in a process of its own, because a broken file can end or hold a process.

LMDB maps its file into memory and trusts it: damage in its own pages may stop the process with a
signal, or hold it up. Here that is a finding like others.
"""

from __future__ import annotations

import os
import selectors
import signal
import struct
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TypeAlias, assert_never

import lmdb
import msgspec

from museion.base.errors import MuseionError, Unavailable
from museion.log.event_store import ReadFailed
from museion.log.lmdb_environment import UnreadableLog
from museion.log.lmdb_store import LmdbEventStore
from museion.log.proof.findings import AnyFinding, Unreadable
from museion.log.proof.head_digest import head_digest
from museion.log.proof.verification import Step, Verification, verify

SILENCE_LIMIT_S = 120.0
"""A process that tells nothing for so long hangs in a broken file."""

_PROGRAM = "from museion.log.proof.verification_process import main; main()"
_CHUNK_BYTES = 1 << 16
_END_LIMIT_S = 10.0


class _Met(msgspec.Struct, frozen=True, tag="finding"):
    finding: AnyFinding


class _Reached(msgspec.Struct, frozen=True, tag="step"):
    step: Step


class _Done(msgspec.Struct, frozen=True, tag="done"):
    verification: Verification


class _Broken(msgspec.Struct, frozen=True, tag="broken"):
    """The store itself found that it cannot read on."""

    reason: str


class _Failed(msgspec.Struct, frozen=True, tag="failed"):
    message: str
    remedy: str


_End: TypeAlias = _Done | _Broken | _Failed
_Told: TypeAlias = _Met | _Reached | _End
_ENCODER = msgspec.json.Encoder()
_DECODER: msgspec.json.Decoder[_Told] = msgspec.json.Decoder(_Told)


class NotVerified(Unavailable):
    """The verification could not be carried out; this says nothing about the log."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message, remedy=remedy)


def verify_apart(
    path: Path,
    *,
    expected_heads: Sequence[str] = (),
    on_finding: Callable[[AnyFinding], None] = lambda finding: None,
    on_step: Callable[[Step], None] = lambda step: None,
    silence_limit_s: float = SILENCE_LIMIT_S,
) -> Verification | None:
    """Verify the LMDB log in a folder as `verify` does, from another process.

    Args:
        silence_limit_s: the other process is given up when it tells nothing for so long, seconds.

    Returns:
        What was proven; None where the file is so broken that the end was not reached. The finding
        `Unreadable` was told then.

    Raises:
        NotADigest: one of `expected_heads` is none.
        NotVerified: the log could not be opened, or changed too fast.
    """
    for text in expected_heads:
        head_digest(text)
    reached = 0

    def heard(told: _Met | _Reached) -> None:
        nonlocal reached
        if isinstance(told, _Met):
            on_finding(told.finding)
        else:
            reached = told.step.sequence_nr if told.step.part == "events" else reached
            on_step(told.step)

    end = _run([os.fspath(path), *expected_heads], heard, silence_limit_s)
    match end:
        case _Done(verification):
            return verification
        case _Broken(reason):
            on_finding(Unreadable(sequence_nr=reached, reason=reason))
            return None
        case _Failed(message, remedy):
            raise NotVerified(message, remedy)
        case _:
            assert_never(end)


def _run(
    arguments: Sequence[str], heard: Callable[[_Met | _Reached], None], silence_limit_s: float
) -> _End:
    """Run the process, pass on what it tells, and return how it ended."""
    with _started(arguments) as (process, errors):
        try:
            for told in _messages(process, silence_limit_s):
                if not isinstance(told, _Met | _Reached):
                    return told
                heard(told)
        except TimeoutError:
            return _Broken("reading hangs in the store's file")
        return _end_of(process, errors)


def main() -> None:
    """Verify the log named on the command line and tell of it in lines of JSON."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C concerns the process that is told
    path, *heads = sys.argv[1:]
    try:
        _tell(_verified(Path(path), heads))
    except BrokenPipeError:
        os._exit(1)  # nobody listens any more


def _verified(path: Path, heads: Iterable[str]) -> _End:
    try:
        store = LmdbEventStore(path, writable=False)
        verification = verify(
            store,
            expected_heads=heads,
            on_finding=lambda finding: _tell(_Met(finding)),
            on_step=lambda step: _tell(_Reached(step)),
        )
    except (UnreadableLog, ReadFailed) as error:
        return _Broken(str(error.__cause__ or error.message))
    except (struct.error, UnicodeDecodeError) as error:  # keys that no log has written
        return _Broken(f"its tables hold what no log writes ({error})")
    except MuseionError as error:
        if isinstance(error.__cause__, lmdb.NotFoundError):
            return _Failed(f"{path} holds no event log, or the list of its tables is lost.", "")
        return _Failed(error.message, error.remedy)
    return _Done(verification)


def _tell(message: _Told) -> None:
    sys.stdout.buffer.write(_ENCODER.encode(message) + b"\n")
    sys.stdout.buffer.flush()


@contextmanager
def _started(
    arguments: Sequence[str],
) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes]]]:
    """Start the process; end it with the `with` statement."""
    command = [sys.executable, "-c", _PROGRAM, *arguments]
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors) as process,  # noqa: S603
    ):
        try:
            yield process, errors
        finally:
            process.kill()


def _messages(process: subprocess.Popen[bytes], silence_limit_s: float) -> Iterator[_Told]:
    """Yield what the process tells until it ends.

    Raises:
        TimeoutError: it tells nothing for too long.
    """
    assert process.stdout is not None, "it has a pipe"
    rest = b""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while True:
            if not selector.select(silence_limit_s):
                raise TimeoutError
            chunk = os.read(process.stdout.fileno(), _CHUNK_BYTES)
            if not chunk:
                return
            *lines, rest = (rest + chunk).split(b"\n")
            yield from map(_DECODER.decode, lines)


def _end_of(process: subprocess.Popen[bytes], errors: IO[bytes]) -> _End:
    """Say why the process told no end: a broken file, or a defect of the program."""
    status = process.wait(_END_LIMIT_S)
    if status < 0:
        name = signal.Signals(-status).name
        return _Broken(f"reading the store's file ended the process with {name}")
    errors.seek(0)
    said = errors.read().decode(errors="replace").strip().splitlines()
    return _Failed(f"The verification ended with status {status}: {said[-1] if said else ''}", "")
