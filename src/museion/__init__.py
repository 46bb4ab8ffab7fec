"""Museion, a media archive whose sites all write and all converge.

The path of a photo, in ten steps:

 1. a file appears: `archive.folders` finds it, `api.upload_routes` takes uploads;
 2. its first bytes say what it is: `media.sniff`;
 3. its bytes are kept under their digest: `blobs.filesystem_store`;
 4. the asset is born, or recognised as already known: `archive.ingest`;
 5. the fact gets a sequence number and a vector timestamp: `log.event_log`;
 6. the fact travels to the other sites, bytes follow: `log.replication`, `blobs.transfer`;
 7. processors add what machines can see: `archive.enrichment`;
 8. views and indexes follow the log: `archive.catalog`, `archive.indexing`;
 9. someone asks: `archive.searching`;
10. the answer appears, and changes by itself when the log grows: `api`, `cli`, the web UI.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from museion.base.version import VERSION

if TYPE_CHECKING:
    from museion.node.site import Site

__all__ = ["Site", "__version__"]

__version__ = VERSION


def __getattr__(name: str) -> object:
    # The toolkits (log, streams, blobs) must be importable without the archive's dependencies.
    if name == "Site":
        try:
            from museion.node.site import Site
        except ModuleNotFoundError as missing:
            message = f"museion.Site needs {missing.name}: pip install 'museion[archive]'"
            raise ImportError(message) from missing
        return Site
    raise AttributeError(f"module 'museion' has no attribute {name!r}")
