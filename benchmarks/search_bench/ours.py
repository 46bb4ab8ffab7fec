"""Museion's search as one engine: vectors, facets, words, and the fusion of both."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path

from search_bench.library import DIMENSION, SHARES, Library, id_of, number_of
from search_bench.serving import Ask, Parts, Plain, serve

from museion.search.facet_columns import Column
from museion.search.facets import Facets
from museion.search.fusion import Background, by_similarity, by_words, fuse_ranks
from museion.search.ivf_index import IvfIndex
from museion.search.lexical import Field, LexicalIndex
from museion.search.selection import Numbers, Selection

LIMIT = 10
DEPTH = 200
"""What each signal offers to fusion, as in the archive's own search."""
_RECORDS_A_COMMIT = 10_000
_BACKGROUND = Background(0.0, 0.15)
_COLUMNS = [
    Column("draw", "number"),
    Column("day", "number"),
    Column("stars", "number"),
    Column("camera", "code"),
    Column("tags", "terms"),
    Column("place", "point"),
]


class Museion(Plain):
    """The toolkit `museion.search`, without archive and log."""

    version = version("museion")

    def __init__(self, library: Library, folder: Path) -> None:
        self._library = library
        self._queries = library.queries
        self._words = library.word_queries()
        numbers = Numbers()
        self._facets = Facets(_COLUMNS, numbers=numbers)
        self._vectors = IvfIndex.open(
            folder / "vectors", space="benchmark", dimension=DIMENSION, numbers=numbers
        )
        self._lexical = LexicalIndex.open(
            folder / "lexical", [Field("title", weight=2.0), Field("caption")]
        )

    def build(self) -> Parts:
        """Fill all three; commits of 10,000, as when an archive is indexed again."""
        return {
            "facets": _both_seconds(self._fill_facets),
            "vectors": _both_seconds(self._fill_vectors),
            "lists": _both_seconds(self._vectors.optimise),
            "words": _both_seconds(self._fill_words),
        }

    def cases(self) -> Mapping[str, Ask]:
        """Return all."""
        filtered = {f"semantic {share:.1%}": self._filtered(share) for share in SHARES}
        return {
            "semantic": self._semantic,
            **filtered,
            "lexical": self._lexically,
            "hybrid": self._hybrid,
            "hybrid 5.0%": lambda query: self._hybrid(query, self._allowed(0.05)),
            "similar": self._similar,
        }

    def change(self) -> dict[str, float]:
        """Add, update and delete one record in vectors, words and facets."""
        first, second = self._queries[0], self._queries[1]
        position = self._vectors.position

        def add() -> None:
            self._vectors.add([("new", first)])
            self._lexical.add([("new", {"title": "neverseenbefore"})])
            self._facets.put({"new": {"draw": 2.0}})
            self._commit(position + 1)
            assert self._vectors.search(first, limit=1)[0].id == "new"
            assert self._lexical.search("neverseenbefore", limit=1)
            assert self._facets.view.equals("draw", 2.0).ids() == ["new"]

        def update() -> None:
            self._vectors.add([("new", second)])
            self._lexical.add([("new", {"title": "changedafterwards"})])
            self._facets.put({"new": {"draw": 3.0}})
            self._commit(position + 2)
            assert self._vectors.search(second, limit=1)[0].id == "new"
            assert self._lexical.search("changedafterwards", limit=1)
            assert not self._lexical.search("neverseenbefore", limit=1, corrects=False)
            assert self._facets.view.equals("draw", 3.0).ids() == ["new"]

        def delete() -> None:
            self._vectors.remove(["new"])
            self._lexical.remove(["new"])
            self._facets.remove(["new"])
            self._commit(position + 3)
            assert self._vectors.search(second, limit=1)[0].id != "new"
            assert not self._lexical.search("changedafterwards", limit=1, corrects=False)
            assert not self._facets.view.equals("draw", 3.0)

        return {"added": _seconds(add), "updated": _seconds(update), "deleted": _seconds(delete)}

    def close(self) -> None:
        """Close the indexes."""
        self._vectors.close()
        self._lexical.close()

    def _commit(self, position: int) -> None:
        self._vectors.commit(position)
        self._lexical.commit(position)

    def _fill_facets(self) -> None:
        count, facts = self._library.count, self._library.facts()
        self._facets.load(
            [id_of(number) for number in range(count)],
            {
                "draw": self._library.draw.tolist(),
                "day": facts["day"].tolist(),
                "stars": facts["stars"].tolist(),
                "camera": [f"camera {code}" for code in facts["camera"].tolist()],
                "tags": [[f"tag {code}" for code in codes] for codes in facts["tags"].tolist()],
                "place": [tuple(place) for place in facts["place"].tolist()],
            },
        )

    def _fill_vectors(self) -> None:
        rows = self._library.rows
        for start in range(0, len(rows), _RECORDS_A_COMMIT):
            some = rows[start : start + _RECORDS_A_COMMIT]
            self._vectors.add([(id_of(start + at), row) for at, row in enumerate(some)])
            self._vectors.commit(start + len(some))

    def _fill_words(self) -> None:
        texts = self._library.texts()
        for start in range(0, len(texts), _RECORDS_A_COMMIT):
            some = texts[start : start + _RECORDS_A_COMMIT]
            self._lexical.add(
                (id_of(start + at), {"title": title, "caption": caption})
                for at, (title, caption) in enumerate(some)
            )
            self._lexical.commit(start + len(some))

    def _allowed(self, share: float) -> Selection:
        # A number in [0, share): what is looked for lies just below.
        return self._facets.view.between("draw", 0.0, share * (1 - 1e-12))

    def _filtered(self, share: float) -> Ask:
        def ask(query: int) -> list[int]:
            return self._semantic(query, self._allowed(share))

        return ask

    def _semantic(self, query: int, allowed: Selection | None = None) -> list[int]:
        found = self._vectors.search(self._queries[query], limit=LIMIT, allowed=allowed)
        return [number_of(hit.id) for hit in found]

    def _lexically(self, query: int) -> list[int]:
        return [number_of(hit.id) for hit in self._lexical.search(self._words[query], limit=LIMIT)]

    def _hybrid(self, query: int, allowed: Selection | None = None) -> list[int]:
        worded = self._lexical.search(self._words[query], limit=DEPTH, allowed=allowed)
        near = self._vectors.search(self._queries[query], limit=DEPTH, allowed=allowed)
        rankings = {"words": by_words(worded), "meaning": by_similarity(near, _BACKGROUND)}
        return [number_of(hit.id) for hit in fuse_ranks(rankings, limit=LIMIT)]

    def _similar(self, query: int) -> list[int]:
        own = id_of(query * 7919 % self._library.count)
        embedding = self._vectors.get(own)
        assert embedding is not None
        found = self._vectors.search(embedding, limit=LIMIT + 1)
        return [number_of(hit.id) for hit in found if hit.id != own][:LIMIT]


def _both_seconds(work: Callable[[], None]) -> tuple[float, float]:
    cpu = time.process_time()
    passed_s = _seconds(work)
    return passed_s, time.process_time() - cpu


def _seconds(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    serve(Museion)
