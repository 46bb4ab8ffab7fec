"""A query database: customers in SQLite, kept up to date with a log, exactly once.

It shows a writer. Customers decide and remember in the log; reports want SQL. The writer follows
the log and keeps two tables in one transaction: the customers, and how far it has come. So however
the program ends, also by `kill -9`, the tables agree with each other, and the next run goes on from
there: no event is left out, and none has its effect twice. Nothing but `pip install museion`
is needed.

    python examples/log/query_database.py register ada Ada Lovelace "12 St James's Square"
    python examples/log/query_database.py move ada "Ockham Park"
    python examples/log/query_database.py query "SELECT last_name, address, changes FROM customer"
    python examples/log/query_database.py work 10000     # kill it, and run it again

The log is in `customers.log` and the database in `customers.sqlite` unless `--log` and `--database`
say otherwise. Delete the database and run `query`: it is made anew from the log.
"""

from __future__ import annotations

import argparse
import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import msgspec

from museion.base.errors import Conflict, MuseionError, NotFound
from museion.log import (
    Aggregate,
    Aggregates,
    Event,
    EventLog,
    EventTypes,
    LmdbEventStore,
    command,
    event_type,
    handles,
)
from museion.log.sourced.writer import WriterRunner

TABLES = """
CREATE TABLE IF NOT EXISTS customer (
    id TEXT PRIMARY KEY,
    first_name TEXT NOT NULL,
    last_name TEXT NOT NULL,
    address TEXT NOT NULL,
    changes INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS progress (name TEXT PRIMARY KEY, sequence_nr INTEGER NOT NULL);
"""
REGISTER = "INSERT INTO customer VALUES (?, ?, ?, ?, 1)"
MOVE = "UPDATE customer SET address = ?, changes = changes + 1 WHERE id = ?"
ADVANCE = "REPLACE INTO progress VALUES ('customers', ?)"
REACHED = "SELECT sequence_nr FROM progress WHERE name = 'customers'"

AT_ONCE = 64


@event_type("customer.registered")
class CustomerRegistered(msgspec.Struct, frozen=True):
    """Somebody became a customer."""

    customer: str
    first_name: str
    last_name: str
    address: str


@event_type("customer.moved")
class CustomerMoved(msgspec.Struct, frozen=True):
    """A customer has another address."""

    customer: str
    address: str


TYPES = EventTypes(CustomerRegistered, CustomerMoved)


class Registered(Conflict):
    """A customer of this id exists."""

    def __init__(self, customer: str) -> None:
        super().__init__(f"{customer!r} is registered already.")


class NotRegistered(NotFound):
    """There is no customer of this id."""

    def __init__(self, customer: str) -> None:
        super().__init__(f"{customer!r} is no customer.", remedy="Register first.")


class Customer(Aggregate, name="customer"):
    """One customer: decides, and knows no SQL."""

    registered = False

    @command
    async def register(self, first_name: str, last_name: str, address: str) -> None:
        """Become a customer."""
        if self.registered:
            raise Registered(self.id)
        await self.persist(CustomerRegistered(self.id, first_name, last_name, address))

    @command
    async def move(self, address: str) -> None:
        """Have another address."""
        if not self.registered:
            raise NotRegistered(self.id)
        await self.persist(CustomerMoved(self.id, address))

    @handles
    def _became_customer(self, _event: CustomerRegistered) -> None:
        self.registered = True


class CustomerTable:
    """The writer: events in, statements out, and the progress beside them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._statements: list[tuple[str, tuple[str, ...]]] = []
        self._sequence_nr = 0
        self.database: sqlite3.Connection

    async def read(self) -> int | None:
        """Connect, and return the number of the first event that is not in the tables."""
        self.database = sqlite3.connect(self._path)
        self.database.executescript(TABLES)
        row = self.database.execute(REACHED).fetchone()
        return None if row is None else int(row[0]) + 1

    def handle(self, event: Event) -> None:
        """Take note of what an event changes."""
        self._sequence_nr = event.sequence_nr
        for payload in TYPES.decode(event):
            match payload:
                case CustomerRegistered(customer, first_name, last_name, address):
                    self._statements.append((REGISTER, (customer, first_name, last_name, address)))
                case CustomerMoved(customer, address):
                    self._statements.append((MOVE, (address, customer)))

    async def write(self) -> None:
        """Write the changes and the progress: both, or neither."""
        with self.database:  # one transaction
            for statement, values in self._statements:
                self.database.execute(statement, values)
            self.database.execute(ADVANCE, (self._sequence_nr,))
        self._statements.clear()

    async def close(self) -> None:
        """Close the connection."""
        self.database.close()


class Service:
    """Customers, and the tables that follow them."""

    def __init__(
        self, log: EventLog, customers: Aggregates[Customer], table: WriterRunner[CustomerTable]
    ) -> None:
        self._log = log
        self._customers = customers
        self._table = table

    def customer(self, customer_id: str) -> Customer:
        """Return a customer."""
        return self._customers.handle(customer_id)

    async def query(self, sql: str) -> list[tuple[object, ...]]:
        """Return what a query finds once the tables hold everything that is in the log now."""
        await self._table.at_least(self._log.version, limit_s=60)
        return await self._table.ask(lambda table: table.database.execute(sql).fetchall())

    async def work(self, changes: int) -> None:
        """Let many customers register and move, side by side."""
        already = self._log.sequence_nr

        async def live(number: int) -> None:
            customer = self.customer(f"customer-{already}-{number}")
            await customer.register("Jo", f"Doe {number}", "first address")
            for each in range(changes // AT_ONCE):
                await customer.move(f"address {each}")

        await asyncio.gather(*(live(number) for number in range(AT_ONCE)))


@asynccontextmanager
async def running_service(folder: Path, database: Path) -> AsyncIterator[Service]:
    """Open the log, and let the writer follow it."""
    async with EventLog(LmdbEventStore(folder)) as log, Aggregates(log, Customer) as customers:
        table = WriterRunner(log, lambda: CustomerTable(database), name="customers")
        following = asyncio.create_task(table.run())
        try:
            yield Service(log, customers, table)
        finally:
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following  # raises what the writer failed with, if it did


async def run(arguments: argparse.Namespace) -> None:
    """Do what the command line says."""
    async with running_service(arguments.log, arguments.database) as service:
        match arguments.what:
            case "register":
                customer = service.customer(arguments.id)
                await customer.register(
                    arguments.first_name, arguments.last_name, arguments.address
                )
            case "move":
                await service.customer(arguments.id).move(arguments.address)
            case "work":
                print("working", flush=True)
                await service.work(arguments.changes)
        sql = getattr(arguments, "sql", "SELECT count(*), sum(changes) FROM customer")
        for row in await service.query(sql):
            print(*row, sep=" | ")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Customers in a log, and in SQLite.")
    parser.add_argument("--log", type=Path, default=Path("customers.log"))
    parser.add_argument("--database", type=Path, default=Path("customers.sqlite"))
    what = parser.add_subparsers(dest="what", required=True)
    register = what.add_parser("register", help="add a customer")
    for name in ("id", "first_name", "last_name", "address"):
        register.add_argument(name)
    move = what.add_parser("move", help="give a customer another address")
    for name in ("id", "address"):
        move.add_argument(name)
    what.add_parser("query", help="ask the database").add_argument("sql")
    what.add_parser("work", help="make many changes").add_argument("changes", type=int)
    try:
        asyncio.run(run(parser.parse_args()))
    except (MuseionError, sqlite3.Error) as refusal:
        raise SystemExit(str(refusal)) from refusal


if __name__ == "__main__":
    main()
