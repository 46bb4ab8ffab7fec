"""Which sites are known here, by which keys they prove who they are, and which are revoked.

A directory is this site's own decision: nothing that comes over the network adds a site, apart from
a join by invitation; only a new key of a known site is taken, when the old one has signed it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import msgspec
from msgspec.structs import replace

from museion.base.errors import NotFound
from museion.log.replication.shared_file import SharedFile
from museion.log.replication.site_keys import KeyAnnouncement, is_signed, key_id_of

GRACE_MS = 24 * 3600 * 1000
"""How long the old key of a site is accepted after it was followed by a new one."""

_MAX_KEYS = 8
_FORM = 1


class KnownKey(msgspec.Struct, frozen=True):
    """A public key of a site.

    Attributes:
        accepted_until_ms: a newer key follows it; None while it is the newest.
        revoked: it is never accepted again.
    """

    key_id: str
    public_key: bytes
    accepted_until_ms: int | None = None
    revoked: bool = False

    @classmethod
    def of(cls, public_key: bytes) -> KnownKey:
        """Return a key that is accepted until further notice."""
        return cls(key_id_of(public_key), public_key)

    def is_accepted(self, now_ms: int) -> bool:
        """Tell whether what this key signs is trusted now."""
        in_time = self.accepted_until_ms is None or now_ms <= self.accepted_until_ms
        return in_time and not self.revoked


class KnownSite(msgspec.Struct, frozen=True):
    """Another site, or this one as others shall know it.

    Attributes:
        site_id: the id of its replication endpoint.
        name: for people.
        url: base address of its door; None for a site that only calls others.
        keys: oldest first.
        revoked: it is refused, whatever it signs.
        joined_ms: when it became known, milliseconds since 1970.
    """

    site_id: str
    name: str
    url: str | None
    keys: tuple[KnownKey, ...]
    revoked: bool = False
    joined_ms: int = 0

    def accepted_key(self, key_id: str, now_ms: int) -> bytes | None:
        """Return the public key of that id if the site may sign with it now."""
        if self.revoked:
            return None
        for key in self.keys:
            if key.key_id == key_id and key.is_accepted(now_ms):
                return key.public_key
        return None


class TrustedSites(Protocol):
    """What is asked when a signature is checked."""

    def lookup(self, site_id: str) -> KnownSite | None:
        """Return a site as it is known at this moment; changes by other processes count at once."""

    def accept(self, announcement: KeyAnnouncement, now_ms: int) -> bool:
        """Take a new key of a known site; False where it is not signed by a key that is trusted."""


class SiteDirectory(TrustedSites, Protocol):
    """The sites that are known. Calls may block for a look at the disk."""

    def sites(self) -> Sequence[KnownSite]:
        """Return all known sites, revoked ones too, by id."""

    def put(self, site: KnownSite) -> None:
        """Keep a site in place of what was known of it; lasting when this returns."""

    def learn(self, sites: Sequence[KnownSite]) -> None:
        """Keep those that are not known yet, all or none; what is known stays."""

    def revoke(self, site_id: str) -> None:
        """Refuse a site from now on. Raises `UnknownSite`."""

    def revoke_key(self, site_id: str, key_id: str) -> None:
        """Refuse one key of a site from now on. Raises `UnknownSite`."""

    def remove(self, site_id: str) -> None:
        """Forget a site, revoked or not: it can join anew, with another key."""


class UnknownSite(NotFound):
    """No site of that id is known here."""

    def __init__(self, site_id: str) -> None:
        super().__init__(
            f"There is no known site {site_id!r:.80}.", remedy="Join it by an invitation."
        )


class _File(msgspec.Struct, frozen=True):
    form: int
    sites: tuple[KnownSite, ...] = ()


class FileSiteDirectory:
    """Keeps the known sites in one JSON file; any number of processes may use it (`SharedFile`).

    Raises:
        FileUnavailable, DamagedFile: the file cannot be used; all calls may raise them.
    """

    def __init__(self, path: Path) -> None:
        nobody: Mapping[str, KnownSite] = {}
        self._file = SharedFile(path, decode=_decoded, encode=_encoded, empty=nobody)
        self._file.read()

    def lookup(self, site_id: str) -> KnownSite | None:
        """Return a site as it is known at this moment, None where it is not."""
        return self._file.read().get(site_id)

    def sites(self) -> Sequence[KnownSite]:
        """Return all known sites, revoked ones too, by id."""
        return list(self._file.read().values())

    def put(self, site: KnownSite) -> None:
        """Keep a site in place of what was known of it; lasting when this returns."""
        self._file.change(lambda sites: {**sites, site.site_id: site})

    def learn(self, sites: Sequence[KnownSite]) -> None:
        """Keep those that are not known yet, all or none; what is known stays."""
        self._file.change(lambda known: {**{site.site_id: site for site in sites}, **known})

    def accept(self, announcement: KeyAnnouncement, now_ms: int) -> bool:
        """Take a new key of a known site; False where it is not signed by a key that is trusted."""
        accepted = False

        def follow(sites: Mapping[str, KnownSite]) -> Mapping[str, KnownSite]:
            nonlocal accepted
            site = sites.get(announcement.site_id)
            new = None if site is None else with_next_key(site, announcement, now_ms)
            accepted = new is not None
            return sites if new is None else {**sites, new.site_id: new}

        self._file.change(follow)
        return accepted

    def revoke(self, site_id: str) -> None:
        """Refuse a site from now on. Raises `UnknownSite`."""
        self._change_one(site_id, lambda site: replace(site, revoked=True))

    def revoke_key(self, site_id: str, key_id: str) -> None:
        """Refuse one key of a site from now on. Raises `UnknownSite`."""
        self._change_one(site_id, lambda site: without_key(site, key_id))

    def remove(self, site_id: str) -> None:
        """Forget a site, revoked or not: it can join anew, with another key."""
        self._file.change(
            lambda sites: {name: site for name, site in sites.items() if name != site_id}
        )

    def _change_one(self, site_id: str, change: Callable[[KnownSite], KnownSite]) -> None:
        def changed(sites: Mapping[str, KnownSite]) -> Mapping[str, KnownSite]:
            if site_id not in sites:
                raise UnknownSite(site_id)
            return {**sites, site_id: change(sites[site_id])}

        self._file.change(changed)


def _encoded(sites: Mapping[str, KnownSite]) -> bytes:
    kept = _File(_FORM, tuple(sites[site_id] for site_id in sorted(sites)))
    return msgspec.json.format(msgspec.json.encode(kept))


def _decoded(content: bytes) -> Mapping[str, KnownSite]:
    held = msgspec.json.decode(content, type=_File)
    if held.form != _FORM:
        raise ValueError(f"its form is {held.form}, not {_FORM}")
    for site in held.sites:
        if any(key.key_id != key_id_of(key.public_key) for key in site.keys):
            raise ValueError(f"a key of {site.site_id!r} has another id")
    return {site.site_id: site for site in held.sites}


def with_next_key(
    site: KnownSite, announcement: KeyAnnouncement, now_ms: int, *, grace_ms: int = GRACE_MS
) -> KnownSite | None:
    """Return a site with the key that it announces; None where the announcement is not trusted.

    The old key is accepted a little longer, for what is on its way. A repeat changes nothing.
    """
    known = {key.key_id: key for key in site.keys}
    new = KnownKey.of(announcement.public_key)
    previous = known.get(announcement.previous_key_id)
    trusted = previous is not None and site.accepted_key(previous.key_id, now_ms) is not None
    if previous is None or not trusted or announcement.site_id != site.site_id:
        return None
    if not is_signed(announcement.signed_text(), announcement.signature, previous.public_key):
        return None
    if new.key_id not in known and previous.accepted_until_ms is not None:
        return None  # it was followed by another key already: one of the two is not the site's
    return with_key(site, new.public_key, now_ms, grace_ms=grace_ms)


def with_key(
    site: KnownSite, public_key: bytes, now_ms: int, *, grace_ms: int = GRACE_MS
) -> KnownSite:
    """Return a site with its newest key; earlier ones are accepted a little longer only.

    For keys whose origin was checked elsewhere. A key that is known already stays what it is, also
    revoked or followed by another one; a repeat changes nothing.
    """
    new = next((key for key in site.keys if key.public_key == public_key), None)
    if new is not None and (new.revoked or new.accepted_until_ms is not None):
        return site
    until_ms = now_ms + grace_ms
    earlier = [key for key in site.keys if key.public_key != public_key]
    aged = [
        key if key.accepted_until_ms is not None else replace(key, accepted_until_ms=until_ms)
        for key in earlier
    ]
    # What is revoked is never forgotten: it could come back as a new one.
    spare = [key for key in aged if not key.revoked][: max(0, len(aged) - _MAX_KEYS + 1)]
    kept = [key for key in aged if key not in spare]
    return replace(site, keys=(*kept, new or KnownKey.of(public_key)))


def without_key(site: KnownSite, key_id: str) -> KnownSite:
    """Return a site with one key revoked."""
    keys = tuple(replace(key, revoked=key.revoked or key.key_id == key_id) for key in site.keys)
    return replace(site, keys=keys)
