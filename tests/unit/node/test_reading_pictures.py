"""Text in pictures is read only where the settings want it, and by what is installed."""

from __future__ import annotations

import importlib.util
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from museion.archive.enrichment.worker_pool import WorkerLimits, WorkerPool
from museion.blobs.filesystem_store import FilesystemBlobStore
from museion.log.event_log import EventLog
from museion.log.memory_store import MemoryEventStore
from museion.models import text_recognition
from museion.models.text_recognition import NoTextRecogniser
from museion.node.pipeline import reading_pictures
from museion.testing.event_loop import in_event_loop


@asynccontextmanager
async def _parts(
    folder: Path,
) -> AsyncIterator[tuple[EventLog, FilesystemBlobStore, WorkerPool]]:
    log, pool = EventLog(MemoryEventStore(log_id="here")), WorkerPool(WorkerLimits(workers=1))
    try:
        yield log, FilesystemBlobStore(folder), pool
    finally:
        pool.close()
        await log.close()


@in_event_loop
async def test_nothing_reads_where_it_is_not_wanted(tmp_path: Path) -> None:
    async with _parts(tmp_path) as (log, blobs, pool):
        assert reading_pictures(log, blobs, pool, wanted=False) == []


@pytest.mark.skipif(
    importlib.util.find_spec("rapidocr_onnxruntime") is None,
    reason="museion[text] is not installed",
)
@in_event_loop
async def test_old_assets_are_read_too_when_it_is_wanted_later(tmp_path: Path) -> None:
    """A processor without progress begins with the first event."""
    async with _parts(tmp_path) as (log, blobs, pool):
        (runner,) = reading_pictures(log, blobs, pool, wanted=True)

        assert (runner.name, runner.position) == ("text", 0)


def test_a_site_that_wants_it_without_the_package_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_recognition, "PACKAGE", "museion-no-such-package")

    @in_event_loop
    async def run() -> None:
        async with _parts(tmp_path) as (log, blobs, pool):
            with pytest.raises(NoTextRecogniser, match="not installed"):
                reading_pictures(log, blobs, pool, wanted=True)

    run()
