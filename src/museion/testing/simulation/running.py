"""Running a scenario under a seed, and telling how it ended."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from museion.testing.simulation.virtual_loop import VirtualLoop, run_virtually
from museion.testing.simulation.world import SimulatedWorld


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one run ended.

    Attributes:
        failure: what was wrong, None where nothing was.
        digest: of the trace; the same for the same seed.
        events: how many different events there were.
        seconds: how long it lasted, in virtual time.
    """

    seed: int
    failure: BaseException | None
    digest: str
    tail: str
    lines: int
    events: int
    seconds: float


Scenario = Callable[[SimulatedWorld], Awaitable[None]]
"""What happens in a world; it raises where something is wrong."""


def simulate(scenario: Scenario, seed: int, *, limit_s: float = 86_400.0) -> Outcome:
    """Run a scenario in a world of its own and tell how it ended; never raises for what it found.

    Args:
        limit_s: virtual seconds after which it fails.
    """
    world: list[SimulatedWorld] = []
    failure: BaseException | None = None

    async def main() -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        world.append(SimulatedWorld(seed, loop))
        try:
            await scenario(world[0])
        except (Exception, asyncio.CancelledError):
            world[0].require_well()  # what was wrong first, not what came of it
            raise
        finally:
            for site in world[0].sites.values():
                await site.crash()
        gc.collect(0)  # errors that nobody has asked for are heard of now
        world[0].require_well()

    collects = gc.isenabled()
    gc.disable()  # what a collection reports should not come at a time of its own choice
    try:
        run_virtually(main(), limit_s=limit_s)
    except (Exception, asyncio.CancelledError) as error:
        failure = error
    finally:
        if collects:
            gc.enable()
    ended = world[0]
    return Outcome(
        seed,
        failure,
        ended.trace.digest,
        ended.trace.tail(),
        ended.trace.lines,
        len(ended.ledger.originals),
        ended.now_s,
    )
