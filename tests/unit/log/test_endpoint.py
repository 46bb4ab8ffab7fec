"""Endpoints: who may connect to whom, and what connections do while everything runs."""

from __future__ import annotations

from joined_endpoints import everything, shared, world

from museion.testing.event_loop import in_event_loop


@in_event_loop
async def test_two_endpoints_that_read_from_each_other_converge() -> None:
    async with world("a", "b") as sites:
        await sites.write("a", *[b"%d" % n for n in range(3000)])
        await sites.write("b", b"x", b"y")
        await sites.join("a", "b")
        await sites.settle(3002)
        await sites.write("a", b"later")
        await sites.settle(3003)
        at_a = sorted(map(shared, await everything(sites.log("a"))))
        assert at_a == sorted(map(shared, await everything(sites.log("b"))))
        assert len(set(at_a)) == 3003
