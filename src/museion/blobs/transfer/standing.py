"""How sources behaved: who delivers is asked first, who fails is left alone for a while."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from itertools import islice
from random import Random

from museion.base.retry import RetryPolicy

_MOST_WRONG = 3


@dataclass(slots=True)
class _Record:
    failures: int = 0
    wrong: int = 0
    rests_until_s: float = 0.0


class Standing:
    """Remembers each source by its id.

    Args:
        retry: how long a source rests after each failure in a row; a fifth less or more by chance.
        wrong_rest_s: how long it rests when it has sent wrong bytes for three blobs.
        now_s: a clock that only goes forward.
    """

    def __init__(
        self, retry: RetryPolicy, *, wrong_rest_s: float, now_s: Callable[[], float], seed: Random
    ) -> None:
        self._retry = retry
        self._wrong_rest_s = wrong_rest_s
        self._now_s = now_s
        self._seed = seed
        self._records: dict[str, _Record] = {}
        self._likely: set[str] = set()

    def is_likely(self, site_id: str) -> bool:
        """Tell whether a source had the last blob that it was asked for."""
        return site_id in self._likely

    def rest_s(self, site_id: str) -> float:
        """Return for how long a source is to be left alone, 0 for not at all."""
        record = self._records.get(site_id)
        return max(0.0, record.rests_until_s - self._now_s()) if record else 0.0

    def failed(self, site_id: str, *, retry_after_s: float | None = None) -> None:
        """Note that a source did not answer or broke off."""
        record = self._records.setdefault(site_id, _Record())
        if not self.rest_s(site_id):  # several transfers that break off together are one failure
            record.failures += 1
        delay_s = next(islice(self._retry.delays_s(), min(record.failures, 20) - 1, None))
        delay_s = max(delay_s * self._seed.uniform(0.8, 1.2), retry_after_s or 0.0)
        record.rests_until_s = max(record.rests_until_s, self._now_s() + delay_s)

    def delivered(self, site_id: str) -> None:
        """Note that a source has delivered."""
        self._records.pop(site_id, None)
        self._likely.add(site_id)

    def lacks(self, site_id: str) -> None:
        """Note that a source has not a blob that it was asked for."""
        self._likely.discard(site_id)

    def gave_wrong_bytes(self, site_id: str) -> None:
        """Note that all bytes of a blob came from one source and were not that blob."""
        record = self._records.setdefault(site_id, _Record())
        record.wrong += 1
        if record.wrong >= _MOST_WRONG:
            record.wrong = 0
            record.rests_until_s = self._now_s() + self._wrong_rest_s

    def forget_all_but(self, site_ids: Collection[str]) -> None:
        """Drop the records of sources that are connected no more."""
        for gone in self._records.keys() - set(site_ids):
            del self._records[gone]
        self._likely &= set(site_ids)
