"""A whole application on `eventsourcing`: aggregates, its own transcoder, SQLite as it sets it.

What its user guide would have one write; the payload is the same, as arguments of the event.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from log_bench.events import EVENTS_PER_AGGREGATE, LineChanged, drawn
from log_bench.measured import Measured, Round, Stopwatch, answer, batches

_PAGE = 1000
_OLD = 5
"""Events behind the snapshot of an aggregate that is recovered from one."""


class Order(Aggregate):
    """An order that remembers its lines."""

    def __init__(self) -> None:
        self.lines: dict[int, str] = {}
        self.total_minor = 0

    @event("LineChanged")
    def change_line(
        self,
        line: int,
        article: str,
        title: str,
        quantity: int,
        price_minor: int,
        currency: str,
        changed_by: str,
        note: str,
    ) -> None:
        """Change one line."""
        self.lines[line] = article
        self.total_minor += quantity * price_minor


class Orders(Application[UUID]):
    """Keeps orders, with snapshots where they are asked for."""

    is_snapshotting_enabled = True


def main() -> None:
    """Carry out the round that the command line asks for."""
    answer(
        {
            "append": append,
            "build": build,
            "replay": replay,
            "aggregates": read_aggregates,
            "recover": recover,
            "command": command,
        }
    )


def append(asked: Round) -> Measured:
    """Events a second: aggregates of which each has a new event, saved together."""
    with opened(asked) as application:
        orders = [Order() for _ in range(min(asked.events, max(asked.batch, 100)))]
        application.save(*orders)
        watch = Stopwatch()
        source = zip(drawn(asked.events), _turns(orders, asked.events), strict=True)
        for batch in batches(source, asked.batch):
            # Changing an aggregate is what makes its event: it belongs to the cost.
            with watch:
                for each, order in batch:
                    _change(order, each.payload)
                application.save(*{order.id: order for _, order in batch}.values())
    return Measured(asked.events / watch.seconds)


def build(asked: Round) -> Measured:
    """Events a second while a store is made for the reading cases: orders of 20 events."""
    watch = Stopwatch()
    with opened(asked) as application:
        for share in batches(drawn(asked.events), EVENTS_PER_AGGREGATE * 25):
            with watch:
                application.save(*_orders([each.payload for each in share]))
        application.factory.close()
    return Measured(asked.events / watch.seconds)


def replay(asked: Round) -> Measured:
    """Events a second of a replay of all to domain events."""
    seen, position = 0, 0
    with opened(asked) as application:
        started = time.perf_counter()
        while page := application.recorder.select_notifications(
            start=position, limit=_PAGE, inclusive_of_start=False
        ):
            seen += len(page)
            position = page[-1].id
            for notification in page:
                application.mapper.to_domain_event(notification)
        seconds = time.perf_counter() - started
    assert seen == asked.events, f"read {seen} events of {asked.events}"
    return Measured(seen / seconds)


def read_aggregates(asked: Round) -> Measured:
    """Aggregates a second, the domain events of each read whole, one after another."""
    with opened(asked) as application:
        wanted = _some_orders(application, asked)
        seen = 0
        started = time.perf_counter()
        for each in wanted:
            seen += len(list(application.events.get(each)))
        seconds = time.perf_counter() - started
    return Measured(len(wanted) / seconds, {"events_each": seen / len(wanted)})


def recover(asked: Round) -> Measured:
    """Milliseconds to recover one aggregate; with the variant `snapshot`, from one near its end."""
    with opened(asked) as application:
        order = Order()
        last = asked.events - 1 - _OLD
        for number, each in enumerate(drawn(asked.events - 1), 1):
            _change(order, each.payload)
            if number == last and asked.variant == "snapshot":
                application.save(order)
                application.take_snapshot(order.id)
        application.save(order)
        times = []
        for _ in range(asked.asked):
            started = time.perf_counter()
            found = application.repository.get(order.id)
            times.append(time.perf_counter() - started)
        assert found.version == asked.events
    return Measured(1000 * sorted(times)[len(times) // 2])


def command(asked: Round) -> Measured:
    """Commands a second on `emitters` aggregates in turn, each saved before the next."""
    with opened(asked) as application:
        orders = [Order() for _ in range(asked.emitters)]
        application.save(*orders)
        work = list(zip(drawn(asked.events), _turns(orders, asked.events), strict=True))
        started = time.perf_counter()
        for each, order in work:
            _change(order, each.payload)
            application.save(order)
        seconds = time.perf_counter() - started
    return Measured(asked.events / seconds)


@contextmanager
def opened(asked: Round) -> Iterator[Orders]:
    """Open the application on SQLite, which flushes every commit (`synchronous` is read back)."""
    asked.folder.mkdir(parents=True, exist_ok=True)
    application = Orders(
        env={
            "PERSISTENCE_MODULE": "eventsourcing.sqlite",
            "SQLITE_DBNAME": str(asked.folder / "application.sqlite"),
        }
    )
    with application.recorder.datastore.transaction(commit=False) as cursor:
        cursor.execute("PRAGMA synchronous")
        assert cursor.fetchone()[0] == 2, "expected FULL"
    try:
        yield application
    finally:
        application.close()


def _change(order: Order, change: LineChanged) -> None:
    order.change_line(
        line=change.line,
        article=change.article,
        title=change.title,
        quantity=change.quantity,
        price_minor=change.price_minor,
        currency=change.currency,
        changed_by=change.changed_by,
        note=change.note,
    )


def _orders(payloads: list[LineChanged]) -> Iterator[Order]:
    """Make orders of 20 events, the first of which says that there is one."""
    for share in batches(payloads, EVENTS_PER_AGGREGATE):
        order = Order()
        for payload in share[1:]:
            _change(order, payload)
        yield order


def _turns(orders: list[Order], count: int) -> Iterator[Order]:
    return (orders[place % len(orders)] for place in range(count))


def _some_orders(application: Orders, asked: Round) -> list[UUID]:
    firsts = range(1, asked.events, EVENTS_PER_AGGREGATE)
    chosen = random.Random(11).sample(firsts, min(asked.asked, len(firsts)))  # noqa: S311
    page = [application.recorder.select_notifications(start=each, limit=1)[0] for each in chosen]
    return [each.originator_id for each in page]


if __name__ == "__main__":
    main()
