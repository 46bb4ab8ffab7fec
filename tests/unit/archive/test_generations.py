"""Two embedding spaces stand side by side and never meet; which one is used is not forgotten."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from small_archive import Telling, events_of, ingested
from small_sites import exchange, small_sites

from museion.archive.asset import AssetId
from museion.archive.events import EmbeddingComputed, EnrichmentFailed
from museion.archive.generations import DamagedChoice, ModelChoice, read_choice, write_choice
from museion.archive.indexing import Indexes
from museion.archive.model_rows import model_rows
from museion.archive.vector_indexing import VectorProjection
from museion.models.adding import add_folder
from museion.models.checkpoint import Checkpoint
from museion.models.registry import EMBEDDED, Registry, built_in_checkpoint
from museion.testing.event_loop import in_event_loop

_TINY = Path(__file__).parents[2] / "data" / "tiny-encoders"
_OLD, _NEW = "old:1", "new:1"


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    registry = Registry(tmp_path_factory.mktemp("models"))
    add_folder(registry, _TINY / "clip", name="tiny")
    return registry


@pytest.fixture(scope="module")
def tiny(registry: Registry) -> Checkpoint:
    return registry.find("tiny")


def _embedding(asset_id: AssetId, checkpoint: Checkpoint, place: int = 0) -> EmbeddingComputed:
    unit = np.zeros(checkpoint.space.dimension, "<f2")
    unit[place] = 1.0
    return EmbeddingComputed(asset_id=asset_id, space=checkpoint.space.id, vector=unit.tobytes())


def test_each_generation_takes_the_embeddings_of_its_space_alone(
    tmp_path: Path, tiny: Checkpoint
) -> None:
    built_in = built_in_checkpoint(EMBEDDED)
    with closing(Telling(tmp_path)) as telling:
        first, second = telling.tell_asset("a.jpg"), telling.tell_asset("b.jpg")
        facts = [
            _embedding(first, built_in),
            _embedding(first, tiny),
            _embedding(second, tiny, 1),
        ]
        events = events_of(facts, after=telling.projection.position)
        telling.projection.apply(events)
        indexes = Indexes.open(tmp_path / "index", built_in, coming=tiny)
        with closing(indexes):
            old, new = indexes.generation, indexes.generations.coming
            assert new is not None
            for generation in (old, new):
                VectorProjection(generation, telling.catalog).apply(events)

            assert (len(old.vectors), len(new.vectors)) == (1, 2)
            assert old.embed("a dog").shape == (built_in.space.dimension,)
            assert new.embed("a dog").shape == (tiny.space.dimension,)


def test_a_question_under_way_keeps_its_generation(tmp_path: Path, tiny: Checkpoint) -> None:
    indexes = Indexes.open(tmp_path / "index", built_in_checkpoint(EMBEDDED))
    with closing(indexes):
        asked = indexes.generation
        indexes.begin(tiny, log_end=0)
        assert indexes.generation is asked
        indexes.generations.switch()

        assert indexes.generation.checkpoint == tiny
        assert asked.vectors.search(asked.embed("a dog"), limit=1) == []
        indexes.drop(asked.space)
        assert not list((tmp_path / "index/vectors").glob(f"{EMBEDDED}*"))


def test_a_space_lacks_what_another_has_of_the_assets_born_here(tmp_path: Path) -> None:
    with closing(Telling(tmp_path)) as telling:
        asset_id = telling.tell_asset("a.jpg")
        (born,) = events_of([ingested("a.jpg")], after=0)
        here, embeddings = born.process_id, telling.catalog.embeddings

        def is_missing(*, born_at: str = here) -> bool:
            return embeddings.is_missing(_NEW, beside=_OLD, born_at=born_at)

        assert not is_missing()
        telling.tell(EmbeddingComputed(asset_id=asset_id, space=_OLD, vector=b""))
        assert is_missing()
        assert not is_missing(born_at="elsewhere")
        assert embeddings.embedded().done == {_OLD: 1}
        telling.tell(EmbeddingComputed(asset_id=asset_id, space=_NEW, vector=b""))
        assert not is_missing()


def test_an_asset_that_the_new_model_cannot_see_does_not_hold_up_the_change(
    tmp_path: Path,
) -> None:
    with closing(Telling(tmp_path)) as telling:
        asset_id = telling.tell_asset("a.jpg")
        (born,) = events_of([ingested("a.jpg")], after=0)
        telling.tell(EmbeddingComputed(asset_id=asset_id, space=_OLD, vector=b""))
        telling.tell(EnrichmentFailed(asset_id=asset_id, processor="embedding", reason="No."))

        assert not telling.catalog.embeddings.is_missing(_NEW, beside=_OLD, born_at=born.process_id)


@in_event_loop
async def test_embeddings_of_an_added_model_travel_between_sites(
    tmp_path: Path, tiny: Checkpoint
) -> None:
    async with small_sites(tmp_path, "north", "south") as sites:
        north, south = sites
        born = await north.ingest("a.jpg")
        await north.tell(_embedding(born.asset_id, tiny, 3))
        await exchange(sites)
        catalog = await south.catch_up()
        indexes = Indexes.open(tmp_path / "index", tiny)
        with closing(indexes):
            VectorProjection(indexes.generation, catalog).apply(await south.log.read())
            vector = indexes.generation.vectors.get(born.asset_id)

    assert vector is not None
    assert vector[3] == 1.0


def test_models_are_told_with_their_use(tmp_path: Path, registry: Registry) -> None:
    with closing(Telling(tmp_path)) as telling:
        rows = model_rows(registry, ModelChoice(EMBEDDED, "tiny"), telling.catalog)

    assert [(row.name, row.use) for row in rows] == [(EMBEDDED, "current"), ("tiny", "coming")]
    assert rows[1].licence == "apache-2.0"


def test_the_choice_is_kept_and_a_damaged_one_is_said_to_be_so(tmp_path: Path) -> None:
    assert read_choice(tmp_path, default="first") == ModelChoice("first")
    write_choice(tmp_path / "models", ModelChoice("second", "third"))
    assert read_choice(tmp_path / "models", default="first") == ModelChoice("second", "third")

    (tmp_path / "models" / "used.json").write_text("{")
    with pytest.raises(DamagedChoice, match="museion models use"):
        read_choice(tmp_path / "models", default="first")
