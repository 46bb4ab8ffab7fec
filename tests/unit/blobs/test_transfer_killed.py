"""A process that fetches is killed again and again: it goes on, and never shows half a blob."""

from __future__ import annotations

from pathlib import Path
from random import Random

from blob_sources import content_of

from museion.blobs.filesystem_store import FilesystemBlobStore
from museion.blobs.transfer.arrival import CHUNK_BYTES
from museion.testing.killing import kill_rounds, run_until_killed

PROGRAM = Path(__file__).parent / "fetching_program.py"
SEED = 20260112


def test_a_killed_fetch_goes_on_where_it_broke_off(tmp_path: Path) -> None:
    random = Random(SEED)  # noqa: S311 (repeatable)
    content = content_of(24 * CHUNK_BYTES + 5)
    source = FilesystemBlobStore(tmp_path / "source")
    digest = source.put(content).digest
    arguments = [str(tmp_path / "source"), str(tmp_path / "target"), digest]
    place = tmp_path / "target" / "partial" / digest
    came = [0]
    for _ in range(kill_rounds(6)):
        lines = run_until_killed(PROGRAM, arguments, random=random, longest_s=0.25)
        starts = [int(line) for line in lines if line != "done"]
        assert starts in ([], [came[-1]]), "what had come was asked for again"
        if place.exists():
            came.append(place.stat().st_size)
            assert digest not in FilesystemBlobStore(tmp_path / "target", writable=False)
        else:
            break
    assert came == sorted(came)
    assert len(set(came)) > 1
    store = FilesystemBlobStore(tmp_path / "target")
    if digest not in store:
        with store.resume(digest) as partial:
            while partial.recall():
                pass
            partial.write(content[partial.size_bytes :])
            partial.keep()
    assert store.read(digest) == content
