"""When deliveries are due: the laws of rounds and of the redelivery interval."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from museion.log.sourced.delivery.redelivery import DeliveryPolicy, OutboxPolicy, Rounds


@given(
    due=st.dictionaries(st.text(max_size=3), st.floats(0.0, 100.0), max_size=30),
    burst=st.integers(1, 5),
    pause_s=st.floats(0.0, 10.0),
)
def test_everything_due_comes_once_in_rounds_of_at_most_the_burst_limit(
    due: dict[str, float], burst: int, pause_s: float
) -> None:
    rounds = Rounds(burst, pause_s=pause_s)
    for name, at_s in due.items():
        rounds.add(name, at_s)
    given_out: list[str] = []
    begun_s: list[float] = []
    while (now_s := rounds.next_s) is not None:
        came = rounds.take_due(now_s)
        assert 1 <= len(came) <= burst
        assert all(due[name] <= now_s for name in came)
        begun_s.append(now_s)
        given_out += came
    assert sorted(given_out) == sorted(due)
    assert all(later >= earlier + pause_s for earlier, later in pairwise(begun_s))


@given(st.just(0.0) | st.floats(0.001, 10.0), st.floats(0.0, 1000.0), st.integers(1, 10_000))
def test_the_redelivery_interval_doubles_up_to_its_limit(
    first_s: float, more_s: float, attempts: int
) -> None:
    policy = DeliveryPolicy(first_delay_s=first_s, longest_delay_s=first_s + more_s)
    now_s, next_s = policy.delay_s(attempts), policy.delay_s(attempts + 1)
    assert policy.delay_s(1) == first_s
    assert now_s <= next_s <= policy.longest_delay_s
    assert next_s in {now_s * 2, policy.longest_delay_s}


def test_what_was_removed_is_not_due() -> None:
    rounds = Rounds(10, pause_s=0.0)
    rounds.add("a", 1.0)
    rounds.add("b", 2.0)
    rounds.remove("a")
    assert (rounds.take_due(1.0), rounds.next_s) == ([], 2.0)


def test_a_channel_waits_before_each_redelivery_and_longer_before_each_restart() -> None:
    policy = OutboxPolicy(
        redelivery_delay_s=1.0, max_redeliveries=2, restart_delay_s=9.0, max_restarts=2
    )
    assert list(policy.delays_s()) == [0.0, 1.0, 1.0, 9.0, 1.0, 1.0, 9.0, 1.0, 1.0]


def test_what_is_planned_anew_is_due_once_at_its_new_time() -> None:
    rounds = Rounds(10, pause_s=0.0)
    rounds.add("a", 1.0)
    rounds.add("a", 3.0)
    assert (rounds.take_due(2.0), rounds.next_s) == ([], 3.0)
    assert (rounds.take_due(3.0), rounds.next_s) == (["a"], None)
