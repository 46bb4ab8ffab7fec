"""A process that keeps blobs is killed again and again: what is visible is whole."""

from __future__ import annotations

from pathlib import Path
from random import Random

from museion.blobs.filesystem_store import FilesystemBlobStore
from museion.testing.killing import kill_rounds, run_until_killed

PROGRAM = Path(__file__).parent / "keeping_program.py"
SEED = 20240614


def test_no_kill_loses_a_kept_blob_or_shows_half_of_one(tmp_path: Path) -> None:
    random = Random(SEED)  # noqa: S311 (repeatable)
    kept: set[str] = set()
    for kill in range(kill_rounds(12)):
        arguments = [str(tmp_path), str(kill)]
        kept |= set(run_until_killed(PROGRAM, arguments, random=random, longest_s=0.1)) - {"begun"}
        store = FilesystemBlobStore(tmp_path)
        assert list(tmp_path.glob("incoming/*")) == []
        visible = set(store.digests())
        assert kept <= visible
        for digest in visible:
            store.read(digest)
        del store  # while it lives, another one would take what lies in `incoming` for its own
    assert kept
