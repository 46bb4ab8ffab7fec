"""The proof at the end of the chaos finds each kind of fault that it is there to find."""

from __future__ import annotations

from random import Random

import pytest
from chaos_ledger import Ledger
from chaos_proof import require_causal_order
from site_messages import Operation, Pay, Put, Result, Step, Take, Values

from museion.log.event import Event
from museion.log.vector_time import VectorTime

RIGHT = Values(
    sequence_nr=9,
    version=VectorTime(),
    counter=5,
    pure_counter=2,
    set=frozenset({"a:1", "shared 1"}),
    balance=7,
    trouble="",
)
TOLD: tuple[tuple[Operation, Result], ...] = (
    (Step("counter", 4), "acknowledged"),
    (Step("counter", 1), "unknown"),
    (Step("counter", -2), "unknown"),
    (Step("counter", 9), "refused"),
    (Step("pure-counter", 2), "acknowledged"),
    (Put("a:1"), "acknowledged"),
    (Put("a:2"), "acknowledged"),
    (Take("a:2"), "acknowledged"),
    (Put("a:3"), "refused"),
    (Put("a:4"), "unknown"),
    (Pay("a:5", 7), "acknowledged"),
    (Pay("a:6", 1), "refused"),
    (Pay("a:7", 2), "unknown"),
)


def ledger() -> Ledger:
    kept = Ledger(Random(1))  # noqa: S311 (repeatable)
    for operation, result in TOLD:
        kept.note("a", operation, result, "")
    return kept


def values(**other: object) -> Values:
    return Values(**{**{each: getattr(RIGHT, each) for each in RIGHT.__struct_fields__}, **other})


def test_what_fits_the_ledger_passes_whatever_became_of_the_unknown() -> None:
    ledger().require_values({"a": RIGHT, "b": values(counter=2, set={"a:1", "a:4"}, balance=9)})
    ledger().require_payments(["a:5"])
    ledger().require_payments(["a:7", "a:5"])


def _in_order(value: object) -> object:
    return sorted(value) if isinstance(value, set) else value


@pytest.mark.parametrize(
    "wrong",
    [
        {"counter": 6},
        {"counter": 1},
        {"pure_counter": 3},
        {"set": {"shared 1"}},
        {"set": {"a:1", "a:2"}},
        {"set": {"a:1", "a:3"}},
        {"set": {"a:1", "a:9"}},
        {"balance": 6},
        {"balance": 10},
    ],
    ids=lambda wrong: " ".join(f"{name} {_in_order(value)}" for name, value in wrong.items()),
)
def test_a_value_that_does_not_fit_the_ledger_is_found(wrong: dict[str, object]) -> None:
    with pytest.raises(AssertionError, match="at b"):
        ledger().require_values({"a": RIGHT, "b": values(**wrong)})


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        ([], "acknowledged and lost"),
        (["a:5", "a:5"], "twice"),
        (["a:5", "a:6"], "refused and yet written"),
    ],
)
def test_a_payment_that_is_lost_doubled_or_unwanted_is_found(found: list[str], reason: str) -> None:
    with pytest.raises(AssertionError, match=reason):
        ledger().require_payments(found)


@pytest.mark.parametrize(
    ("times", "reason"),
    [
        ([("a", {"a": 1}), ("b", {"a": 2, "b": 1}), ("a", {"a": 2})], "before what it knew of"),
        ([("a", {"a": 2}), ("a", {"a": 1})], "out of order"),
        ([("a", {"a": 1}), ("a", {"a": 1})], "out of order"),
    ],
    ids=["an effect before its cause", "a site's own order", "an event twice"],
)
def test_a_break_of_causal_order_is_found(
    times: list[tuple[str, dict[str, int]]], reason: str
) -> None:
    with pytest.raises(AssertionError, match=reason):
        require_causal_order([event(*each) for each in times])


def event(process_id: str, times: dict[str, int]) -> Event:
    return Event(
        type_name="test",
        form=1,
        payload=b"",
        emitter_id="x",
        aggregate_id=None,
        custom_destinations=(),
        system_time_ms=0,
        process_id=process_id,
        vector_timestamp=VectorTime(times),
        log_id="a",
        sequence_nr=1,
    )
