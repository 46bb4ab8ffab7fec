"""Deterministic simulation: the real logs and endpoints on a simulated clock, network and disk.

One seed decides everything that is by chance, so a run that fails does so again. For tests of this
project and of applications on the log; see `docs/how-to/simulate-sites.md`.

    async def scenario(world: SimulatedWorld) -> None:
        office = await world.site("office")
        await world.site("studio")
        await world.connect("office", "studio")
        ...
        await world.settled()

    for seed in range(100):
        assert simulate(scenario, seed).failure is None
"""

from museion.testing.simulation.disk import DiskCopy, SimulatedDisk
from museion.testing.simulation.drawn import Course, draw, drawn, play
from museion.testing.simulation.ledger import Ledger
from museion.testing.simulation.log_ledger import Violated
from museion.testing.simulation.network import LineRates, SimulatedNetwork
from museion.testing.simulation.running import Outcome, Scenario, simulate
from museion.testing.simulation.site import SimulatedSite
from museion.testing.simulation.site_plan import SitePlan
from museion.testing.simulation.virtual_loop import Stalled, VirtualLoop, run_virtually
from museion.testing.simulation.world import SimulatedWorld
from museion.testing.simulation.writer_turns import SimulatedTurns

__all__ = [
    "Course",
    "DiskCopy",
    "Ledger",
    "LineRates",
    "Outcome",
    "Scenario",
    "SimulatedDisk",
    "SimulatedNetwork",
    "SimulatedSite",
    "SimulatedTurns",
    "SimulatedWorld",
    "SitePlan",
    "Stalled",
    "Violated",
    "VirtualLoop",
    "draw",
    "drawn",
    "play",
    "run_virtually",
    "simulate",
]
