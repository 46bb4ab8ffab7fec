"""What a search answers: hits with what speaks for each, and what was made of the question."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from museion.archive.asset import AssetId
from museion.archive.catalog.records import AssetSummary
from museion.archive.explaining import Reason
from museion.search.query import Query


class MomentHit(msgspec.Struct, frozen=True):
    """A stretch of a film that fits, in seconds; `similarity` is that of its frame."""

    start_s: float
    end_s: float
    similarity: float


class Hit(msgspec.Struct, frozen=True):
    """One asset in an answer.

    Attributes:
        score: falls along the answer; comparable within it only.
        scores: what each signal said: `words` (BM25), `meaning` and `look` (cosine similarity).
        why: what speaks for it, the strongest first.
        strength: `strong` or `weak`; None where nothing was ranked.
        moments: of a film, where it fits best, the best first.
        alike: assets of which this one stands for all, since they look the same; without itself.
    """

    asset: AssetSummary
    score: float
    scores: dict[str, float]
    why: list[Reason]
    strength: str | None = None
    moments: list[MomentHit] = []
    alike: list[AssetId] = []


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """Hits, best first, for a query as it was understood.

    Attributes:
        total: hits in all, those not shown included; look-alikes count with the one shown.
        strong: how many of them fit well; the others may fit. None where nothing was ranked.
        token: names the ranking, so that a later page continues it whatever was added meanwhile.
        corrected: words that nothing contains, and those looked for instead.
    """

    query: Query
    total: int
    took_ms: float
    hits: list[Hit]
    strong: int | None = None
    token: str = ""
    corrected: Mapping[str, str] = msgspec.field(default_factory=dict)
