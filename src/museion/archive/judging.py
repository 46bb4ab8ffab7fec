"""Judging hits: a person says whether an asset fits a query, and may take it back.

Verdicts are events about the asset, so they travel, and stay away from sites that may not read it.
Together they are what a search is measured and tuned by.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from museion.archive.asset import AssetId, UnknownAsset
from museion.archive.catalog.judgement_reader import JudgementRecord
from museion.archive.editing import checked_name
from museion.archive.events import AssetIngested, HitJudged, new_event, payload_of
from museion.archive.history import fold
from museion.archive.rank import Rank
from museion.archive.rights import may_read
from museion.archive.sharing.disclosure import read_asset
from museion.base.errors import InvalidInput
from museion.log.event import Event
from museion.log.event_log import EventLog
from museion.log.vector_time import merge_all

FITS, FITS_NOT, TAKEN_BACK = 1, -1, 0
LONGEST_QUERY = 2000
_EMITTER = "people"


class BadVerdict(InvalidInput):
    """A verdict is none that can be given."""

    def __init__(self, verdict: int) -> None:
        super().__init__(
            f"Expected the verdict 1 (fits), -1 (does not) or 0 (taken back); came {verdict}.",
            remedy="Send one of the three.",
        )


class NoQuery(InvalidInput):
    """It is not said which query a verdict is about."""

    def __init__(self, query: str) -> None:
        super().__init__(
            f"Expected a query of 1 to {LONGEST_QUERY} letters; came {len(query)}.",
            remedy="Send it as it was typed.",
        )


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of a verdict; `is_changed` is False where it stood already."""

    asset_id: AssetId
    query: str
    by: str
    verdict: int
    is_changed: bool


class Judge:
    """Writes what people say of hits. Safe to call for many at a time.

    Args:
        log: in which it writes.
        shown: waits until the catalog has an event, for a while.
    """

    def __init__(self, log: EventLog, *, shown: Callable[[int], Awaitable[None]]) -> None:
        self._log = log
        self._shown = shown
        self._one_at_a_time = asyncio.Lock()

    async def judge(self, asset_id: AssetId, query: str, verdict: int, *, by: str) -> Judged:
        """Say of an asset whether it fits a query, durably. The same again changes nothing.

        Args:
            query: as it was typed; outer spaces do not count.
            verdict: 1 fits, -1 does not, 0 takes back what this person said.
            by: name of the person.

        Raises:
            UnknownAsset: there is no such asset, or this site may not read it.
            BadVerdict, NoQuery, NoAuthor: as they say; nothing was done.
            Unavailable: the log cannot be written; nothing was done.
        """
        wanted = _checked(asset_id, query, verdict, by)
        async with self._one_at_a_time:
            events = await self._known(asset_id)
            earlier = _earlier(events, wanted)
            said = earlier[-1][1].verdict if earlier else TAKEN_BACK
            if said != verdict:
                births = [each for each in events if isinstance(payload_of(each), AssetIngested)]
                known = (*births, *(event for event, _ in earlier))
                seen = merge_all(each.vector_timestamp for each in known)
                new = new_event(wanted, emitter_id=_EMITTER, aggregate_id=asset_id, seen=seen)
                written = await self._log.append([new])
                await self._shown(written[-1].sequence_nr)
        return Judged(asset_id, wanted.query, wanted.by, verdict, is_changed=said != verdict)

    async def _known(self, asset_id: AssetId) -> list[Event]:
        """Read an asset from the log, which is never behind, as the catalog may be."""
        events = await read_asset(self._log, asset_id, up_to=self._log.sequence_nr)
        is_born = any(isinstance(payload_of(each), AssetIngested) for each in events)
        if not is_born or not may_read(self._log.log_id, fold(events).rights):
            raise UnknownAsset(asset_id)
        return events


def agreed(judgements: Iterable[JudgementRecord]) -> dict[str, dict[AssetId, int]]:
    """Return, by query, how much each judged asset is worth: 1 if it fits, else 0.

    Where people differ the majority counts; where there is none, the asset counts as not judged.
    Queries and assets come in the order of the judgements' queries and ids.
    """
    told: dict[str, dict[AssetId, int]] = {}
    by_pair = sorted(judgements, key=lambda each: (each.query, each.asset_id))
    for (query, asset_id), same in groupby(by_pair, key=lambda each: (each.query, each.asset_id)):
        balance = sum(each.verdict for each in same)
        if balance:
            told.setdefault(query, {})[asset_id] = int(balance > 0)
    return told


def export_rows(judgements: Iterable[JudgementRecord]) -> list[Mapping[str, object]]:
    """Return the rows of an export, one a query, as `museion evaluate` reads them."""
    return [{"query": query, "judgements": gains} for query, gains in agreed(judgements).items()]


def _checked(asset_id: AssetId, query: str, verdict: int, by: str) -> HitJudged:
    if verdict not in (FITS, FITS_NOT, TAKEN_BACK):
        raise BadVerdict(verdict)
    if not 0 < len(query.strip()) <= LONGEST_QUERY:
        raise NoQuery(query.strip())
    return HitJudged(asset_id=asset_id, query=query.strip(), by=checked_name(by), verdict=verdict)


def _earlier(events: Sequence[Event], wanted: HitJudged) -> list[tuple[Event, HitJudged]]:
    """Return what the same person said of the same hit; the last is what stands."""
    found = [
        (event, payload)
        for event in events
        for payload in [payload_of(event)]
        if isinstance(payload, HitJudged)
        and (payload.query, payload.by) == (wanted.query, wanted.by)
    ]
    return sorted(found, key=lambda pair: Rank.of(pair[0]))
