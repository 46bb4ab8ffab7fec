"""Changing the model of an open site: searched meanwhile, without a gap, and not lost by a stop."""

from __future__ import annotations

import asyncio
import shutil
import time
from pathlib import Path

import pytest

from museion.archive.generations import ModelChoice, write_choice
from museion.base.errors import Unavailable
from museion.models.adding import add_folder
from museion.models.registry import EMBEDDED, UnknownModel
from museion.node import site_models
from museion.node.site import Site
from museion.node.site_models import ModelInUse, models_folder
from museion.testing.event_loop import in_event_loop, until
from museion.testing.media import make_sample

TINY = Path(__file__).parents[2] / "data" / "tiny-encoders"


def _pictures(folder: Path, *seeds: int) -> list[Path]:
    folder.mkdir(exist_ok=True)
    return [make_sample("webp", folder / f"{seed}.webp", seed=seed) for seed in seeds]


async def _take_in(site: Site, *pictures: Path) -> None:
    async for ingested in site.ingest(*pictures):
        assert ingested.asset_id


async def _changed(site: Site) -> None:
    await until(lambda: site.models.choice.wanted is None)


@in_event_loop
async def test_the_old_model_is_searched_until_the_new_one_lacks_nothing(tmp_path: Path) -> None:
    async with Site.open(tmp_path / "site", create=True) as site:
        await _take_in(site, *_pictures(tmp_path / "in", 1, 2, 3))
        await site.settle()
        add_folder(site.models.registry, TINY / "clip", name="tiny")
        row = await site.models.use("tiny")
        assert (row.use, row.of) == ("coming", 3)

        seen = []
        while site.models.choice.wanted:
            generation = site.searcher.generation
            seen.append((generation.checkpoint.name, len(generation.vectors)))
            assert generation.text_tower().space == generation.space
            await asyncio.sleep(0)

        assert set(seen) == {(EMBEDDED, 3)}
        assert len(site.searcher.generation.vectors) == 3
        assert site.searcher.checkpoint.name == "tiny"
        assert site.searcher.generation.embed("a dog").shape == (16,)


@in_event_loop
async def test_what_comes_in_during_the_change_is_embedded_in_both_spaces(tmp_path: Path) -> None:
    async with Site.open(tmp_path / "site", create=True) as site:
        await _take_in(site, *_pictures(tmp_path / "in", 1))
        await site.settle()
        add_folder(site.models.registry, TINY / "clip", name="tiny")
        await site.models.use("tiny")
        await _take_in(site, *_pictures(tmp_path / "in", 2, 3))
        await _changed(site)
        await site.settle()

        rows = {row.name: row.embedded for row in await site.models.rows()}
        assert rows == {EMBEDDED: 3, "tiny": 3}
        labelled = [await site.asset(each.id) async for each in site.assets()]
        assert all(len(each.spaces) == 2 for each in labelled)


@in_event_loop
async def test_an_interrupted_change_goes_on_at_the_next_start(tmp_path: Path) -> None:
    async with Site.open(tmp_path / "site", create=True) as site:
        await _take_in(site, *_pictures(tmp_path / "in", 1, 2))
        await site.settle()
        add_folder(site.models.registry, TINY / "siglip", name="tiny")
        await site.models.use("tiny")
    async with Site.open(tmp_path / "site") as site:
        await _changed(site)

        assert site.searcher.checkpoint.name == "tiny"
        assert len(site.searcher.generation.vectors) == 2
    async with Site.open(tmp_path / "site") as site:
        assert site.models.choice.current == "tiny"


@in_event_loop
async def test_the_goal_of_a_change_can_be_changed_and_given_up(tmp_path: Path) -> None:
    async with Site.open(tmp_path / "site", create=True) as site:
        await _take_in(site, *_pictures(tmp_path / "in", 1))
        await site.settle()
        add_folder(site.models.registry, TINY / "clip", name="one")
        add_folder(site.models.registry, TINY / "siglip", name="two")
        await site.models.use("one")
        await site.models.use("two")
        await _changed(site)
        assert site.searcher.checkpoint.name == "two"

        await site.models.use("one")
        await site.models.use("two")
        assert site.models.choice.wanted is None
        await site.models.remove("one")
        assert site.models.registry.names() == [EMBEDDED, "two"]
        with pytest.raises(ModelInUse):
            await site.models.remove("two")
        with pytest.raises(UnknownModel):
            await site.models.use("one")


@in_event_loop
async def test_a_model_that_workers_cannot_run_is_refused_and_changes_nothing(
    tmp_path: Path,
) -> None:
    async with Site.open(tmp_path / "site", create=True) as site:
        add_folder(site.models.registry, TINY / "clip", name="tiny")
        (models_folder(site.folder) / "tiny/onnx/vision_model.onnx").write_bytes(b"cut")

        with pytest.raises(Unavailable, match=r"vision_model\.onnx"):
            await site.models.use("tiny")
        assert site.models.choice.wanted is None


@in_event_loop
async def test_a_wanted_model_that_was_taken_away_is_not_missed(tmp_path: Path) -> None:
    async with Site.open(tmp_path / "site", create=True) as site:
        await _take_in(site, *_pictures(tmp_path / "in", 1))
        add_folder(site.models.registry, TINY / "clip", name="tiny")
        await site.models.use("tiny")
    shutil.rmtree(models_folder(tmp_path / "site") / "tiny")
    async with Site.open(tmp_path / "site") as site:
        assert site.searcher.checkpoint.name == EMBEDDED


@in_event_loop
async def test_going_back_to_a_model_ends_nothing_however_slow_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is looked at between the choice and its beginning is an index that nobody follows."""

    def slowly(folder: Path, choice: ModelChoice) -> None:
        time.sleep(2.0)
        write_choice(folder, choice)

    async with Site.open(tmp_path / "site", create=True) as site:
        await _take_in(site, *_pictures(tmp_path / "in", 1))
        await site.settle()
        add_folder(site.models.registry, TINY / "clip", name="tiny")
        for name in ("tiny", EMBEDDED):
            await site.models.use(name)
            await _changed(site)
        (asset,) = [each async for each in site.assets()]
        await site.trash(asset.id, by="Anna")
        await site.settle()
        monkeypatch.setattr(site_models, "write_choice", slowly)
        await site.models.use("tiny")
        await _changed(site)

        assert site.searcher.checkpoint.name == "tiny"
