"""`from museion import Site`: an archive in ten lines of Python."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from running_site import serving
from sample_library import LIBRARY, entries

import museion
from museion import Site
from museion.archive.archive import ArchiveReader
from museion.archive.asset import AssetId, UnknownAsset
from museion.archive.ingest import Outcome
from museion.node.settings import NoSite
from museion.node.site import FolderNotEmpty
from museion.node.site_lock import SiteInUse
from museion.testing.media import make_sample

DOGS = "P1050912.jpg"
DOGS_WORDS = "two dogs looking out of a window"


def test_the_door_is_small() -> None:
    assert museion.__all__ == ["Site", "__version__"]
    with pytest.raises(AttributeError, match="no attribute 'Sight'"):
        _ = museion.Sight


def test_importing_the_package_brings_nothing_heavy() -> None:
    """The toolkits are usable alone; `import museion` loads no library at all."""
    program = (
        "import sys, museion, museion.log.event_log, museion.blobs.filesystem_store,"
        " museion.streams.projection;"
        "print([name for name in ('numpy', 'litestar', 'pyvips', 'onnxruntime', 'click', 'httpx')"
        " if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"


def test_a_site_is_made_filled_and_searched_in_ten_lines(tmp_path: Path) -> None:
    photos = [LIBRARY / DOGS, LIBRARY / "IMG_3921.jpg", LIBRARY / "IMG_2050.jpg"]

    async def use() -> tuple[list[Outcome], list[str], list[str]]:
        async with Site.open(tmp_path / "site", create=True) as site:
            outcomes = [file.outcome async for file in site.ingest(*photos)]
            assert await site.settle() == []
            answer = await site.search(DOGS_WORDS, limit=3)
            hits = [hit.asset.filename for hit in answer.hits]
            return outcomes, hits, [asset.filename async for asset in site.assets()]

    outcomes, hits, assets = asyncio.run(use())

    assert outcomes == [Outcome.INGESTED] * 3
    assert hits[0] == DOGS
    assert set(assets) == {photo.name for photo in photos}


def test_assets_come_newest_first_and_all_of_them(library_site: Path) -> None:
    async def times() -> list[str]:
        async with Site.open_reading(library_site) as archive:
            return [each.capture_time or each.ingest_time async for each in archive.assets()]

    found = asyncio.run(times())

    assert len(found) == len(entries())
    assert [time[:10] for time in found] == sorted((time[:10] for time in found), reverse=True)


def test_a_reader_sees_what_a_writer_beside_it_adds(new_site: Path, tmp_path: Path) -> None:
    file = make_sample("jpg", tmp_path / "unmistakable.jpg")

    async def use() -> tuple[int, list[str]]:
        async with Site.open(new_site) as site, Site.open_reading(new_site) as reader:
            before = (await reader.search("unmistakable")).total
            _ = [each async for each in site.ingest(file)]
            await site.settle()
            return before, [
                hit.asset.filename for hit in (await reader.search("unmistakable")).hits
            ]

    assert asyncio.run(use()) == (0, ["unmistakable.jpg"])


def test_only_one_process_writes_and_the_other_is_told_which(new_site: Path) -> None:
    async def open_twice() -> None:
        async with Site.open(new_site):
            pytest.fail("a served site was opened for writing")

    with serving(new_site) as served, pytest.raises(SiteInUse) as refused:
        asyncio.run(open_twice())

    assert f"process {served.process.pid}" in str(refused.value)
    assert served.url in str(refused.value)


def test_the_lock_is_given_back(new_site: Path) -> None:
    async def open_and_fail() -> None:
        async with Site.open(new_site):
            raise KeyError("the caller's own error")

    async def open_again() -> int:
        async with Site.open(new_site) as site:
            return site.catalog.counts().assets

    with pytest.raises(KeyError, match="the caller's own error"):
        asyncio.run(open_and_fail())
    assert asyncio.run(open_again()) == 0


def test_a_folder_that_is_no_site_is_opened_only_to_make_one(tmp_path: Path) -> None:
    async def open_site(folder: Path, *, create: bool) -> ArchiveReader:
        async with Site.open(folder, create=create) as site:
            return site

    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "something").touch()

    with pytest.raises(NoSite):
        asyncio.run(open_site(tmp_path / "nowhere", create=False))
    with pytest.raises(FolderNotEmpty):
        asyncio.run(open_site(tmp_path / "full", create=True))
    assert asyncio.run(open_site(tmp_path / "nowhere", create=True)).name == "nowhere"


def test_an_unknown_asset_is_an_error_with_a_remedy(library_site: Path) -> None:
    async def look() -> None:
        async with Site.open_reading(library_site) as archive:
            await archive.asset(AssetId("nothing"))

    with pytest.raises(UnknownAsset) as unknown:
        asyncio.run(look())

    assert "museion search --json" in unknown.value.remedy


def test_breaking_off_an_ingest_leaves_what_was_yielded(new_site: Path) -> None:
    photos = sorted(LIBRARY.glob("*.jpg"))[:12]

    async def use() -> tuple[int, int, int]:
        async with Site.open(new_site) as site:
            first = await anext(outcomes := site.ingest(*photos))
            await outcomes.aclose()
            await site.settle()
            kept = site.catalog.counts().assets
            rest = [each.outcome async for each in site.ingest(*photos)]
            await site.settle()
            assert first.outcome is Outcome.INGESTED
            return kept, len(rest), site.catalog.counts().assets

    kept, met, assets = asyncio.run(use())

    assert 1 <= kept <= len(photos)
    assert (met, assets) == (len(photos), len(photos))
