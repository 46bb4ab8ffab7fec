"""Checksummed frames appended to one file, flushed after each batch: the limit of the disk.

No index, no order to keep, nothing to look up; each frame is crc32, length and the encoded event.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence

from log_bench.events import drawn
from log_bench.measured import Measured, Round, Stopwatch, answer, batches, prepared

_HEAD = struct.Struct(">II")


def main() -> None:
    """Carry out the round that the command line asks for."""
    answer({"append": append, "build": build})


def append(asked: Round) -> Measured:
    """Events a second, in batches one after another, each flushed."""
    return _write_all(asked, prepared(_source(asked)))


def build(asked: Round) -> Measured:
    """As `append`, with events made as they are needed, so that there can be many."""
    return _write_all(asked, _source(asked))


def _source(asked: Round) -> Iterator[Sequence[bytes]]:
    return batches((each.state() for each in drawn(asked.events)), asked.batch)


def _write_all(asked: Round, source: Iterable[Sequence[bytes]]) -> Measured:
    watch = Stopwatch()
    asked.folder.mkdir(parents=True)
    handle = os.open(asked.folder / "frames", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        for batch in source:
            with watch:
                os.write(handle, _frames(batch))
                os.fdatasync(handle)
    finally:
        os.close(handle)
    return Measured(asked.events / watch.seconds)


def _frames(batch: Sequence[bytes]) -> bytes:
    parts: list[bytes] = []
    for state in batch:
        parts += (_HEAD.pack(zlib.crc32(state), len(state)), state)
    return b"".join(parts)


if __name__ == "__main__":
    main()
