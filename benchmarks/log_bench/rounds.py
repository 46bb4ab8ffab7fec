"""Runs measured rounds of several logs in turn, each in a process and a folder of its own."""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

BENCHMARKS = Path(__file__).parent.parent
PEERS_PYTHON = BENCHMARKS.parent / ".venv-peers" / "bin" / "python"
_ROUND_LIMIT_S = 900


@dataclass(frozen=True)
class Contestant:
    """A log under measurement: its name in the figures and the module that drives it."""

    name: str
    module: str

    @property
    def python(self) -> str:
        """The interpreter that has what it needs."""
        return str(PEERS_PYTHON) if ".peers." in self.module else sys.executable


@dataclass(frozen=True)
class Answer:
    """The median of some rounds, the largest memory seen, and the notes of the last round."""

    value: float
    peak_mib: float
    anonymous_mib: float
    notes: Mapping[str, object]


Options = Mapping[str, object]


def one_round(contestant: Contestant, case: str, folder: Path, options: Options) -> Answer:
    """Run one round in a process of its own."""
    given = [text for name, value in options.items() for text in (f"--{name}", str(value))]
    command = [contestant.python, "-m", contestant.module, case, "--folder", str(folder), *given]
    ended = subprocess.run(
        command,
        cwd=BENCHMARKS,
        stdout=subprocess.PIPE,
        text=True,
        timeout=_ROUND_LIMIT_S,
        check=False,
    )
    if ended.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {ended.returncode}")
    return Answer(**json.loads(ended.stdout.splitlines()[-1]))


def fresh_rounds(
    contestants: Mapping[Contestant, Options], case: str, *, rounds: int, work: Path
) -> dict[str, Answer]:
    """Let all run the case in turn, each time in a new folder; return medians by name."""
    answers: dict[str, list[Answer]] = {each.name: [] for each in contestants}
    for _ in range(rounds):
        for contestant, options in contestants.items():
            with new_folder(work) as folder:
                answers[contestant.name].append(one_round(contestant, case, folder, options))
    return {name: _median(found) for name, found in answers.items()}


def kept_rounds(
    contestants: Mapping[Contestant, Options], case: str, *, rounds: int, work: Path
) -> dict[str, Answer]:
    """Let all run the case in turn on the store that each has built in its folder."""
    answers: dict[str, list[Answer]] = {each.name: [] for each in contestants}
    for _ in range(rounds):
        for contestant, options in contestants.items():
            folder = kept_folder(work, contestant)
            answers[contestant.name].append(one_round(contestant, case, folder, options))
    return {name: _median(found) for name, found in answers.items()}


def build(contestants: Mapping[Contestant, Options], *, work: Path) -> dict[str, Answer]:
    """Let each build a store that stays for `kept_rounds`."""
    answers = {}
    for contestant, options in contestants.items():
        folder = kept_folder(work, contestant)
        answers[contestant.name] = one_round(contestant, "build", folder, options)
    return answers


def kept_folder(work: Path, contestant: Contestant) -> Path:
    """Return where a contestant's store lies between rounds."""
    return work / contestant.module.rpartition(".")[2]


@contextmanager
def new_folder(work: Path) -> Iterator[Path]:
    """Give a folder that is not there, and remove what was made in it."""
    folder = work / "round"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def database_server(work: Path) -> Iterator[DatabaseServer]:
    """Start a PostgreSQL server in the peers' environment; it ends with the `with` statement."""
    command = [str(PEERS_PYTHON), "-m", "log_bench.peers.postgres_server", str(work)]
    with subprocess.Popen(
        command, cwd=BENCHMARKS, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield DatabaseServer(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait(timeout=60)


class DatabaseServer:
    """Makes empty databases; `version` is the server's."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.version = self._line()

    def new_database(self) -> str:
        """Make an empty database and return its address."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return self._line()

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        if not line:
            raise SystemExit("The PostgreSQL server did not start.")
        return line


def versions_of_peers(packages: Sequence[str]) -> str:
    """Return the versions of packages in the peers' environment, for print."""
    script = (
        "import sys; from importlib.metadata import version;"
        "print(', '.join(f'{n} {version(n)}' for n in sys.argv[1:]))"
    )
    command = [str(PEERS_PYTHON), "-c", script, *packages]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def file_system(folder: Path) -> str:
    """Return the kind of file system that a folder lies on, by the table of mounts."""
    best, kind = Path("/"), "unknown"
    for line in Path("/proc/mounts").read_text().splitlines():
        _, mounted_at, this_kind, *_ = line.split()
        place = Path(mounted_at)
        if folder.is_relative_to(place) and len(place.parts) >= len(best.parts):
            best, kind = place, this_kind
    return kind


def _median(answers: Sequence[Answer]) -> Answer:
    return Answer(
        statistics.median(each.value for each in answers),
        max(each.peak_mib for each in answers),
        max(each.anonymous_mib for each in answers),
        answers[-1].notes,
    )
