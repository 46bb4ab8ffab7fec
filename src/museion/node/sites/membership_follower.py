"""Follows what the log says of the sites that belong together, and keeps the directory by it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import aclosing

from msgspec.structs import replace

from museion.archive.membership import SITES, Member, Members, SiteDescribed, membership_event
from museion.log.event_log import EventLog
from museion.log.replication.directory import KnownKey, KnownSite, SiteDirectory

_PAGE = 512


class MembershipFollower:
    """Brings each site that the log describes into the directory of this one.

    Sites of one network trust each other to describe sites: what another one wrote is taken. Keys
    are added, never replaced; a site's own revocations stay.

    Args:
        on_change: called with all sites after the log told something new about one.
    """

    def __init__(
        self,
        log: EventLog,
        directory: SiteDirectory,
        on_change: Callable[[Mapping[str, Member]], None],
    ) -> None:
        self._log = log
        self._directory = directory
        self._on_change = on_change
        self._position = 0
        self.members = Members()

    async def catch_up(self) -> None:
        """Take in everything that the log tells now."""
        while page := await self._log.read(after=self._position, limit=_PAGE, aggregate_id=SITES):
            self._position = page[-1].sequence_nr
            self.members.take(page)
        self._learn()

    async def run(self) -> None:
        """Follow the log until cancelled. Raises as `EventLog.follow`."""
        following = self._log.follow(self._position, aggregate_id=SITES)
        async with aclosing(following) as batches:
            async for batch in batches:
                self._position = batch[-1].sequence_nr
                if self.members.take(batch):
                    self._learn()

    async def describe(self, fact: SiteDescribed) -> None:
        """Write what a site is like now, unless the log says just that already."""
        told = self.members.all().get(fact.site_id)
        if told is None or (told.name, told.url, told.public_keys) != (
            fact.name,
            fact.url,
            fact.public_keys,
        ):
            await self._log.append([membership_event(fact, self._log.version)])

    def _learn(self) -> None:
        members = self.members.all()
        for member in members.values():
            known = self._directory.lookup(member.site_id)
            if member.site_id != self._log.log_id and (site := _learned(known, member)) != known:
                assert site is not None
                self._directory.put(site)
        self._on_change(members)


def _learned(known: KnownSite | None, member: Member) -> KnownSite | None:
    told = tuple(KnownKey.of(key) for key in member.public_keys)
    if known is None:
        return KnownSite(member.site_id, member.name, member.url, told)
    ids = {key.key_id for key in known.keys}
    further = tuple(key for key in told if key.key_id not in ids)
    return replace(known, name=member.name, url=member.url, keys=(*known.keys, *further))
