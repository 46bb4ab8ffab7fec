"""Blobs follow the log by policy; what is not here is a state with a place."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from blob_neighbours import HoldingSource, original, place, rendition

from museion.archive.blob_presence import BlobNotHere
from museion.archive.missing_blobs import MissingBlobs
from museion.blobs.blob_store import DamagedBlob, UnknownBlob
from museion.blobs.filesystem_store import FilesystemBlobStore
from museion.blobs.transfer.policies import (
    EVERYTHING,
    ON_DEMAND,
    RENDITIONS_ONLY,
    Asked,
    BlobFacts,
    BlobPolicy,
    KeepMatching,
    KeepNone,
    UnknownPredicate,
)
from museion.log.event_log import EventLog
from museion.log.memory_store import MemoryEventStore
from museion.testing.contracts.blob_store import UNKNOWN, digest_of
from museion.testing.event_loop import in_event_loop, until
from museion.testing.tiny_disk import files_no_longer_than

PICTURE, FILM, SMALL = b"a picture" * 100, b"a film" * 10_000, b"a thumbnail"


def held(*contents: bytes) -> HoldingSource:
    source = HoldingSource()
    source.hold(*contents)
    return source


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (EVERYTHING, {PICTURE, FILM, SMALL}),
        (RENDITIONS_ONLY, {SMALL}),
        (ON_DEMAND, set()),
        (BlobPolicy(KeepMatching(kinds=("image",)), KeepNone()), {PICTURE}),
        (BlobPolicy(KeepMatching(max_bytes=1000)), {PICTURE, SMALL}),
    ],
)
@in_event_loop
async def test_what_the_policy_wants_comes_and_nothing_else(
    tmp_path: Path, policy: BlobPolicy, expected: set[bytes]
) -> None:
    async with place(tmp_path, policy=policy) as here:
        source = here.neighbour("Graz", held(PICTURE, FILM, SMALL))
        await here.tell(original(PICTURE), original(FILM, kind="video"), rendition(SMALL))
        await until(lambda: here.missing.counts().wanted == 0)
        assert set(here.blobs.digests()) == {digest_of(content) for content in expected}
        assert here.missing.counts().on_demand == 3 - len(expected)
        assert set(source.reads) == set(here.blobs.digests())


@in_event_loop
async def test_what_is_here_already_is_not_fetched(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        source = here.neighbour("Graz", held(PICTURE))
        here.blobs.put(PICTURE)
        await here.tell(original(PICTURE))
        assert here.missing.counts().wanted == 0
        assert source.reads == []


@in_event_loop
async def test_renditions_come_before_originals(tmp_path: Path) -> None:
    pictures = [b"picture %d" % number for number in range(10)]
    async with place(tmp_path) as here:
        await here.tell(*map(original, pictures), rendition(SMALL))
        source = here.neighbour("Graz", held(*pictures, SMALL))
        await until(lambda: here.missing.counts().wanted == 0)
        assert digest_of(SMALL) in source.reads[:4]


@in_event_loop
async def test_what_was_wanted_before_a_restart_comes_after_it(tmp_path: Path) -> None:
    log = EventLog(MemoryEventStore(log_id="here"))
    async with place(tmp_path, log=log) as here:
        await here.tell(original(PICTURE))
        assert here.missing.counts().wanted == 1
    async with place(tmp_path, log=log) as here:
        assert here.missing.position == 1
        here.neighbour("Graz", held(PICTURE))
        await until(lambda: digest_of(PICTURE) in here.blobs)
    await log.close()


@pytest.mark.parametrize("spoil", ["removed", "damaged", "ahead"])
@in_event_loop
async def test_the_list_is_built_anew_from_the_log(tmp_path: Path, spoil: str) -> None:
    async with place(tmp_path) as here:
        here.blobs.put(SMALL)
        await here.tell(original(PICTURE), rendition(SMALL))
        path = here.folder / "blobs.sqlite"
        events = await here.log.read()
    if spoil == "removed":
        path.unlink()
    if spoil == "damaged":
        path.write_bytes(b"not a database" * 1000)
    end = 0 if spoil == "ahead" else 2
    missing = MissingBlobs(
        path, FilesystemBlobStore(tmp_path / "blobs"), policy=EVERYTHING, log_end=end
    )
    assert missing.position == 0
    missing.apply(events)
    assert [each.digest for each in missing.due(0, limit=9)] == [digest_of(PICTURE)]
    missing.close()


@in_event_loop
async def test_another_policy_judges_what_is_not_here_anew(tmp_path: Path) -> None:
    async with place(tmp_path, policy=ON_DEMAND) as here:
        here.neighbour("Graz", held(PICTURE, SMALL))
        await here.tell(original(PICTURE), rendition(SMALL))
        assert here.missing.counts().on_demand == 2
        await here.exchange.set_policy(RENDITIONS_ONLY)
        await until(lambda: digest_of(SMALL) in here.blobs)
        assert digest_of(PICTURE) not in here.blobs
        assert here.exchange.status().policy == RENDITIONS_ONLY


@in_event_loop
async def test_another_policy_in_the_settings_holds_from_the_next_start(tmp_path: Path) -> None:
    log = EventLog(MemoryEventStore(log_id="here"))
    async with place(tmp_path, policy=ON_DEMAND, log=log) as here:
        await here.tell(original(PICTURE))
    async with place(tmp_path, policy=EVERYTHING, log=log) as here:
        assert here.missing.counts().wanted == 1
    await log.close()


@in_event_loop
async def test_a_predicate_of_the_archive_chooses_and_is_asked_again(tmp_path: Path) -> None:
    press: set[str] = set()

    def in_collection(facts: BlobFacts, about: str) -> bool:
        return about == "press" and facts.subject in press

    policy = BlobPolicy(KeepMatching(asked=(Asked("in-collection", "press"),)))
    async with place(tmp_path, policy=policy, predicates={"in-collection": in_collection}) as here:
        here.neighbour("Graz", held(PICTURE, FILM))
        await here.tell(original(PICTURE), original(FILM))
        assert here.missing.counts().wanted == 0
        press.add(original(FILM).asset_id)
        await asyncio.to_thread(here.missing.reconsider)
        await until(lambda: digest_of(FILM) in here.blobs)
        assert digest_of(PICTURE) not in here.blobs


def test_a_policy_that_asks_what_nobody_can_answer_is_refused(tmp_path: Path) -> None:
    blobs = FilesystemBlobStore(tmp_path / "blobs")
    policy = BlobPolicy(KeepMatching(asked=(Asked("in-colection"),)))
    with pytest.raises(UnknownPredicate):
        MissingBlobs(tmp_path / "blobs.sqlite", blobs, policy=policy)


@in_event_loop
async def test_a_blob_that_is_elsewhere_comes_when_a_person_asks(tmp_path: Path) -> None:
    async with place(tmp_path, policy=ON_DEMAND) as here:
        here.neighbour("Graz", held())
        here.neighbour("Linz", held(PICTURE))
        await here.tell(original(PICTURE))
        assert await here.exchange.read(digest_of(PICTURE), wait_s=10.0) == PICTURE
        assert here.missing.find(digest_of(PICTURE)) is None


@in_event_loop
async def test_not_here_yet_names_the_places_that_have_it_and_goes_on_coming(
    tmp_path: Path,
) -> None:
    async with place(tmp_path, policy=ON_DEMAND) as here:
        graz, linz = here.neighbour("Graz", held(PICTURE)), here.neighbour("Linz", held(PICTURE))
        here.neighbour("Wien", held())
        for source in (graz, linz):
            source.open.clear()
        await here.tell(original(PICTURE))
        with pytest.raises(BlobNotHere, match="it lies at Graz, Linz") as absence:
            await here.exchange.path(digest_of(PICTURE))
        assert absence.value.sites == ("Graz", "Linz")
        assert absence.value.arriving
        assert "ask again" in absence.value.remedy
        for source in (graz, linz):
            source.open.set()
        await until(lambda: digest_of(PICTURE) in here.blobs)


@in_event_loop
async def test_a_blob_that_no_site_gives_now_says_so(tmp_path: Path) -> None:
    async with place(tmp_path, policy=ON_DEMAND) as here:
        here.neighbour("Graz", held(PICTURE)).away = True
        await here.tell(original(PICTURE))
        with pytest.raises(BlobNotHere, match="no site that answers has it") as absence:
            await here.exchange.path(digest_of(PICTURE), wait_s=10.0)
        assert not absence.value.arriving


@in_event_loop
async def test_nobody_is_asked_for_a_digest_that_the_log_does_not_know(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        source = here.neighbour("Graz", held(PICTURE))
        with pytest.raises(UnknownBlob):
            await here.exchange.path(UNKNOWN)
        with pytest.raises(UnknownBlob):
            await here.exchange.path(digest_of(PICTURE), wait_s=1.0)
        assert source.reads == []
        path = await here.exchange.path(digest_of(PICTURE), wait_s=10.0, size_bytes=len(PICTURE))
        assert path.read_bytes() == PICTURE


@in_event_loop
async def test_who_asked_may_break_it_off(tmp_path: Path) -> None:
    async with place(tmp_path, policy=ON_DEMAND) as here:
        source = here.neighbour("Graz", held(PICTURE))
        source.open.clear()
        await here.tell(original(PICTURE))
        with pytest.raises(BlobNotHere):
            await here.exchange.path(digest_of(PICTURE))
        here.exchange.cancel(digest_of(PICTURE))
        await until(lambda: not here.exchange.statistics().running)


def damage(here_folder: Path, content: bytes) -> None:
    digest = digest_of(content)
    path = here_folder / "blobs" / digest[:2] / digest
    path.chmod(0o644)
    path.write_bytes(b"damage")


@in_event_loop
async def test_a_damaged_blob_is_fetched_again_and_healed(tmp_path: Path) -> None:
    async with place(tmp_path, policy=ON_DEMAND) as here:
        here.blobs.put(PICTURE)
        await here.tell(original(PICTURE))
        damage(tmp_path, PICTURE)
        here.neighbour("Graz", held(PICTURE))
        assert await here.exchange.read(digest_of(PICTURE), wait_s=10.0) == PICTURE
        assert here.missing.counts().wanted == 0


@in_event_loop
async def test_a_damaged_blob_that_no_site_has_stays_damaged_until_one_comes(
    tmp_path: Path,
) -> None:
    async with place(tmp_path, policy=ON_DEMAND) as here:
        here.blobs.put(PICTURE)
        damage(tmp_path, PICTURE)
        with pytest.raises(DamagedBlob):
            await here.exchange.path(digest_of(PICTURE), wait_s=10.0)
        here.neighbour("Graz", held(PICTURE))
        await here.exchange.neighbours_changed()
        await until(lambda: here.missing.counts().wanted == 0)
        assert here.blobs.read(digest_of(PICTURE)) == PICTURE


@in_event_loop
async def test_a_blob_that_cannot_be_fetched_waits_and_never_stops_the_others(
    tmp_path: Path,
) -> None:
    nowhere = [b"nowhere %d" % number for number in range(10)]
    pictures = [b"picture %d" % number for number in range(10)]
    async with place(tmp_path) as here:
        source = here.neighbour("Graz", held(*pictures))
        await here.tell(*map(original, nowhere), *map(original, pictures))
        await until(lambda: here.missing.counts().wanted == 10)
        await until(lambda: here.missing.counts().failing == 10)
        assert {*here.blobs.digests()} == {digest_of(each) for each in pictures}
        found = here.missing.find(digest_of(nowhere[0]))
        assert found is not None
        assert (found.tries, "has no blob" in found.reason) == (1, True)
        source.hold(*nowhere)
        here.clock_ms[0] += 3_600_000
        await until(lambda: here.missing.counts().wanted == 0)


@in_event_loop
async def test_a_full_disk_is_told_and_fetching_goes_on_when_there_is_room(
    tmp_path: Path,
) -> None:
    content = bytes(8 << 20)
    async with place(tmp_path) as here:
        with files_no_longer_than(4 << 20):
            here.neighbour("Graz", held(content))
            await here.tell(original(content))
            await until(lambda: here.exchange.status().trouble is not None)
            assert "large" in (here.exchange.status().trouble or "")
        here.clock_ms[0] += 3_600_000
        await until(lambda: digest_of(content) in here.blobs)
        await until(lambda: here.exchange.status().trouble is None)


@in_event_loop
async def test_the_status_tells_how_much_has_come_from_where(tmp_path: Path) -> None:
    async with place(tmp_path, policy=RENDITIONS_ONLY) as here:
        here.neighbour("Graz", held(SMALL, PICTURE))
        await here.tell(original(PICTURE), rendition(SMALL))
        await until(lambda: here.exchange.status().fetched == 1)
        await until(lambda: here.exchange.status().wanted == 0)
        here.exchange.set_limit(5000)
        status = here.exchange.status()
    assert (status.on_demand, status.on_demand_bytes) == (1, len(PICTURE))
    assert status.bytes_from == {"graz": len(SMALL)}
    assert status.fetched_bytes == len(SMALL)
    assert status.rate_bytes_per_s > 0
    assert status.limit_bytes_per_s == 5000


@in_event_loop
async def test_erased_blobs_are_wanted_no_more(tmp_path: Path) -> None:
    async with place(tmp_path) as here:
        await here.tell(original(PICTURE), original(FILM))
        await asyncio.to_thread(here.missing.forget, [digest_of(PICTURE)])
        here.neighbour("Graz", held(PICTURE, FILM))
        await until(lambda: digest_of(FILM) in here.blobs)
        await until(lambda: here.missing.counts().wanted == 0)
        assert digest_of(PICTURE) not in here.blobs
