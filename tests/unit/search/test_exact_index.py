"""The exact index keeps the contract, survives being killed, and knows damage when it sees it."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from museion.base.errors import Damaged
from museion.search.exact_index import ExactIndex
from museion.search.vector_errors import IndexBusy, OtherSpace, ReadOnlyIndex
from museion.testing.contracts.vector_index import (
    DIMENSION,
    ROWS,
    VectorIndexContract,
    ids_of,
    plainly_nearest,
    unit_rows,
)

SPACE = "space-a"


def open_index(directory: Path, *, read_only: bool = False) -> ExactIndex:
    return ExactIndex.open(directory, space=SPACE, dimension=DIMENSION, read_only=read_only)


class TestExactIndex(VectorIndexContract):
    def open(self, directory: Path) -> ExactIndex:
        return open_index(directory)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A folder with a closed index of two commits."""
    index = open_index(tmp_path / "index")
    index.add([("a", ROWS[0]), ("b", ROWS[1])])
    index.commit(1)
    index.add([("c", ROWS[2])])
    index.commit(2)
    index.close()
    return tmp_path / "index"


def only(directory: Path, pattern: str) -> Path:
    (path,) = directory.glob(pattern)
    return path


def test_a_reader_follows_the_commits_of_a_writer(directory: Path) -> None:
    reader = open_index(directory, read_only=True)
    writer = open_index(directory)

    writer.add([("d", ROWS[3])])
    assert (len(reader), reader.position) == (3, 2)
    writer.commit(3)

    assert (ids_of(reader.search(ROWS[3], limit=1)), reader.position) == (["d"], 3)


def test_a_reader_may_come_before_the_first_commit(tmp_path: Path) -> None:
    reader = open_index(tmp_path / "index", read_only=True)
    assert (len(reader), reader.position) == (0, 0)

    writer = open_index(tmp_path / "index")
    writer.add([("a", ROWS[0])])
    writer.commit(1)

    assert len(reader) == 1


def test_a_reader_may_not_write(directory: Path) -> None:
    reader = open_index(directory, read_only=True)

    with pytest.raises(ReadOnlyIndex):
        reader.add([("d", ROWS[3])])
    with pytest.raises(ReadOnlyIndex):
        reader.commit(9)


def test_only_one_may_write(directory: Path) -> None:
    first = open_index(directory)

    with pytest.raises(IndexBusy):
        open_index(directory)

    first.close()
    open_index(directory).close()


def test_an_index_of_another_space_is_refused(directory: Path) -> None:
    with pytest.raises(OtherSpace):
        ExactIndex.open(directory, space="space-b", dimension=DIMENSION)
    with pytest.raises(OtherSpace):
        ExactIndex.open(directory, space=SPACE, dimension=DIMENSION + 1)


def test_what_lies_beyond_the_manifest_does_not_count(directory: Path) -> None:
    with only(directory, "rows-*").open("ab") as rows, only(directory, "ids-*").open("ab") as ids:
        rows.write(b"half a row")
        ids.write(b"+d\n+half an i")

    index = open_index(directory)
    index.add([("e", ROWS[4])])
    index.commit(3)
    index.close()

    assert ids_of(open_index(directory).search(ROWS[4], limit=9))[0] == "e"
    assert len(open_index(directory, read_only=True)) == 4


