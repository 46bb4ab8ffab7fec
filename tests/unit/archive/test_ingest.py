"""Content decides: the same bytes are one asset, whatever their name, place or number."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from small_archive import small_archive

from museion.archive.events import (
    AssetIngested,
    AssetRecognised,
    IngestRefused,
    RefusalCleared,
)
from museion.archive.ingest import Ingested, Outcome, TooLarge
from museion.base.errors import Unavailable
from museion.media.errors import EmptyFile, UnknownMedia
from museion.testing.event_loop import in_event_loop
from museion.testing.media import make_sample
from museion.testing.tiny_disk import files_no_longer_than

INGESTED, RECOGNISED = Outcome.INGESTED, Outcome.RECOGNISED
UNCHANGED, REFUSED = Outcome.UNCHANGED, Outcome.REFUSED


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    return make_sample("jpg", tmp_path / "photo.jpg")


def _outcomes(met: list[Ingested]) -> list[Outcome]:
    return [each.outcome for each in met]


@in_event_loop
async def test_new_content_is_kept_and_becomes_an_asset(tmp_path: Path, photo: Path) -> None:
    async with small_archive(tmp_path) as archive:
        (met,) = await archive.take_in(photo)
        (fact,) = await archive.facts(AssetIngested)

        assert met.outcome is INGESTED
        assert archive.blobs.read(fact.digest) == photo.read_bytes()
        assert (fact.asset_id, fact.path) == (met.asset_id, os.fsencode(photo))
        assert fact.modified_ns == photo.stat().st_mtime_ns


@in_event_loop
async def test_the_same_content_at_another_path_is_recognised(tmp_path: Path, photo: Path) -> None:
    copy = Path(shutil.copy(photo, tmp_path / "copy.jpg"))
    async with small_archive(tmp_path) as archive:
        first, second = await archive.take_in(photo, copy)

        assert second.outcome is RECOGNISED
        assert second.asset_id == first.asset_id
        assert len(await archive.facts(AssetIngested)) == 1
        assert [fact.path for fact in await archive.facts(AssetRecognised)] == [os.fsencode(copy)]


@in_event_loop
async def test_many_copies_at_the_same_moment_become_one_asset(tmp_path: Path, photo: Path) -> None:
    copies = [Path(shutil.copy(photo, tmp_path / f"{number}.jpg")) for number in range(12)]
    async with small_archive(tmp_path) as archive:
        met = [each async for each in archive.ingest.ingest_files(copies, at_once=12)]

        assert _outcomes(met).count(INGESTED) == 1
        assert _outcomes(met).count(RECOGNISED) == 11
        assert len(await archive.facts(AssetIngested)) == 1


@in_event_loop
async def test_a_file_met_before_is_passed_over(tmp_path: Path, photo: Path) -> None:
    async with small_archive(tmp_path) as archive:
        await archive.take_in(photo)
        await archive.catch_up()
        end = archive.log.sequence_nr

        assert _outcomes(await archive.take_in(photo)) == [UNCHANGED]
        assert archive.log.sequence_nr == end


@in_event_loop
async def test_a_file_met_twice_before_the_catalog_knows_it_is_told_once(
    tmp_path: Path, photo: Path
) -> None:
    """As after a crash, or when a folder and a file in it are named together."""
    async with small_archive(tmp_path) as archive:
        met = await archive.take_in(photo, photo, photo)

        assert _outcomes(met) == [INGESTED, UNCHANGED, UNCHANGED]
        assert archive.log.sequence_nr == 1


@in_event_loop
async def test_other_content_at_a_known_path_is_a_new_asset(tmp_path: Path, photo: Path) -> None:
    async with small_archive(tmp_path) as archive:
        (first,) = await archive.take_in(photo)
        await archive.catch_up()
        make_sample("jpg", photo, seed=2)
        (second,) = await archive.take_in(photo)
        await archive.catch_up()

        assert second.outcome is INGESTED
        assert second.asset_id != first.asset_id
        source = archive.catalog.source(os.fsencode(photo))
        assert source is not None
        assert source[0] == second.asset_id


@in_event_loop
async def test_a_path_that_gets_its_first_content_back_leads_to_the_first_asset(
    tmp_path: Path, photo: Path
) -> None:
    """Also where a backup restores the old modification time."""
    kept = Path(shutil.copy2(photo, tmp_path / "kept.jpg"))
    async with small_archive(tmp_path) as archive:
        (first,) = await archive.take_in(photo)
        await archive.catch_up()
        make_sample("jpg", photo, seed=2)
        await archive.take_in(photo)
        await archive.catch_up()
        shutil.copy2(kept, photo)
        (back,) = await archive.take_in(photo)
        await archive.catch_up()

        source = archive.catalog.source(os.fsencode(photo))
        assert back.outcome is RECOGNISED
        assert source is not None
        assert source[0] == first.asset_id


@in_event_loop
async def test_a_file_that_was_bad_in_between_leaves_quarantine(
    tmp_path: Path, photo: Path
) -> None:
    """Restored to the bytes and the time it had at first, it is read again all the same."""
    kept = Path(shutil.copy2(photo, tmp_path / "kept.jpg"))
    async with small_archive(tmp_path) as archive:
        for content in (kept.read_bytes(), b"text", kept.read_bytes()):
            photo.write_bytes(content)
            shutil.copystat(kept, photo)
            await archive.take_in(photo)
            await archive.catch_up()

        assert not archive.catalog.quarantine()
        assert _outcomes(await archive.take_in(photo)) == [UNCHANGED]


@in_event_loop
async def test_a_damaged_blob_is_healed_by_another_arrival(tmp_path: Path, photo: Path) -> None:
    copy = Path(shutil.copy(photo, tmp_path / "copy.jpg"))
    async with small_archive(tmp_path) as archive:
        (met,) = await archive.take_in(photo)
        assert met.digest is not None
        blob = archive.blobs.path(met.digest)
        blob.chmod(0o644)
        blob.write_bytes(b"damaged")

        await archive.take_in(copy)

        assert archive.blobs.read(met.digest) == photo.read_bytes()


@in_event_loop
async def test_what_is_no_medium_is_refused_and_the_others_go_on(
    tmp_path: Path, photo: Path
) -> None:
    text, empty = tmp_path / "text.jpg", tmp_path / "empty.jpg"
    text.write_bytes(b"only text")
    empty.touch()
    missing = tmp_path / "missing.jpg"
    async with small_archive(tmp_path) as archive:
        met = await archive.take_in(text, empty, missing, photo)
        await archive.catch_up()

        assert _outcomes(met) == [REFUSED, REFUSED, REFUSED, INGESTED]
        assert all(each.reason and each.remedy for each in met[:3])
        listed = {entry.path: entry.reason for entry in archive.catalog.quarantine()}
        assert listed == {os.fsencode(each.path or ""): each.reason for each in met[:3]}
        assert not list((tmp_path / "blobs" / "incoming").iterdir())


@in_event_loop
async def test_what_is_no_medium_is_not_copied_first(tmp_path: Path, photo: Path) -> None:
    """A folder of unknown films would otherwise fill the disk one by one."""
    big = tmp_path / "film.xyz"
    big.write_bytes(b"unknown")
    os.truncate(big, 1 << 40)
    async with small_archive(tmp_path) as archive:
        assert _outcomes(await archive.take_in(big)) == [REFUSED]


@in_event_loop
async def test_a_name_that_is_not_utf8_is_kept_in_bytes_and_shown_with_marks(
    tmp_path: Path, photo: Path
) -> None:
    strange = photo.rename(tmp_path / os.fsdecode(b"caf\xe9.jpg"))
    async with small_archive(tmp_path) as archive:
        (met,) = await archive.take_in(strange)
        (fact,) = await archive.facts(AssetIngested)

        assert met.filename == fact.filename == "caf\ufffd.jpg"
        assert fact.path is not None
        assert fact.path.endswith(b"caf\xe9.jpg")


@in_event_loop
async def test_a_full_disk_is_no_fault_of_the_file(tmp_path: Path, photo: Path) -> None:
    """Nothing is refused, nothing left behind, and another try succeeds."""
    async with small_archive(tmp_path) as archive:
        with files_no_longer_than(1000), pytest.raises(Unavailable, match="File too large"):
            await archive.ingest.ingest_file(photo)

        assert not await archive.facts(IngestRefused)
        assert not list((tmp_path / "blobs" / "incoming").iterdir())
        assert _outcomes(await archive.take_in(photo)) == [INGESTED]


@in_event_loop
async def test_an_ingest_that_is_given_up_leaves_nothing_behind(tmp_path: Path) -> None:
    """Its threads have stopped when it returns, so that nobody writes to a closed file."""
    photos = [make_sample("png", tmp_path / f"{n}.png", seed=n) for n in range(8)]
    for photo in photos:
        os.truncate(photo, 256 << 20)
    async with small_archive(tmp_path) as archive:
        task = asyncio.create_task(archive.take_in(*photos))
        await asyncio.sleep(0.02)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

        assert task.cancelled()
        assert not list((tmp_path / "blobs" / "incoming").iterdir())


@in_event_loop
async def test_bytes_from_a_network_become_an_asset_without_a_place(
    tmp_path: Path, photo: Path
) -> None:
    async with small_archive(tmp_path) as archive:
        met = await archive.ingest.ingest_stream(_sent(photo), "upload.jpg", max_bytes=1 << 20)
        again = await archive.ingest.ingest_stream(_sent(photo), "again.jpg", max_bytes=1 << 20)

        assert (met.outcome, again.outcome) == (INGESTED, RECOGNISED)
        (fact,) = await archive.facts(AssetIngested)
        assert (fact.filename, fact.path) == ("upload.jpg", None)
        assert archive.log.sequence_nr == 1


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", EmptyFile), (b"words", UnknownMedia), (b"x" * 2000, TooLarge)],
)
def test_bad_bytes_from_a_network_are_raised_and_leave_nothing(
    tmp_path: Path, content: bytes, reason: type[Exception]
) -> None:
    async def sent() -> AsyncIterator[bytes]:
        yield content

    @in_event_loop
    async def upload() -> None:
        async with small_archive(tmp_path) as archive:
            with pytest.raises(reason):
                await archive.ingest.ingest_stream(sent(), "a.jpg", max_bytes=1000)
            assert archive.log.sequence_nr == 0
            assert not list((tmp_path / "blobs" / "incoming").iterdir())

    upload()


@in_event_loop
async def test_a_stream_that_breaks_off_leaves_nothing(tmp_path: Path, photo: Path) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield photo.read_bytes()
        raise ConnectionResetError

    async with small_archive(tmp_path) as archive:
        with pytest.raises(ConnectionResetError):
            await archive.ingest.ingest_stream(broken(), "a.jpg", max_bytes=1 << 20)

        assert archive.log.sequence_nr == 0
        assert not list(archive.blobs.digests())


@in_event_loop
async def test_a_cleared_path_leaves_quarantine(tmp_path: Path) -> None:
    async with small_archive(tmp_path) as archive:
        await archive.take_in(tmp_path / "gone.jpg")
        await archive.ingest.clear(tmp_path / "gone.jpg")
        await archive.catch_up()

        assert len(await archive.facts(RefusalCleared)) == 1
        assert not archive.catalog.quarantine()


async def _sent(path: Path) -> AsyncIterator[bytes]:
    content = path.read_bytes()
    for start in range(0, len(content), 1000):
        yield content[start : start + 1000]
