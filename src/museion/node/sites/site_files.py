"""What a site keeps about its connections, in the folder `sites` of its own folder.

keys/          the key pairs of the site, for their owner only
directory      the other sites: names, addresses, public keys
invitations    codes that were made and not used yet, as digests
connections    which sites this one is connected with, and which part travels
topology       who is connected with whom in the whole network
keeping-own    there until the events of a forked log are in the new one: the folder with that log
admin-token    who can read it may change connections over HTTP
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

from museion.base.errors import Damaged
from museion.log.durable_file import flush_folder, make_folder_durably, write_durably
from museion.log.replication.directory import FileSiteDirectory
from museion.log.replication.site_keys import NoSiteKey, SiteKeys

_KEEPING = "keeping-own"


class SavedConnection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A connection as a person asked for it.

    Attributes:
        only: filter words of the part that is taken; None for everything.
        connected: false once a person ended it, so that it is not made again by itself.
    """

    site_id: str
    only: str | None = None
    connected: bool = True


class DamagedConnections(Damaged):
    """The file of connections is not what was written."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(
            f"{path} cannot be read: {reason}.",
            remedy="Remove it, then connect again: `museion sites connect SITE`.",
        )


class SiteFiles:
    """The folder `sites` of a site; made when it is not there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "sites"
        make_folder_durably(self.folder)
        make_folder_durably(self.folder / "incoming")
        if not self._token.exists():
            self._write(self._token, secrets.token_urlsafe(32).encode())

    @property
    def admin_token(self) -> str:
        """The token for changes over HTTP."""
        return self._token.read_text("ascii")

    def connections(self) -> Mapping[str, SavedConnection]:
        """Return the connections that a person asked for, by the id of the other site.

        Raises:
            DamagedConnections: the file is not what was written.
        """
        try:
            content = self._connections.read_bytes()
            saved = msgspec.json.decode(content, type=list[SavedConnection])
        except FileNotFoundError:
            return {}
        except msgspec.MsgspecError as reason:
            raise DamagedConnections(self._connections, str(reason)) from reason
        return {each.site_id: each for each in saved}

    def save(self, connection: SavedConnection) -> None:
        """Keep a connection in place of the one with the same site."""
        kept = {**self.connections(), connection.site_id: connection}
        content = msgspec.json.format(msgspec.json.encode(list(kept.values())))
        self._write(self._connections, content)

    def begin_keeping(self, forked_log_name: str) -> None:
        """Note that the log is a forked one, to be put aside under a name in the site's folder."""
        self._write(self.folder / _KEEPING, forked_log_name.encode())

    def end_keeping(self) -> None:
        """Note that all events of the forked log are in the new one."""
        (self.folder / _KEEPING).unlink(missing_ok=True)
        flush_folder(self.folder)

    @property
    def _token(self) -> Path:
        return self.folder / "admin-token"

    @property
    def _connections(self) -> Path:
        return self.folder / "connections"

    def _write(self, path: Path, content: bytes) -> None:
        write_durably(path, content, incoming=self.folder / "incoming")


def site_id_of(folder: Path) -> str | None:
    """Return the id that a site's key was made for; None where it has none yet."""
    try:
        return SiteKeys.open(folder / "sites" / "keys").site_id
    except NoSiteKey:
        return None


def has_joined(folder: Path) -> bool:
    """Tell whether a site knows any other."""
    return bool(FileSiteDirectory(folder / "sites" / "directory").sites())


def forked_log(folder: Path) -> Path | None:
    """Return where the forked log lies, or is to lie, whose events are to be kept; None for none.

    As long as there is one, the site takes no new events.
    """
    with suppress(FileNotFoundError):
        name = (folder / "sites" / _KEEPING).read_text("utf-8")
        return folder / Path(name).name
    return None


def names_of_sites(folder: Path, own_name: str) -> Callable[[str], str | None]:
    """Return what tells the name of a site by its id; it sees what becomes known later."""
    directory = FileSiteDirectory(folder / "sites" / "directory")

    def name_of(site_id: str) -> str | None:
        if site_id == site_id_of(folder):
            return own_name
        site = directory.lookup(site_id)
        return site.name if site else None

    return name_of


def read_admin_token(folder: Path) -> str:
    """Return the token of a served site, empty where it has none."""
    with suppress(FileNotFoundError):
        return (folder / "sites" / "admin-token").read_text("ascii")
    return ""
