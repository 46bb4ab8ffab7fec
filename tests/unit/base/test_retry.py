"""Only what is unavailable is tried again, with growing waits."""

from __future__ import annotations

import asyncio
from itertools import islice

import pytest

from museion.base.errors import Conflict, Unavailable
from museion.base.retry import Retries, RetryPolicy
from museion.testing.event_loop import in_event_loop, until

AT_ONCE = RetryPolicy(first_delay_s=0.0, longest_delay_s=0.0)


class Over(Unavailable):
    lasting = True


class Flaky:
    """Fails with the given errors, one after another, then works."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.tries = 0

    async def attempt(self) -> str:
        self.tries += 1
        if self.errors:
            raise self.errors.pop(0)
        return "done"


def test_waits_double_up_to_the_longest() -> None:
    policy = RetryPolicy(first_delay_s=0.5, longest_delay_s=3.0)
    assert list(islice(policy.delays_s(), 6)) == [0.5, 1.0, 2.0, 3.0, 3.0, 3.0]


@in_event_loop
async def test_what_is_unavailable_is_tried_until_it_works() -> None:
    flaky = Flaky(Unavailable("full"), Unavailable("still full"))
    retries = Retries(AT_ONCE)
    assert await retries.until_done(flaky.attempt) == "done"
    assert flaky.tries == 3
    assert retries.trouble is None


@pytest.mark.parametrize("error", [Conflict("no"), Over("closed"), ValueError("defect")])
@in_event_loop
async def test_other_errors_and_lasting_ones_are_raised(error: Exception) -> None:
    flaky = Flaky(error)
    with pytest.raises(type(error)):
        await Retries(AT_ONCE).until_done(flaky.attempt)
    assert flaky.tries == 1


@in_event_loop
async def test_trouble_names_what_is_waited_for_until_it_is_over() -> None:
    retries = Retries(RetryPolicy(first_delay_s=3600.0))
    waiting = [
        asyncio.create_task(retries.until_done(Flaky(Unavailable(reason)).attempt))
        for reason in ("disk", "network")
    ]
    await until(lambda: retries.trouble == "network")
    assert await retries.until_done(Flaky().attempt) == "done"
    assert retries.trouble == "network", "the success of one is not that of the others"
    waiting[1].cancel()
    await asyncio.wait([waiting[1]])
    assert retries.trouble == "disk"
    waiting[0].cancel()
    await asyncio.wait(waiting)
    assert retries.trouble is None
