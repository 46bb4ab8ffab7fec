"""This site as other sites are to know it: its name, its keys, and where they reach it."""

from __future__ import annotations

import time
from urllib.parse import urlsplit

from museion.archive.membership import SiteDescribed
from museion.log.replication.directory import KnownKey, KnownSite, SiteDirectory
from museion.log.replication.site_keys import NoSiteKey, SiteKeys
from museion.node.site import Site
from museion.node.sites.site_files import SiteFiles

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_UNSPECIFIED = frozenset({"0.0.0.0", "::"})  # noqa: S104 (nothing is bound to it)


class OwnSite:
    """What this site tells of itself.

    Args:
        served_at: the address at which it is served now, if it is.
    """

    def __init__(
        self, site: Site, files: SiteFiles, directory: SiteDirectory, *, served_at: str | None
    ) -> None:
        self._settings = site.settings
        self._directory = directory
        self.name = site.name
        self.served_at = served_at
        self.keys = _keys(files, site.log.log_id)

    @property
    def site_id(self) -> str:
        """Id of its endpoint and of its log."""
        return self.keys.site_id

    def address(self, *further: str | None) -> str | None:
        """Return where the other sites reach this one, and one at a further address, too.

        An address of this machine for itself is good only where all sites lie on the machine.
        """
        if self._settings.url:
            return self._settings.url
        if self.served_at is None or urlsplit(self.served_at).hostname in _UNSPECIFIED:
            return None
        others = [site.url for site in self._directory.sites()] + list(further)
        far = any(url is not None and not _is_loopback(url) for url in others)
        return None if far and _is_loopback(self.served_at) else self.served_at

    def known(self) -> KnownSite:
        """Return what a site that joins is to know of this one."""
        keys = (KnownKey.of(self.keys.public_key),)
        return KnownSite(self.site_id, self.name, self.address(), keys)

    def described(self, url: str | None) -> SiteDescribed:
        """Return the fact that says what this site is like, reached at `url`."""
        return SiteDescribed(
            site_id=self.site_id,
            name=self.name,
            url=url,
            public_keys=(self.keys.public_key,),
        )


def now_ms() -> int:
    """Return the wall clock, milliseconds since 1970."""
    return time.time_ns() // 1_000_000


def _keys(files: SiteFiles, site_id: str) -> SiteKeys:
    folder = files.folder / "keys"
    try:
        return SiteKeys.open(folder)
    except NoSiteKey:
        return SiteKeys.make(folder, site_id)


def _is_loopback(url: str | None) -> bool:
    return url is not None and urlsplit(url).hostname in _LOOPBACK
