"""Frames of films at a second, as small pictures: made when someone asks, and kept for a while."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from pathlib import Path

from museion.archive.catalog.records import AssetSummary
from museion.archive.enrichment.worker_pool import WorkerPool
from museion.base.errors import NotFound
from museion.blobs.blob_store import Digest
from museion.media.limits import Limits

FRAME_SIDE_PIXELS = 640
_MOST_KEPT_BYTES = 32 << 20


class NoFrames(NotFound):
    """Somebody asked for a frame of what is no film."""

    def __init__(self, asset: AssetSummary) -> None:
        super().__init__(
            f"Asset {asset.id} is no film ({asset.media_type}), so it has no frames.",
            remedy="Ask for its preview.",
        )


class MomentFrames:
    """Frames of films as WebP, decoded in worker processes.

    The last ones asked for are kept, up to a number of bytes in all.
    """

    def __init__(
        self,
        pool: WorkerPool,
        *,
        limits: Limits | None = None,
        most_kept_bytes: int = _MOST_KEPT_BYTES,
    ) -> None:
        self._pool = pool
        self._limits = limits or Limits()
        self._most_kept_bytes = most_kept_bytes
        self._kept: OrderedDict[tuple[Digest, int], bytes] = OrderedDict()
        self.kept_bytes = 0

    async def frame(
        self, asset: AssetSummary, at_s: float, original: Callable[[], Awaitable[Path]]
    ) -> bytes:
        """Return the frame that a film shows at a second, 640 pixels on its longest side.

        Behind the end it is the last one.

        Args:
            asset: whom the caller may see.
            at_s: seconds from the beginning, at least 0.
            original: asked for the original where the frame is not kept.

        Raises:
            NoFrames: the asset is no film.
            InvalidInput, Damaged: the film cannot be decoded there.
            Unavailable: no worker can take it now.
        """
        if asset.kind != "video":
            raise NoFrames(asset)
        key = (asset.digest, round(at_s * 1000))
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        content = await self._pool.run(make_frame, await original(), self._limits, key[1] / 1000)
        self._keep(key, content)
        return content

    def _keep(self, key: tuple[Digest, int], content: bytes) -> None:
        self.kept_bytes += len(content) - len(self._kept.pop(key, b""))
        self._kept[key] = content
        while self.kept_bytes > self._most_kept_bytes:
            _, dropped = self._kept.popitem(last=False)
            self.kept_bytes -= len(dropped)


def make_frame(path: Path, limits: Limits, at_s: float) -> bytes:
    """Return a frame of a film as WebP; runs in a worker process."""
    from museion.media.film_frames import frame_webp
    from museion.media.sniff import sniff

    return frame_webp(path, sniff(path), limits, at_s, max_side=FRAME_SIDE_PIXELS)
