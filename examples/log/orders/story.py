"""The story that `python examples/log/orders` tells."""

from __future__ import annotations

from collections.abc import Awaitable

from museion.base.errors import MuseionError
from museion.log import VectorTime
from orders.sites import Shop, Site, printed

ORDER = "order-1"


async def tell(shop: Shop) -> None:
    """Tell it, on new logs."""
    lisbon, oslo = shop.lisbon, shop.oslo
    print(f"{lisbon.person} in {lisbon.name} creates {ORDER}, and the line works.")
    await lisbon.order(ORDER).create(lisbon.person)
    await lisbon.order(ORDER).add("tripod", lisbon.person)
    await _show(shop)

    print("\nThe line is cut. Both sites go on.")
    await shop.cut()
    await lisbon.order(ORDER).add("lens", lisbon.person)
    await oslo.order(ORDER).remove("tripod", oslo.person)
    await oslo.order(ORDER).add("flash", oslo.person)
    await _show(shop)

    print("\nThe line is mended. Both sites see both versions.")
    await shop.heal()
    await _show(shop)
    await _refusals(shop)

    print(f"\n{lisbon.person} selects what Oslo made.")
    await lisbon.order(ORDER).resolve(await _version_of(lisbon, oslo), lisbon.person)
    await _show(shop)

    print("\nCut again; both add something; mended again.")
    await shop.cut()
    await lisbon.order(ORDER).add("bag", lisbon.person)
    await oslo.order(ORDER).add("battery", oslo.person)
    await shop.heal()
    await _show(shop)

    print(f"\nThis time {lisbon.person} merges the two.")
    names = tuple(each.vector_timestamp for each in await lisbon.versions(ORDER))
    await lisbon.order(ORDER).merge(names, lisbon.person)
    await _show(shop)


async def _show(shop: Shop) -> None:
    await shop.settle(ORDER)
    for site in shop.sites.values():
        print(f"  {site.name} has")
        print(printed(await site.versions(ORDER)))
    agree = await shop.lisbon.versions(ORDER) == await shop.oslo.versions(ORDER)
    print(f"  both know the same: {'yes' if agree else 'no'}")


async def _refusals(shop: Shop) -> None:
    lisbon, oslo = shop.lisbon, shop.oslo
    await _refused("a change in Lisbon", lisbon.order(ORDER).add("strap", lisbon.person))
    await _refused("a change in Oslo", oslo.order(ORDER).add("strap", oslo.person))
    chosen = await _version_of(oslo, oslo)
    await _refused("Oslo resolving it", oslo.order(ORDER).resolve(chosen, oslo.person))


async def _version_of(site: Site, creator: Site) -> VectorTime:
    """Return the name of the version that was made at one site, as the other knows it."""
    versions = await site.versions(ORDER)
    return next(each.vector_timestamp for each in versions if each.creator == creator.name)


async def _refused(what: str, request: Awaitable[None]) -> None:
    try:
        await request
    except MuseionError as refusal:
        print(f"  refused, {what}: {refusal}")
    else:
        raise SystemExit(f"Expected a refusal of {what}.")
