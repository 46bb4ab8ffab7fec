"""Keeps blobs until it is killed; prints the digest of each that was kept."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from random import Random

from museion.blobs.filesystem_store import FilesystemBlobStore


def main(folder: Path, seed: int) -> None:
    random = Random(seed)  # noqa: S311 (repeatable)
    store = FilesystemBlobStore(folder)
    os.write(1, b"begun\n")
    while True:
        with store.incoming() as incoming:
            for _ in range(random.randint(1, 4)):
                incoming.write(random.randbytes(random.randint(1, 100_000)))
            blob = incoming.keep()
        os.write(1, f"{blob.digest}\n".encode())


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
