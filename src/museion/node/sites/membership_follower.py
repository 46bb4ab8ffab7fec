"""Follows what the log says of the sites that belong together, and keeps the directory by it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import aclosing

from msgspec.structs import replace

from museion.archive.membership import SITES, Member, Members, SiteDescribed, membership_event
from museion.log.event_log import EventLog
from museion.log.replication.directory import KnownKey, KnownSite, SiteDirectory, with_key

_PAGE = 512


class MembershipFollower:
    """Brings each site that the log describes into the directory of this one.

    Sites of one network trust each other to let new ones in. Further keys of a site that is known
    are taken from its own word only, and what this site has revoked stays so.

    Args:
        now_ms: wall clock, milliseconds since 1970.
        on_change: called with all sites after the log told something new about one.
    """

    def __init__(
        self,
        log: EventLog,
        directory: SiteDirectory,
        on_change: Callable[[Mapping[str, Member]], None],
        *,
        now_ms: Callable[[], int],
    ) -> None:
        self._log = log
        self._now_ms = now_ms
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
            site = _learned(known, member, self._now_ms())
            if member.site_id != self._log.log_id and site != known:
                self._directory.put(site)
        self._on_change(members)


def _learned(known: KnownSite | None, member: Member, now_ms: int) -> KnownSite:
    if known is None:
        keys = tuple(KnownKey.of(key) for key in member.public_keys)
        return KnownSite(member.site_id, member.name, member.url, keys, joined_ms=now_ms)
    learned = replace(known, name=member.name, url=member.url)
    for key in member.public_keys if member.by_itself else ():
        learned = with_key(learned, key, now_ms)
    return learned
