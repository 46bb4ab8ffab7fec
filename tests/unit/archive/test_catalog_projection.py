"""The catalog holds what the log says: each fact once, whatever the batches and crashes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_archive import Telling, events_of, ingested, renditions

from museion.archive.catalog.projection import CatalogProjection
from museion.archive.catalog.reader import Catalog
from museion.archive.catalog.records import AssetDetail
from museion.archive.events import (
    ArchiveEvent,
    AssetRecognised,
    EmbeddingComputed,
    EnrichmentFailed,
    EnrichmentRetried,
    FingerprintComputed,
    IngestRefused,
    LabelsComputed,
    MetadataExtracted,
    MetadataValue,
    RefusalCleared,
)
from museion.base.errors import Unavailable
from museion.testing.tiny_disk import files_no_longer_than

BORN = ingested("a.jpg", path="/photos/a.jpg")
ID = BORN.asset_id
METADATA = MetadataExtracted(
    asset_id=ID, values=(MetadataValue("caption", "a harbour", "xmp:dc:description"),)
)
FINGERPRINT = FingerprintComputed(asset_id=ID, fingerprint=7)
EMBEDDING = EmbeddingComputed(asset_id=ID, space="s", vector=b"")
LABELS = LabelsComputed(asset_id=ID, model="s", labels=())
THUMBNAIL, PREVIEW = renditions(ID)
ENRICHED = (METADATA, THUMBNAIL, PREVIEW, FINGERPRINT, EMBEDDING, LABELS)


@pytest.fixture
def telling(tmp_path: Path) -> Iterator[Telling]:
    with closing(Telling(tmp_path)) as telling:
        yield telling


def failed(processor: str) -> EnrichmentFailed:
    return EnrichmentFailed(asset_id=ID, processor=processor, reason="Broken.", remedy="Mend it.")


def retried(*processors: str) -> EnrichmentRetried:
    return EnrichmentRetried(
        asset_id=ID,
        digest=BORN.digest,
        media_type="image/jpeg",
        kind="image",
        processors=processors,
    )


def test_an_asset_is_pending_until_every_step_is_done(telling: Telling) -> None:
    states = []
    for fact in (BORN, *ENRICHED):
        telling.tell(fact)
        states.append(telling.catalog.detail(ID).summary.state)

    assert states == ["pending"] * 5 + ["ready"] * 2


@given(order=st.permutations(ENRICHED))
@settings(max_examples=40, deadline=None)
def test_the_order_in_which_steps_end_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, order: list[ArchiveEvent]
) -> None:
    """Processors overtake each other."""
    with closing(Telling(tmp_path_factory.mktemp("order"))) as telling:
        telling.tell(BORN, *order)
        detail = telling.catalog.detail(ID)

    assert detail.summary.state == "ready"
    assert detail.summary.caption == "a harbour"
    assert detail.summary.thumbnail == THUMBNAIL.digest
    assert len(detail.renditions) == 2


@pytest.mark.parametrize("batch", [1, 2, 3, 7])
def test_batches_of_any_size_give_the_same_catalog(tmp_path: Path, batch: int) -> None:
    events = events_of((BORN, *ENRICHED), after=0)
    projection = CatalogProjection(tmp_path / "catalog.sqlite")
    for start in range(0, len(events), batch):
        projection.apply(events[start : start + batch])
    projection.close()

    with closing(Catalog(tmp_path / "catalog.sqlite")) as catalog:
        assert catalog.counts().position == len(events)
        assert catalog.detail(ID).summary.state == "ready"


def test_a_batch_that_fails_changes_nothing_and_can_be_applied_again(tmp_path: Path) -> None:
    """A full disk, here by a limit on the length of files."""
    with closing(Telling(tmp_path)) as telling:
        telling.tell(BORN)
        many = [ingested(f"{number} {'x' * 100}.jpg") for number in range(2000)]
        with (
            files_no_longer_than((tmp_path / "catalog.sqlite").stat().st_size + 20_000),
            pytest.raises(Unavailable, match="free space"),
        ):
            telling.tell(*many)
        assert telling.projection.position == 1
        assert telling.catalog.counts().assets == 1

        telling.tell(*many)

        assert telling.catalog.counts().assets == 2001


def test_progress_and_rows_survive_together(tmp_path: Path) -> None:
    """Opened again, the catalog goes on behind what it holds."""
    events = events_of((BORN, *ENRICHED), after=0)
    first = CatalogProjection(tmp_path / "catalog.sqlite")
    first.apply(events[:3])
    first.close()

    second = CatalogProjection(tmp_path / "catalog.sqlite")
    assert second.position == 3
    second.apply(events[3:])
    second.close()

    with closing(Catalog(tmp_path / "catalog.sqlite")) as catalog:
        assert len(catalog.detail(ID).renditions) == 2


def test_no_picture_means_quarantine(telling: Telling) -> None:
    telling.tell(BORN, failed("renditions"))

    (entry,) = telling.catalog.quarantine()
    assert telling.catalog.detail(ID).summary.state == "quarantined"
    assert (entry.asset_id, entry.place, entry.reason) == (ID, "/photos/a.jpg", "Broken.")
    assert telling.catalog.counts().assets == 0


@pytest.mark.parametrize("processor", ["metadata", "fingerprint", "embedding"])
def test_a_failure_beside_the_picture_leaves_the_asset_shown(
    telling: Telling, processor: str
) -> None:
    makes = {"metadata": METADATA, "fingerprint": FINGERPRINT, "embedding": EMBEDDING}
    others = [fact for fact in ENRICHED if fact is not makes[processor]]

    telling.tell(BORN, *others, failed(processor))

    assert telling.catalog.detail(ID).summary.state == "ready"
    assert telling.catalog.counts().quarantined == 1


def test_another_try_that_succeeds_clears_quarantine(telling: Telling) -> None:
    telling.tell(BORN, METADATA, failed("renditions"), retried("renditions"))
    assert telling.catalog.detail(ID).summary.state == "pending"
    assert not telling.catalog.quarantine()

    telling.tell(THUMBNAIL, PREVIEW, FINGERPRINT, EMBEDDING)

    assert telling.catalog.detail(ID).summary.state == "ready"


def test_another_try_that_fails_is_quarantine_again(telling: Telling) -> None:
    telling.tell(BORN, METADATA, failed("renditions"), retried("renditions"), failed("renditions"))

    assert telling.catalog.detail(ID).summary.state == "quarantined"
    assert len(telling.catalog.quarantine()) == 1


def test_metadata_read_anew_replaces_the_old(telling: Telling) -> None:
    telling.tell(BORN, METADATA)
    values = (MetadataValue("keywords", ("sea", "boat"), "iptc:Keywords"),)
    telling.tell(MetadataExtracted(asset_id=ID, values=values))

    detail = telling.catalog.detail(ID)
    assert detail.summary.caption is None
    assert detail.keywords == ["sea", "boat"]
    assert [value.field for value in detail.values] == ["keywords"]


def test_a_refused_file_waits_until_its_path_is_taken_in_or_cleared(telling: Telling) -> None:
    refused = IngestRefused(filename="a.jpg", path=b"/photos/a.jpg", reason="It is text.")
    other = IngestRefused(filename="b.jpg", path=b"/photos/b.jpg", reason="It is text.")
    telling.tell(refused, refused, other)
    assert telling.catalog.counts().quarantined == 2

    telling.tell(BORN)
    assert [entry.path for entry in telling.catalog.quarantine()] == [b"/photos/b.jpg"]

    telling.tell(RefusalCleared(path=b"/photos/b.jpg"))
    assert not telling.catalog.quarantine()


def test_what_lay_at_a_path_is_not_believed_after_a_refusal(telling: Telling) -> None:
    """It stays a source of the asset, but the next ingest reads the file."""
    telling.tell(BORN, IngestRefused(filename="a.jpg", path=b"/photos/a.jpg", reason="Bad."))

    source = telling.catalog.source(b"/photos/a.jpg")
    assert source is not None
    assert source[:2] == (ID, -1)


def test_an_asset_knows_every_path_under_which_it_was_met(telling: Telling) -> None:
    seen = [
        AssetRecognised(asset_id=ID, filename="b", path=path, modified_ns=1, size_bytes=2)
        for path in (b"/z.jpg", b"/caf\xe9.jpg", b"/z.jpg")
    ]
    telling.tell(BORN, *seen)

    assert telling.catalog.detail(ID).sources == ["/caf\ufffd.jpg", "/photos/a.jpg", "/z.jpg"]


@pytest.mark.parametrize("damage", [b"no database at all" * 100, b"", b"SQLite format 3\0" * 300])
def test_a_damaged_catalog_begins_anew(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "catalog.sqlite"
    projection = CatalogProjection(path)
    projection.apply(events_of((BORN,), after=0))
    projection.close()
    path.write_bytes(damage)

    with closing(CatalogProjection(path)) as anew:
        assert anew.position == 0
        anew.apply(events_of((BORN, *ENRICHED), after=0))


def test_a_catalog_of_another_form_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "catalog.sqlite"
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE progress (odd TEXT)")
        database.execute("PRAGMA user_version = 99")

    with closing(CatalogProjection(path)) as anew:
        assert anew.position == 0


def test_a_catalog_that_is_ahead_of_the_log_begins_anew(tmp_path: Path) -> None:
    """The log is one that was restored from a backup."""
    path = tmp_path / "catalog.sqlite"
    projection = CatalogProjection(path)
    projection.apply(events_of((BORN, *ENRICHED), after=0))
    projection.close()

    with closing(CatalogProjection(path, log_end=7)) as same:
        assert same.position == 7
    with closing(CatalogProjection(path, log_end=6)) as anew:
        assert anew.position == 0


def test_whoever_watches_is_told_position_and_assets_after_each_batch(tmp_path: Path) -> None:
    told = []
    projection = CatalogProjection(
        tmp_path / "catalog.sqlite", on_change=lambda *change: told.append(change)
    )
    projection.apply(events_of((BORN, METADATA), after=0))
    projection.apply(events_of((RefusalCleared(path=b"x"),), after=2))
    projection.close()

    assert told == [(2, [ID]), (3, [])]


@pytest.mark.parametrize("seed", range(5))
def test_random_histories_keep_the_state_true_to_its_meaning(tmp_path: Path, seed: int) -> None:
    """Shown as quarantined exactly while the last word on its picture is a failure."""
    random = Random(seed)  # noqa: S311 (histories)
    processors = ("metadata", "renditions", "fingerprint", "embedding")
    facts: list[ArchiveEvent] = [BORN]
    picture_fails = False
    with closing(Telling(tmp_path)) as telling:
        telling.tell(BORN)
        for _ in range(60):
            fact = random.choice(
                [*ENRICHED, *map(failed, processors), retried(random.choice(processors))]
            )
            facts.append(fact)
            telling.tell(fact)
            if isinstance(fact, EnrichmentFailed) and fact.processor == "renditions":
                picture_fails = True
            if fact in (THUMBNAIL, PREVIEW) or fact == retried("renditions"):
                picture_fails = False
            detail = telling.catalog.detail(ID)
            assert (detail.summary.state == "quarantined") == picture_fails, facts
            assert _is_consistent(detail), facts


def _is_consistent(detail: AssetDetail) -> bool:
    """A picture that failed has a failure that says so, and the other way round."""
    fails = any(failure.processor == "renditions" for failure in detail.failures)
    return fails == (detail.summary.state == "quarantined")


def test_reads_during_a_close_end_in_order(tmp_path: Path) -> None:
    """Never in a database that is closed under them."""
    import threading

    telling = Telling(tmp_path)
    telling.tell(*(ingested(f"{number}.jpg") for number in range(500)))
    unexpected: list[BaseException] = []

    def read() -> None:
        with suppress(Unavailable):
            while True:
                try:
                    telling.catalog.page(limit=500)
                except Unavailable:
                    raise
                except BaseException as error:
                    unexpected.append(error)
                    return

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    telling.close()
    for reader in readers:
        reader.join(30)

    assert not unexpected
