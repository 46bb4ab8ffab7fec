"""What was recovered is found by aggregate as well, also after the site was opened anew."""

from __future__ import annotations

from pathlib import Path

from joined_endpoints import everything
from lost_sites import sites

from museion.log.lmdb_store import LmdbEventStore
from museion.testing.event_loop import in_event_loop


@in_event_loop
async def test_the_index_by_aggregate_fits_the_log_after_recovery_and_restart(
    tmp_path: Path,
) -> None:
    opened = 0

    def new_store(log_id: str) -> LmdbEventStore:
        nonlocal opened
        opened += 1
        return LmdbEventStore(tmp_path / f"{log_id}-{opened}", log_id=log_id)

    async with sites("a", "b", new_store=new_store) as world:
        await world.join("a", "b")
        for number in range(20):
            await world.write("a", b"%d" % number, aggregate_id=f"asset/{number % 3}")
        await world.settle(20)
        await world.lose("a", lost_events=True)
        await world["a"].recover()
        await world.write("a", b"after", aggregate_id="asset/1")
        await world.close("a")
        world.stores["a"] = LmdbEventStore(tmp_path / "a-3")
        await world.open("a")
        events = await everything(world.log("a"))
        assert len(events) == 21
        for aggregate_id in ("asset/0", "asset/1", "asset/2"):
            expected = [each for each in events if each.aggregate_id == aggregate_id]
            assert list(await world.log("a").read(aggregate_id=aggregate_id)) == expected