def shorten(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


HARMS = [
    (file, harm)
    for file in ("manifest", "rows-*", "ids-*")
    for harm in (shorten, flip, Path.unlink)
    if (file, harm) != ("manifest", Path.unlink)  # a folder without one holds no index
]


@pytest.mark.parametrize(("file", "harm"), HARMS)
def test_damage_is_told_at_opening(
    directory: Path, file: str, harm: Callable[[Path], None]
) -> None:
    harm(only(directory, file))

    with pytest.raises(Damaged, match="build the index again"):
        open_index(directory)


def test_a_replay_of_the_same_changes_does_not_make_the_files_grow(directory: Path) -> None:
    before = only(directory, "rows-*").stat().st_size
    index = open_index(directory)

    index.add([("a", ROWS[0]), ("b", ROWS[1]), ("c", ROWS[2])])
    index.remove(["unknown"])
    index.commit(2)

    assert only(directory, "rows-*").stat().st_size == before


def test_dead_rows_are_dropped_and_readers_notice_nothing(tmp_path: Path) -> None:
    rows = unit_rows(3000, seed=2)
    writer = open_index(tmp_path)
    writer.add([(f"{number:04}", row) for number, row in enumerate(rows)])
    writer.commit(1)
    reader = open_index(tmp_path, read_only=True)
    assert len(reader) == 3000

    writer.remove([f"{number:04}" for number in range(0, 3000, 2)])
    writer.remove([f"{number:04}" for number in range(1, 1000, 2)])
    writer.commit(2)

    model = {f"{number:04}": rows[number] for number in range(1001, 3000, 2)}
    assert only(tmp_path, "rows-*").stat().st_size == len(model) * DIMENSION * 4
    for index in (writer, reader, open_index(tmp_path, read_only=True)):
        assert (len(index), index.position) == (1000, 2)
        assert ids_of(index.search(rows[0], limit=20)) == plainly_nearest(model, rows[0], 20)


def test_a_reader_beside_a_busy_writer_always_sees_one_whole_commit(tmp_path: Path) -> None:
    """Every commit replaces all entries, so that files are compacted under the reader's hands."""
    rows = unit_rows(1500, seed=5)
    writer = open_index(tmp_path)
    seen: list[tuple[int, set[str]]] = []
    done = threading.Event()

    def read() -> None:
        reader = open_index(tmp_path, read_only=True)
        while not done.is_set():
            seen.append((len(reader), set(ids_of(reader.search(rows[0], limit=2000)))))

    with ThreadPoolExecutor() as pool:
        reading = pool.submit(read)
        for turn in range(12):
            writer.remove([f"{turn - 1}/{number}" for number in range(1500)])
            writer.add([(f"{turn}/{number}", row) for number, row in enumerate(rows)])
            writer.commit(turn + 1)
        done.set()
        reading.result(timeout=60)

    wholes = [set(), *({f"{turn}/{number}" for number in range(1500)} for turn in range(12))]
    assert seen
    assert all(count in (0, 1500) and ids in wholes for count, ids in seen)


@pytest.mark.parametrize("share", [0.001, 0.01, 0.1, 0.2, 0.5, 1.0])
def test_the_filtered_search_equals_the_plain_one_on_every_path(
    tmp_path: Path, share: float
) -> None:
    rows = np.repeat(unit_rows(1000, seed=3), 3, axis=0)  # every embedding three times: ties
    ids = [f"{number * 7919 % 3000:04}" for number in range(3000)]
    index = open_index(tmp_path)
    index.add(list(zip(ids, rows, strict=True)))
    index.commit(1)
    chosen = np.random.default_rng(4).choice(3000, size=int(3000 * share), replace=False)
    allowed = {ids[number] for number in chosen.tolist()}
    model = {id_: row for id_, row in zip(ids, rows, strict=True) if id_ in allowed}
    query = unit_rows(1, seed=6)[0]

    found = index.search(query, limit=25, allowed=allowed | {"not here"})

    assert ids_of(found) == plainly_nearest(model, query, 25)


def test_an_answer_does_not_depend_on_the_order_of_additions(tmp_path: Path) -> None:
    rows = unit_rows(1001, seed=7, dimension=DIMENSION)
    entries = [(f"{number:04}", row) for number, row in enumerate(rows)]
    forth, back = open_index(tmp_path / "forth"), open_index(tmp_path / "back")
    forth.add(entries)
    back.add(entries[::-1])
    forth.commit(1)
    back.commit(1)

    assert forth.search(ROWS[0], limit=50) == back.search(ROWS[0], limit=50)


CHILD = """
import sys
from test_exact_index import change, open_index
from pathlib import Path

index = open_index(Path(sys.argv[1]))
for position in range(index.position + 1, 1_000_000):
    change(index, position)
    index.commit(position)
    print(position, flush=True)
"""
MANY = unit_rows(101, seed=8)


def change(index: ExactIndex, position: int) -> None:
    """The changes of one position, such that the whole content follows from the position."""
    index.add([(f"{entry % 97}", MANY[entry % 101]) for entry in span(position)])
    index.remove([f"{position % 97}"])


def span(position: int) -> range:
    return range(position * 150, position * 150 + 150)


def content_at(last: int) -> dict[str, NDArray[np.float32]]:
    content: dict[str, NDArray[np.float32]] = {}
    for position in range(1, last + 1):
        content.update((f"{entry % 97}", MANY[entry % 101]) for entry in span(position))
        content.pop(f"{position % 97}")
    return content


def test_killed_at_any_moment_it_reopens_with_what_was_committed(tmp_path: Path) -> None:
    """Each position changes 97 ids, so files are compacted every few commits, also while killed."""
    for kill_after in (1, 3, 8, 21, 5):
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(tmp_path)],
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parent,
            text=True,
        )
        assert child.stdout is not None
        told = [int(child.stdout.readline()) for _ in range(kill_after)]
        child.kill()
        child.wait(timeout=60)
        child.stdout.close()

        index = open_index(tmp_path)
        model = content_at(index.position)
        found = index.search(MANY[0], limit=200)
        index.close()

        assert index.position >= told[-1]
        assert ids_of(found) == plainly_nearest(model, MANY[0], 200)


FULL_DISK = """
import resource, sys, signal
from pathlib import Path
from museion.base.errors import Unavailable
from test_exact_index import MANY, ROWS, open_index

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
index = open_index(Path(sys.argv[1]))
index.add([("a", ROWS[0])])
index.commit(1)
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, resource.RLIM_INFINITY))
index.add([(f"m{n}", row) for n, row in enumerate(MANY)])
try:
    index.commit(2)
except Unavailable as full:
    print(type(full).__name__, len(index), index.position)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
index.commit(2)
print(len(index), index.position)
"""


def test_a_full_disk_leaves_the_last_commit_and_lets_the_next_try_succeed(tmp_path: Path) -> None:
    told = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(tmp_path)],
        cwd=Path(__file__).parent,
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert told.stdout.splitlines() == ["IndexNotWritten 1 1", "102 2"]
