"""What it costs to ask for each event whether it may leave to another site."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from museion.archive.asset import asset_id_of
from museion.archive.catalog.projection import CatalogProjection
from museion.archive.catalog.reader import Catalog
from museion.archive.events import (
    ArchiveEvent,
    AssetIngested,
    EmbeddingComputed,
    FieldsChanged,
    FingerprintComputed,
    MetadataExtracted,
    MetadataValue,
    PersonValue,
    new_event,
)
from museion.archive.sharing.asset_gate import AssetGate, words_filter
from museion.archive.sharing.lacking import AssetsLacking
from museion.blobs.blob_store import Digest
from museion.log.crdt.field_map import AddToField, SetField
from museion.log.event import Event, NewEvent
from museion.log.vector_time import VectorTime

_BATCH = 3_000
_GOAL_US = 50.0


def measure(*, assets: int = 3_000) -> dict[str, float]:
    """Return microseconds an event of a gate, of filter words, and of the look for hidden events.

    Each asset has the events of its birth and one change; every third one is kept to two sites.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "catalog.sqlite"
        projection = CatalogProjection(path)
        catalog = Catalog(path)
        try:
            events = _events(assets)
            for at in range(0, len(events), _BATCH):
                projection.apply(events[at : at + _BATCH])
            following = _Still(len(events))
            gate = AssetGate("there", catalog, following)
            words = words_filter(catalog, following)(b"tag:sea type:image")
            lacking = AssetsLacking(catalog, following)
            return {
                "events": float(len(events)),
                "gate_us_per_event": _us_each(gate.may_leave, events),
                "words_us_per_event": _us_each(words, events),
                "lacking_us_per_event": _us_each(lacking.may_be_lacking, events),
                "goal_us_per_event": _GOAL_US,
            }
        finally:
            catalog.close()
            projection.close()


class _Still:
    """A catalog that has taken in everything."""

    def __init__(self, position: int) -> None:
        self.position = position

    async def reached(self, sequence_nr: int) -> None:
        """Return at once."""


def _us_each(ask: Callable[[Event], bool], events: Sequence[Event]) -> float:
    started = time.perf_counter()
    for event in events:
        ask(event)
    return (time.perf_counter() - started) * 1e6 / len(events)


def _events(assets: int) -> list[Event]:
    facts = [fact for number in range(assets) for fact in _facts(number)]
    return [
        _written(new_event(fact, emitter_id="bench", aggregate_id=_asset_of(fact)), number)
        for number, fact in enumerate(facts, start=1)
    ]


def _facts(number: int) -> list[ArchiveEvent]:
    digest = Digest(f"{number:064x}"[::-1])
    asset_id = asset_id_of(digest)
    born = AssetIngested(
        asset_id=asset_id,
        digest=digest,
        size_bytes=5_000_000,
        media_type="image/jpeg",
        kind="image",
        filename=f"{number}.jpg",
    )
    values = (MetadataValue("iso", 400, "exif:ISOSpeedRatings"),)
    access = ("here", "there") if number % 2 else ("here",)
    changed = SetField[PersonValue]("access", access if number % 3 == 0 else None)
    return [
        born,
        MetadataExtracted(asset_id=asset_id, values=values),
        FingerprintComputed(asset_id=asset_id, fingerprint=number),
        EmbeddingComputed(asset_id=asset_id, space="bench", vector=bytes(1024)),
        FieldsChanged(asset_id=asset_id, by="Ann", operations=(AddToField("tags", "sea"),)),
        FieldsChanged(asset_id=asset_id, by="Ann", operations=(changed,)),
    ]


def _asset_of(fact: ArchiveEvent) -> str | None:
    return getattr(fact, "asset_id", None)


def _written(event: NewEvent, number: int) -> Event:
    return Event(
        type_name=event.type_name,
        form=event.form,
        payload=event.payload,
        emitter_id=event.emitter_id,
        aggregate_id=event.aggregate_id,
        custom_destinations=(),
        system_time_ms=number,
        vector_timestamp=VectorTime({"here": number}),
        process_id="here",
        log_id="here",
        sequence_nr=number,
    )


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
