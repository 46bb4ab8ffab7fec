"""What every log of the chaos test must be like in the end, whatever happened to its site."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import msgspec
from chaos_ledger import Ledger

from museion.log.event import Event
from museion.log.frame import envelope_of
from museion.log.lmdb_store import LmdbEventStore
from museion.log.proof.findings import AnyFinding
from museion.log.proof.verification import verify


def require_sound(logs: Sequence[Path], ledger: Ledger) -> int:
    """Prove the logs of all sites, which must not run; return how many events each has."""
    count = require_same_logs(logs)
    for folder in logs:
        events = _verified(folder)
        ledger.require_payments([_reference(e) for e in events if e.type_name == "chaos.paid"])
    return count


def require_same_logs(logs: Sequence[Path]) -> int:
    """Fail unless each log is whole, in causal order, and has each event of the others once."""
    first: list[bytes] | None = None
    for folder in logs:
        events = _verified(folder)
        ids = {event.id for event in events}
        assert len(ids) == len(events), f"an event is twice in {folder}"
        require_causal_order(events)
        shared = sorted(envelope_of(event) + (event.chain_digest or b"") for event in events)
        first = first or shared
        assert shared == first, f"{folder} holds other events"
    assert first
    return len(first)


def require_causal_order(events: Sequence[Event]) -> None:
    """Fail unless all that an event knew of stands before it; for whole logs, O(events)."""
    known: dict[str, int] = {}
    for event in events:
        times = event.vector_timestamp
        for process_id, time in times.times.items():
            if process_id != event.process_id:
                assert time <= known.get(process_id, 0), f"{event.id} came before what it knew of"
        own = times.local_time(event.process_id)
        assert own > known.get(event.process_id, 0), f"{event.id} is out of order"
        known[event.process_id] = own


def _verified(folder: Path) -> list[Event]:
    found: list[AnyFinding] = []
    with closing(LmdbEventStore(folder, writable=False)) as store:
        verify(store, on_finding=found.append)
        assert found == [], f"{folder}: {found[:3]}"
        return list(store.read(after=0, limit=1 << 30, max_bytes=1 << 40))


def _reference(event: Event) -> str:
    return str(msgspec.msgpack.decode(event.payload)["reference"])
