"""The memory store keeps the contract of event stores."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from museion.log.event_store import EventStore
from museion.log.memory_store import MemoryEventStore
from museion.testing.contracts.event_store import EventStoreContract, batch, stored_event


class TestMemoryEventStore(EventStoreContract):
    def open(self, folder: Path) -> EventStore:
        return MemoryEventStore()


def test_a_memory_store_is_as_it_was_after_closing() -> None:
    store = MemoryEventStore(log_id="here")
    with closing(store):
        store.write(batch(stored_event(1), reader=1))
    assert store.recover().sequence_nr == 1
    assert store.progress("reader") == 1
