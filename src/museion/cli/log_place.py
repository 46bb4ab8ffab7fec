"""Which log a tool looks into, and opening it for reading only."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from museion.base.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    from museion.log.event_store import EventStore

F = TypeVar("F", bound=Callable[..., Any])

_FILE = "data.mdb"
_FOLDER = click.Path(path_type=Path, file_okay=False)


class NoLog(NotFound):
    """The folder holds no log."""

    def __init__(self, folder: Path, *, is_site: bool) -> None:
        super().__init__(
            f"{folder} holds no event log.",
            remedy="Nothing was ever ingested into this site."
            if is_site
            else f"Name the folder that holds {_FILE}.",
        )


class NoLogNamed(InvalidInput):
    """No log is named, and the working folder is not a site."""

    def __init__(self) -> None:
        super().__init__(
            "Expected a log to look into; the working folder is not a site.",
            remedy="Name one with `--log DIR`, `--site DIR` or `--postgres CONNINFO`.",
        )


class NoSuchEvent(NotFound):
    """The log has no event of that number or id."""

    def __init__(self, what: str, reason: str) -> None:
        super().__init__(f"There is no event {what} in this log: {reason}.")


class AmbiguousPlace(InvalidInput):
    """More than one log is named."""

    def __init__(self) -> None:
        super().__init__("Expected one of --site, --log and --postgres, got several.")


@dataclass(frozen=True, slots=True)
class LogPlace:
    """One log: in the folder of a site, in a folder of its own, or in PostgreSQL."""

    site: Path | None
    log: Path | None
    postgres: str | None
    log_name: str

    def folder(self) -> Path | None:
        """Return the LMDB folder, checked; None for a log in PostgreSQL.

        Raises:
            AmbiguousPlace, NoLogNamed, NoSite, NoLog: no single log is named, or it is not there.
        """
        if sum(each is not None for each in (self.site, self.log, self.postgres)) > 1:
            raise AmbiguousPlace
        if self.postgres is not None:
            return None
        folder = self.log if self.log is not None else _log_of(self.site)
        if not (folder / _FILE).is_file():
            raise NoLog(folder if self.log else folder.parent, is_site=self.log is None)
        return folder


def place_options(function: F) -> F:
    """Add the options that name a log; the function gets a `LogPlace` as `place`."""

    @wraps(function)
    def with_place(
        *args: Any,
        site: Path | None,
        log: Path | None,
        postgres: str | None,
        log_name: str,
        **options: Any,
    ) -> Any:
        place = LogPlace(site, log, postgres, log_name)
        return function(*args, place=place, **options)

    for option in reversed(_options()):
        with_place = option(with_place)
    return with_place  # type: ignore[return-value]  # it takes other options than F


@contextmanager
def opened(place: LogPlace) -> Iterator[EventStore]:
    """Open a log for reading only, also beside the program that writes it, and close it.

    Raises:
        MuseionError: it is not there, or cannot be opened.
    """
    folder = place.folder()
    store = _in_folder(folder) if folder is not None else _in_postgres(place)
    try:
        yield store
    finally:
        store.close()


def _options() -> list[Callable[[Any], Any]]:
    return [
        click.option(
            "--site",
            type=_FOLDER,
            metavar="DIR",
            help="Folder of the site; the working folder if left out.",
        ),
        click.option(
            "--log", type=_FOLDER, metavar="DIR", help="LMDB folder of a log that is not a site's."
        ),
        click.option("--postgres", metavar="CONNINFO", help="Connection to PostgreSQL."),
        click.option(
            "--log-name",
            default="main",
            show_default=True,
            metavar="NAME",
            help="Name of the log in PostgreSQL.",
        ),
    ]


def _log_of(site: Path | None) -> Path:
    from museion.node.settings import NoSite, read_settings

    folder = site or Path()
    try:
        read_settings(folder)  # is it a site?
    except NoSite as reason:
        if site is None:
            raise NoLogNamed from reason
        raise
    return folder / "log"


def _in_folder(folder: Path) -> EventStore:
    import lmdb

    from museion.log.lmdb_environment import LogNotOpened
    from museion.log.lmdb_store import LmdbEventStore

    try:
        return LmdbEventStore(folder, writable=False)
    except LogNotOpened as error:
        if isinstance(error.__cause__, lmdb.NotFoundError):  # an LMDB file without our tables
            raise NoLog(folder, is_site=False) from error
        raise


def _in_postgres(place: LogPlace) -> EventStore:
    from museion.log.postgres.reading import ReadingPostgresStore
    from museion.log.postgres.settings import PostgresSettings

    assert place.postgres is not None, "it is named"
    return ReadingPostgresStore(PostgresSettings(conninfo=place.postgres, log_name=place.log_name))
