"""Serves the blobs of a folder on this machine, for the benchmark: `blob_server.py FOLDER PORT`."""

from __future__ import annotations

import sys
from pathlib import Path

from granian import Granian
from granian.constants import Interfaces

from museion.blobs.filesystem_store import FilesystemBlobStore
from museion.blobs.transfer.http_blobs import BlobRequest, HttpBlobs


async def _anyone(_request: BlobRequest) -> str:
    return "anyone"


def _app(folder: Path) -> HttpBlobs:
    return HttpBlobs(
        FilesystemBlobStore(folder, writable=False),
        caller_of=_anyone,
        may_read=lambda _caller, _digest: True,
    )


def main(folder: Path, port: int) -> None:
    """Serve until stopped."""
    server = Granian(
        target=str(folder),
        address="127.0.0.1",
        port=port,
        interface=Interfaces.ASGINL,
        log_access=False,
        log_enabled=False,
    )
    server.serve(target_loader=lambda: _app(folder), wrap_loader=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
