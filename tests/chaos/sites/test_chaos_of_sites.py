"""Sites in processes of their own, killed and parted and starved, over real lines and disks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from chaos_proof import require_sound
from chaos_world import TRIANGLE, TRIANGLE_AND_LEAF, Chances, ChaosWorld, Layout

from museion.testing.killing import chaos_rounds, chaos_seed

_SETTLE_LIMIT_S = 60.0


async def survive(
    folder: Path, layout: Layout, *, rounds: int, length_s: float, seed: int, chances: Chances
) -> str:
    """Disturb, heal, settle, prove; say what was done."""
    async with ChaosWorld.open(folder, layout, seed=seed) as world:
        await world.disturb(rounds, length_s=length_s, chances=chances)
        values = await world.settled(limit_s=_SETTLE_LIMIT_S)
        world.ledger.require_values(values)
        await world.stop()
    count = require_sound([folder / each / "log" for each in layout.site_ids], world.ledger)
    return f"{world.deeds}; {world.ledger}; {count} events at each of {len(values)} sites"


@pytest.mark.chaos
def test_sites_converge_and_lose_nothing_that_was_acknowledged(
    tell: Callable[[str], None], tmp_path: Path
) -> None:
    told = asyncio.run(
        survive(
            tmp_path,
            TRIANGLE_AND_LEAF,
            rounds=chaos_rounds(30),
            length_s=2.5,
            seed=chaos_seed(),
            chances=Chances(),
        )
    )
    tell(told)


def test_sites_converge_after_two_rounds_of_chaos(tmp_path: Path) -> None:
    asyncio.run(
        survive(tmp_path, TRIANGLE, rounds=2, length_s=1.0, seed=5, chances=Chances(kill=0.5))
    )


@pytest.mark.chaos
@pytest.mark.parametrize("backed_up", [False, True], ids=["whole log", "since a backup"])
def test_sites_that_lost_their_log_recover_amid_chaos(
    backed_up: bool, tell: Callable[[str], None], tmp_path: Path
) -> None:
    told = asyncio.run(lose_and_recover(tmp_path, chaos_seed(), backed_up=backed_up))
    tell(told)


async def lose_and_recover(folder: Path, seed: int, *, backed_up: bool) -> str:
    """Lose the log of one site after the other amid all trouble; say what was done."""
    chances = Chances()
    async with ChaosWorld.open(folder, TRIANGLE, seed=seed) as world:
        for site_id in TRIANGLE.site_ids:
            if backed_up:
                await world.back_up(site_id)
            await world.disturb(2, length_s=1.5, chances=chances)
            await world.settled(limit_s=_SETTLE_LIMIT_S)
            await world.lose(site_id, 2, length_s=1.5, chances=chances)
            values = await world.settled(limit_s=_SETTLE_LIMIT_S)
            world.ledger.require_values(values)
        await world.stop()
    count = require_sound([folder / each / "log" for each in TRIANGLE.site_ids], world.ledger)
    return f"{world.deeds}; {world.ledger}; {count} events at each of {len(values)} sites"
