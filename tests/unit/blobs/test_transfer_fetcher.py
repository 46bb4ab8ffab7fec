"""Blobs come from whoever has them, go on where they broke off, and are verified before visible."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from blob_sources import QUICK, ToldSource, content_of, fetcher_of, neighbour
from hypothesis import given, settings
from hypothesis import strategies as st

from museion.base.errors import Unavailable
from museion.base.retry import RetryPolicy
from museion.blobs.blob_store import Blob, BlobWriteFailed, DamagedBlob
from museion.blobs.filesystem_store import FilesystemBlobStore
from museion.blobs.transfer.errors import BlobNotFetched, FetcherClosed, FetchQueueFull
from museion.blobs.transfer.fetch_settings import WantedBlob
from museion.blobs.transfer.turns import Urgency
from museion.testing.contracts.blob_store import digest_of
from museion.testing.event_loop import in_event_loop, until
from museion.testing.tiny_disk import files_no_longer_than

CONTENT = content_of(300_000)
WANTED = WantedBlob(digest_of(CONTENT), len(CONTENT))


@pytest.mark.parametrize("size_bytes", [0, 1, (1 << 20) - 1, 1 << 20, 3_500_000])
@in_event_loop
async def test_a_blob_of_any_size_comes_whole(tmp_path: Path, size_bytes: int) -> None:
    content = content_of(size_bytes)
    store, fetcher = fetcher_of(tmp_path, neighbour("Graz", ToldSource(content)))
    async with fetcher:
        for known_size in (None, size_bytes):
            wanted = WantedBlob(digest_of(content), known_size)
            assert await fetcher.fetch(wanted) == Blob(digest_of(content), size_bytes)
    assert store.read(digest_of(content)) == content


@settings(max_examples=25, deadline=None)
@given(breaks=st.lists(st.integers(0, len(CONTENT)), max_size=6), at_other=st.booleans())
def test_it_goes_on_at_the_byte_where_it_broke_off_also_at_another_source(
    tmp_path_factory: pytest.TempPathFactory, breaks: list[int], at_other: bool
) -> None:
    folder = tmp_path_factory.mktemp("blobs")

    @in_event_loop
    async def run() -> None:
        sources = [ToldSource(CONTENT, piece_bytes=7_000), ToldSource(CONTENT, piece_bytes=7_000)]
        expected, done = [], 0
        for number, place in enumerate(sorted(breaks)):
            source = sources[number % 2 if at_other else 0]
            source.break_after = place - done
            store, fetcher = fetcher_of(
                folder, neighbour("Graz", source), settings=replace(QUICK, tries=1)
            )
            expected.append(done)
            async with fetcher:
                if place < len(CONTENT):
                    with pytest.raises(BlobNotFetched):
                        await fetcher.fetch(WANTED)
                else:
                    await fetcher.fetch(WANTED)
                    return
            assert WANTED.digest not in store
            done = place
        sources[1].break_after = None
        store, fetcher = fetcher_of(folder, neighbour("Linz", sources[1]))
        async with fetcher:
            await fetcher.fetch(WANTED)
        assert store.read(WANTED.digest) == CONTENT
        starts = [each for source in sources for each in source.read_starts]
        assert sorted(starts) == sorted([*expected, done])

    run()


@in_event_loop
async def test_a_line_that_breaks_again_and_again_does_not_end_a_fetch_that_moves_on(
    tmp_path: Path,
) -> None:
    content = content_of(12 << 20)
    source = ToldSource(content, piece_bytes=1 << 20)
    source.break_after = 1 << 20
    _, fetcher = fetcher_of(tmp_path, neighbour("Graz", source))
    async with fetcher:
        await fetcher.fetch(WantedBlob(digest_of(content)))
    assert source.read_starts == [mib << 20 for mib in range(12)]


@in_event_loop
async def test_nothing_is_visible_before_it_is_verified(tmp_path: Path) -> None:
    source = ToldSource(CONTENT, piece_bytes=1_000)
    source.open.clear()
    store, fetcher = fetcher_of(tmp_path, neighbour("Graz", source))
    async with fetcher, asyncio.TaskGroup() as group:
        group.create_task(fetcher.fetch(WANTED))
        await until(lambda: bool(fetcher.statistics().running))
        assert WANTED.digest not in store
        assert list(store.digests()) == []
        source.open.set()
    assert WANTED.digest in store


@in_event_loop
async def test_a_source_with_wrong_bytes_is_set_aside_and_the_next_one_asked(
    tmp_path: Path,
) -> None:
    liar, honest = ToldSource(), ToldSource(CONTENT)
    liar.lie_about(CONTENT, content_of(len(CONTENT), seed=2))
    store, fetcher = fetcher_of(tmp_path, neighbour("Liar", liar), neighbour("Graz", honest))
    async with fetcher:
        await fetcher.fetch(WANTED)
        assert fetcher.statistics().wrong_from == {"liar": 1}
    assert store.read(WANTED.digest) == CONTENT
    assert len(liar.read_starts) == 1


@in_event_loop
async def test_wrong_bytes_from_everyone_are_refused_and_none_are_kept(tmp_path: Path) -> None:
    liar = ToldSource()
    liar.lie_about(CONTENT, content_of(len(CONTENT), seed=2))
    store, fetcher = fetcher_of(tmp_path, neighbour("Liar", liar))
    async with fetcher:
        with pytest.raises(BlobNotFetched, match="Liar sent wrong bytes"):
            await fetcher.fetch(WANTED)
    assert WANTED.digest not in store
    assert list((tmp_path / "partial").iterdir()) == []


@in_event_loop
async def test_when_mixed_bytes_are_wrong_the_one_who_lied_is_found(tmp_path: Path) -> None:
    liar, honest = ToldSource(piece_bytes=1000), ToldSource(CONTENT)
    liar.lie_about(CONTENT, content_of(len(CONTENT), seed=2))
    liar.break_after = 10_000
    store, fetcher = fetcher_of(tmp_path, neighbour("Liar", liar), neighbour("Graz", honest))
    async with fetcher:
        await fetcher.fetch(WANTED)
        assert fetcher.statistics().wrong_from == {}
    assert store.read(WANTED.digest) == CONTENT
    assert honest.read_starts == [10_000, 0]


@in_event_loop
async def test_more_bytes_than_a_blob_has_are_refused_at_once(tmp_path: Path) -> None:
    liar = ToldSource(piece_bytes=1 << 16)
    liar.lie_about(CONTENT, bytes(64 << 20))
    _, fetcher = fetcher_of(tmp_path, neighbour("Liar", liar))
    async with fetcher:
        with pytest.raises(BlobNotFetched, match="more than the 300000 bytes"):
            await fetcher.fetch(WANTED)
        assert fetcher.statistics().bytes_from["liar"] <= len(CONTENT)


@in_event_loop
async def test_a_source_that_ends_too_early_is_asked_for_the_rest(tmp_path: Path) -> None:
    short, full = ToldSource(), ToldSource(CONTENT)
    short.lie_about(CONTENT, CONTENT[:1234])
    store, fetcher = fetcher_of(tmp_path, neighbour("Short", short), neighbour("Graz", full))
    async with fetcher:
        await fetcher.fetch(WANTED)
    assert full.read_starts == [1234]
    assert store.read(WANTED.digest) == CONTENT


@in_event_loop
async def test_a_source_that_falls_silent_is_left_after_its_limit(tmp_path: Path) -> None:
    silent, other = ToldSource(CONTENT, piece_bytes=1000), ToldSource(CONTENT)
    silent.open.clear()
    quick = replace(QUICK, idle_s=0.05)
    _, fetcher = fetcher_of(
        tmp_path, neighbour("Silent", silent), neighbour("Graz", other), settings=quick
    )
    async with fetcher:
        await fetcher.fetch(WANTED)
    assert other.read_starts == [1000]


@in_event_loop
async def test_no_more_transfers_go_on_at_a_time_than_are_set(tmp_path: Path) -> None:
    contents = [content_of(50_000, seed) for seed in range(12)]
    source = ToldSource(*contents, piece_bytes=5_000)
    source.open.clear()
    _, fetcher = fetcher_of(
        tmp_path, neighbour("Graz", source), settings=replace(QUICK, parallel=3)
    )
    async with fetcher, asyncio.TaskGroup() as group:
        for content in contents:
            group.create_task(fetcher.fetch(WantedBlob(digest_of(content)), urgency=Urgency.POLICY))
        await until(lambda: source.at_once == 3)
        assert fetcher.statistics().waiting == 9
        source.open.set()
    assert source.most_at_once == 3
    assert fetcher.statistics().fetched_blobs == 12


@in_event_loop
async def test_what_a_person_asks_for_goes_first(tmp_path: Path) -> None:
    contents = [content_of(5_000, seed) for seed in range(6)]
    source = ToldSource(*contents, piece_bytes=1_000)
    source.open.clear()
    one = replace(QUICK, parallel=1, extra_for_people=0)
    _, fetcher = fetcher_of(tmp_path, neighbour("Graz", source), settings=one)
    wanted = [WantedBlob(digest_of(content)) for content in contents]
    async with fetcher, asyncio.TaskGroup() as group:
        for each in wanted:
            group.create_task(fetcher.fetch(each, urgency=Urgency.POLICY))
        await until(lambda: fetcher.statistics().waiting == 5)
        group.create_task(fetcher.fetch(wanted[4], urgency=Urgency.PERSON))
        await asyncio.sleep(0)
        source.open.set()
    assert source.read_digests[:3] == [wanted[0].digest, wanted[4].digest, wanted[1].digest]


@in_event_loop
async def test_a_person_does_not_wait_for_long_transfers_to_end(tmp_path: Path) -> None:
    long, short = content_of(50_000), content_of(500)
    slow, source = ToldSource(long, piece_bytes=100), ToldSource(short)
    slow.open.clear()
    one = replace(QUICK, parallel=1)
    _, fetcher = fetcher_of(
        tmp_path, neighbour("Slow", slow), neighbour("Graz", source), settings=one
    )
    async with fetcher, asyncio.TaskGroup() as group:
        group.create_task(fetcher.fetch(WantedBlob(digest_of(long)), urgency=Urgency.POLICY))
        await until(lambda: slow.at_once == 1)
        await fetcher.fetch(WantedBlob(digest_of(short)))
        slow.open.set()


@in_event_loop
async def test_a_blob_that_many_ask_for_comes_once(tmp_path: Path) -> None:
    source = ToldSource(CONTENT)
    _, fetcher = fetcher_of(tmp_path, neighbour("Graz", source))
    async with fetcher:
        blobs = await asyncio.gather(*(fetcher.fetch(WANTED) for _ in range(10)))
        await fetcher.fetch(WANTED)
    assert set(blobs) == {Blob(WANTED.digest, len(CONTENT))}
    assert source.read_starts == [0]


@in_event_loop
async def test_one_failing_blob_never_stops_the_queue(tmp_path: Path) -> None:
    contents = [content_of(5_000, seed) for seed in range(20)]
    source = ToldSource(*contents)
    bad = [content_of(5_000, seed) for seed in range(100, 110)]
    for content in bad:
        source.lie_about(content, b"wrong")
    settings_ = replace(QUICK, parallel=2, wrong_rest_s=0.01)
    _, fetcher = fetcher_of(tmp_path, neighbour("Graz", source), settings=settings_)
    async with fetcher:
        outcomes = await asyncio.gather(
            *(fetcher.fetch(WantedBlob(digest_of(each))) for each in [*bad, *contents]),
            return_exceptions=True,
        )
    assert all(isinstance(each, BlobNotFetched) for each in outcomes[:10])
    assert all(isinstance(each, Blob) for each in outcomes[10:])


@in_event_loop
async def test_the_queue_is_bounded_and_people_find_a_place_in_a_full_one(tmp_path: Path) -> None:
    contents = [content_of(5_000, seed) for seed in range(7)]
    source = ToldSource(*contents, piece_bytes=1_000)
    source.open.clear()
    small = replace(QUICK, parallel=1, max_waiting=4, extra_for_people=0)
    _, fetcher = fetcher_of(tmp_path, neighbour("Graz", source), settings=small)
    wanted = [WantedBlob(digest_of(content)) for content in contents]
    async with fetcher, asyncio.TaskGroup() as group:
        for each in wanted[:4]:
            group.create_task(fetcher.fetch(each, urgency=Urgency.POLICY))
        await until(lambda: fetcher.statistics().waiting == 3)
        with pytest.raises(FetchQueueFull):
            await fetcher.fetch(wanted[4], urgency=Urgency.POLICY)
        group.create_task(fetcher.fetch(wanted[5]))
        await until(lambda: fetcher.statistics().waiting == 4)
        source.open.set()


@in_event_loop
async def test_a_source_that_does_not_answer_is_left_alone_for_a_while(tmp_path: Path) -> None:
    contents = [content_of(1_000, seed) for seed in range(20)]
    away, here = ToldSource(*contents), ToldSource(*contents)
    away.away = True
    patient = replace(QUICK, retry=RetryPolicy(60.0, 60.0))
    _, fetcher = fetcher_of(
        tmp_path, neighbour("Away", away), neighbour("Here", here), settings=patient
    )
    async with fetcher:
        for content in contents:
            await fetcher.fetch(WantedBlob(digest_of(content)))
    assert away.asked == 1


@in_event_loop
async def test_a_source_that_delivers_is_read_from_without_a_question_before(
    tmp_path: Path,
) -> None:
    contents = [content_of(1_000, seed) for seed in range(20)]
    full, other = ToldSource(*contents[:19]), ToldSource(*contents[19:])
    _, fetcher = fetcher_of(tmp_path, neighbour("Other", other), neighbour("Full", full))
    async with fetcher:
        for content in contents:
            await fetcher.fetch(WantedBlob(digest_of(content)))
    assert (full.asked, other.asked) == (1, 2)
    assert (len(full.read_starts), len(other.read_starts)) == (20, 1)


@in_event_loop
async def test_a_source_that_comes_back_delivers(tmp_path: Path) -> None:
    source = ToldSource(CONTENT)
    source.away = True
    patient = replace(QUICK, tries=10_000)
    _, fetcher = fetcher_of(tmp_path, neighbour("Graz", source), settings=patient)
    async with fetcher, asyncio.TaskGroup() as group:
        fetch = group.create_task(fetcher.fetch(WANTED))
        await until(lambda: len(source.read_starts) > 2)
        source.away = False
    assert fetch.result().digest == WANTED.digest


@in_event_loop
async def test_a_full_disk_is_unavailable_and_the_fetch_goes_on_later(tmp_path: Path) -> None:
    content = content_of(3 << 20)
    source = ToldSource(content)
    store, fetcher = fetcher_of(tmp_path, neighbour("Graz", source))
    async with fetcher:
        with files_no_longer_than(3 << 19), pytest.raises(BlobWriteFailed) as failed:
            await fetcher.fetch(WantedBlob(digest_of(content)))
        assert isinstance(failed.value, Unavailable)
        await fetcher.fetch(WantedBlob(digest_of(content)))
    assert source.read_starts == [0, 1 << 20]
    assert store.read(digest_of(content)) == content


@in_event_loop
async def test_a_fetch_that_nobody_waits_for_any_more_ends_and_leaves_what_came(
    tmp_path: Path,
) -> None:
    source = ToldSource(CONTENT, piece_bytes=1_000)
    source.open.clear()
    store, fetcher = fetcher_of(tmp_path, neighbour("Graz", source))
    async with fetcher:
        both = [asyncio.ensure_future(fetcher.fetch(WANTED)) for _ in range(2)]
        await until(lambda: source.at_once == 1)
        both[0].cancel()
        await asyncio.sleep(0.01)
        assert source.at_once == 1
        both[1].cancel()
        await until(lambda: source.at_once == 0)
        source.open.set()
        await fetcher.fetch(WANTED)
    assert source.read_starts == [0, 1_000]
    assert store.read(WANTED.digest) == CONTENT


@in_event_loop
async def test_closing_breaks_off_and_keeps_what_came(tmp_path: Path) -> None:
    source = ToldSource(CONTENT, piece_bytes=1_000)
    source.open.clear()
    store, fetcher = fetcher_of(tmp_path, neighbour("Graz", source))
    async with fetcher:
        fetch = asyncio.ensure_future(fetcher.fetch(WANTED))
        await until(lambda: source.at_once == 1)
    with pytest.raises(FetcherClosed):
        await fetch
    with pytest.raises(FetcherClosed):
        await fetcher.fetch(WANTED)
    with store.resume(WANTED.digest) as partial:
        assert partial.size_bytes == 1_000


@in_event_loop
async def test_closing_also_ends_a_fetch_that_has_not_begun(tmp_path: Path) -> None:
    _, fetcher = fetcher_of(tmp_path, neighbour("Graz", ToldSource(CONTENT)))

    async def ask() -> None:
        with pytest.raises(FetcherClosed):
            await fetcher.fetch(WANTED)

    async with fetcher:
        asked = asyncio.create_task(ask())
        await asyncio.sleep(0)  # it has asked, and its transfer is due in the next turn of the loop
    await asked


@in_event_loop
async def test_a_damaged_blob_is_fetched_again_and_healed(tmp_path: Path) -> None:
    store, fetcher = fetcher_of(tmp_path, neighbour("Graz", ToldSource(CONTENT)))
    store.put(CONTENT)
    path = tmp_path / WANTED.digest[:2] / WANTED.digest
    path.chmod(0o644)
    path.write_bytes(b"damage")
    with pytest.raises(DamagedBlob):
        store.read(WANTED.digest)
    async with fetcher:
        await fetcher.fetch(WANTED, urgency=Urgency.REPAIR)
    assert store.read(WANTED.digest) == CONTENT


@in_event_loop
async def test_who_has_a_blob_is_told_and_who_does_not_answer_is_left_out(tmp_path: Path) -> None:
    sources = {"Graz": ToldSource(CONTENT), "Linz": ToldSource(), "Away": ToldSource(CONTENT)}
    sources["Away"].away = True
    _, fetcher = fetcher_of(tmp_path, *(neighbour(*each) for each in sources.items()))
    async with fetcher:
        assert [each.name for each in await fetcher.where(WANTED.digest)] == ["Graz"]


@in_event_loop
async def test_a_blob_that_nobody_has_is_said_so_without_trying_in_vain(tmp_path: Path) -> None:
    sources = [ToldSource(), ToldSource()]
    _, fetcher = fetcher_of(tmp_path, neighbour("Graz", sources[0]), neighbour("Linz", sources[1]))
    async with fetcher:
        with pytest.raises(BlobNotFetched, match=r"Graz has no blob .* Linz has no blob"):
            await fetcher.fetch(WANTED)
    assert [each.asked for each in sources] == [1, 1]


@in_event_loop
async def test_without_a_neighbour_a_fetch_fails_at_once(tmp_path: Path) -> None:
    _, fetcher = fetcher_of(tmp_path)
    async with fetcher:
        with pytest.raises(BlobNotFetched, match="No site is connected"):
            await fetcher.fetch(WANTED)


def test_what_broke_off_is_there_when_the_store_is_opened_again(tmp_path: Path) -> None:
    store = FilesystemBlobStore(tmp_path)
    with store.resume(WANTED.digest) as partial:
        assert not partial.recall()
        partial.write(CONTENT[:1000])
    del store
    with FilesystemBlobStore(tmp_path).resume(WANTED.digest) as partial:
        assert partial.size_bytes == 1000
