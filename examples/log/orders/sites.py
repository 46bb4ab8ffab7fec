"""The two sites of the shop, and the line between them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from museion.log import Aggregates, EventLog, LmdbEventStore
from museion.log.replication.link import linked
from museion.log.sourced.conflicts.concurrent_versions import Version
from orders.order import Contents, Order

SETTLE_LIMIT_S = 10.0


@dataclass(frozen=True, slots=True)
class Site:
    """One site: its log, its orders, and who works there."""

    name: str
    person: str
    log: EventLog
    orders: Aggregates[Order]

    def order(self, order_id: str) -> Order:
        """Return an order as this site knows it."""
        return self.orders.handle(order_id)

    async def versions(self, order_id: str) -> list[Version[Contents]]:
        """Return the versions of an order that are known here."""
        return list(await self.order(order_id).look())


@dataclass(slots=True)
class Shop:
    """Both sites, and whether they can reach each other."""

    lisbon: Site
    oslo: Site
    _line: AsyncExitStack = field(default_factory=AsyncExitStack)
    _joined: bool = False

    @property
    def joined(self) -> bool:
        """Whether the line works."""
        return self._joined

    @property
    def sites(self) -> dict[str, Site]:
        """The sites by name."""
        return {site.name: site for site in (self.lisbon, self.oslo)}

    async def cut(self) -> None:
        """Cut the line. Both sites go on working."""
        self._joined = False
        await self._line.aclose()

    async def heal(self) -> None:
        """Mend the line. What was missed meanwhile is exchanged at once."""
        if not self._joined:
            await self._line.enter_async_context(linked(self.lisbon.log, self.oslo.log))
            self._joined = True

    async def settle(self, order_id: str) -> None:
        """Wait until both sites know everything about an order, where they can reach each other."""
        if self._joined:
            for here, there in ((self.lisbon, self.oslo), (self.oslo, self.lisbon)):
                await here.order(order_id).at_least(there.log.version, limit_s=SETTLE_LIMIT_S)


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Shop]:
    """Open both sites, with their logs in a folder, and join them."""
    async with AsyncExitStack() as stack:
        lisbon = await stack.enter_async_context(_site(folder, "lisbon", "Ana"))
        oslo = await stack.enter_async_context(_site(folder, "oslo", "Olav"))
        shop = Shop(lisbon, oslo)
        await shop.heal()
        stack.push_async_callback(shop.cut)
        yield shop


@asynccontextmanager
async def _site(folder: Path, name: str, person: str) -> AsyncIterator[Site]:
    def create() -> Order:
        return Order(name)

    async with (
        EventLog(LmdbEventStore(folder / name)) as log,
        Aggregates(log, Order, create=create, location=name) as orders,
    ):
        yield Site(name, person, log, orders)


def printed(versions: list[Version[Contents]]) -> str:
    """Return the versions side by side: what is in them, and who made them, where and when."""
    rows = [
        [
            f"version {number}",
            f"by {version.value.by} in {version.creator}",
            f"at {datetime.fromtimestamp(version.system_time_ms / 1000, UTC):%H:%M:%S}",
            version.value.change,
            *(f"  {item}" for item in version.value.items),
        ]
        for number, version in enumerate(versions, start=1)
    ]
    width = max((len(cell) for row in rows for cell in row), default=0) + 4
    height = max(map(len, rows), default=0)
    lines = (
        "".join(f"{row[line] if line < len(row) else '':<{width}}" for row in rows)
        for line in range(height)
    )
    return "\n".join(f"    {line}".rstrip() for line in lines) or "    no such order"
