"""A model is taken in whole, with a card that says what it is, or refused with the reason."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from tiny_encoders import FAMILIES, FOLDER

from museion.base.errors import Damaged
from museion.models.adding import add_folder
from museion.models.graphs import UnusableGraph
from museion.models.hub_layout import NoSuchFile, UnfitLayout, read_layout
from museion.models.obtaining import plain_name
from museion.models.registry import (
    EMBEDDED,
    ModelExists,
    Registry,
    UnfitName,
    UnknownModel,
    open_image_tower,
    open_text_tower,
)


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "models")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a copy of the tiny CLIP, to be spoilt."""
    return Path(shutil.copytree(FOLDER / "clip", tmp_path / "clip"))


def _change(path: Path, **values: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


@pytest.mark.parametrize("family", FAMILIES)
def test_every_added_model_has_two_towers_of_one_space(registry: Registry, family: str) -> None:
    added = add_folder(registry, FOLDER / family, name="tiny")
    image_tower, text_tower = open_image_tower(added), open_text_tower(added)

    assert image_tower.space == text_tower.space == added.space
    assert added.space.id.startswith("tiny:")
    assert added.licence == "apache-2.0"
    assert added.card.family == ("siglip" if family == "siglip2" else family)


def test_chance_is_measured_when_a_model_is_added(registry: Registry) -> None:
    card = add_folder(registry, FOLDER / "siglip", name="tiny").card

    assert -1 < card.background_mean < 1
    assert 0 < card.background_deviation < 1


def test_the_card_outlives_the_process(registry: Registry) -> None:
    added = add_folder(registry, FOLDER / "clip", name="tiny")

    assert Registry(registry.folder).find("tiny") == added
    assert Registry(registry.folder).names() == [EMBEDDED, "tiny"]


def test_a_file_that_changed_on_disk_is_not_run(registry: Registry) -> None:
    added = add_folder(registry, FOLDER / "clip", name="tiny")
    added.file("onnx/text_model.onnx").write_bytes(b"other")

    with pytest.raises(Damaged, match=r"text_model\.onnx.*digest"):
        open_text_tower(added)


def test_the_same_model_again_changes_nothing_and_another_is_refused(registry: Registry) -> None:
    added = add_folder(registry, FOLDER / "clip", name="tiny")

    assert add_folder(registry, FOLDER / "clip", name="tiny") == added
    with pytest.raises(ModelExists):
        add_folder(registry, FOLDER / "siglip", name="tiny")
    assert registry.find("tiny") == added


def test_what_a_killed_adding_left_behind_is_no_model(registry: Registry) -> None:
    add_folder(registry, FOLDER / "clip", name="tiny")
    shutil.copytree(registry.folder / "tiny", registry.folder / ".adding-x1y2")

    assert registry.names() == [EMBEDDED, "tiny"]


@pytest.mark.parametrize("name", [EMBEDDED, "", "Upper", "a/b", "..", ".hidden", "x" * 81])
def test_a_name_that_is_taken_or_unfit_is_refused(registry: Registry, name: str) -> None:
    with pytest.raises(UnfitName):
        add_folder(registry, FOLDER / "clip", name=name)


@pytest.mark.parametrize(
    "missing",
    ["config.json", "preprocessor_config.json", "tokenizer.json", "onnx/text_model.onnx"],
)
def test_a_missing_file_is_named(registry: Registry, folder: Path, missing: str) -> None:
    (folder / missing).unlink()

    with pytest.raises(NoSuchFile, match=missing.replace(".", r"\.")):
        add_folder(registry, folder, name="tiny")
    assert registry.names() == [EMBEDDED]
    assert not list(registry.folder.glob("*"))


def test_a_family_that_is_not_understood_is_named(registry: Registry, folder: Path) -> None:
    _change(folder / "config.json", model_type="bert")

    with pytest.raises(UnfitLayout, match="'bert', not clip, siglip, siglip2"):
        add_folder(registry, folder, name="tiny")


def test_a_graph_without_its_projection_is_refused(registry: Registry, folder: Path) -> None:
    """Its rows would lie in no space that texts share."""
    shutil.copyfile(FOLDER / "siglip/onnx/vision_model.onnx", folder / "onnx" / "vision_model.onnx")

    with pytest.raises(UnfitLayout, match="pooler_output, but no embedding"):
        add_folder(registry, folder, name="tiny")


def test_a_broken_graph_leaves_nothing_behind(registry: Registry, folder: Path) -> None:
    (folder / "onnx" / "text_model.onnx").write_bytes(b"no graph")

    with pytest.raises(UnusableGraph):
        add_folder(registry, folder, name="tiny")
    assert not list(registry.folder.glob("*"))


def test_the_plain_variant_is_taken_and_the_only_one_found(folder: Path) -> None:
    for tower in ("vision", "text"):
        (folder / f"onnx/{tower}_model.onnx").rename(folder / f"onnx/{tower}_model_quantized.onnx")
    assert read_layout(folder).variant == "quantized"

    for tower in ("vision", "text"):
        (folder / f"onnx/{tower}_model_fp16.onnx").write_bytes(b"")
    with pytest.raises(UnfitLayout, match="fp16, quantized"):
        read_layout(folder)
    assert read_layout(folder, variant="fp16").vision_graph == "onnx/vision_model_fp16.onnx"


def test_values_that_files_leave_out_are_those_of_the_family(tmp_path: Path) -> None:
    """Files of a hub hold only what differs from the defaults of the reference library."""
    folder = Path(shutil.copytree(FOLDER / "siglip", tmp_path / "siglip"))
    (folder / "config.json").write_text('{"model_type": "siglip"}')
    (folder / "preprocessor_config.json").write_text("{}")
    (folder / "tokenizer_config.json").unlink()
    layout = read_layout(folder)
    image = layout.image_rules(files=(), takes="", gives="")
    text = layout.text_rules(files=(), takes="", gives="", fixed_tokens=None)

    assert (image.resize, image.height, image.width, image.crop_height) == ("exact", 224, 224, 0)
    assert image.mean == image.deviation == (0.5, 0.5, 0.5)
    assert (text.longest_tokens, text.padded, text.pad_id) == (64, True, 1)


def test_a_removed_model_is_gone_and_a_built_in_one_stays(registry: Registry) -> None:
    add_folder(registry, FOLDER / "clip", name="tiny")
    registry.remove("tiny")

    with pytest.raises(UnknownModel, match=EMBEDDED):
        registry.find("tiny")
    with pytest.raises(UnfitName):
        registry.remove(EMBEDDED)


def test_names_come_from_folders_and_repositories() -> None:
    assert plain_name("Xenova/clip-vit-base-patch32") == "clip-vit-base-patch32"
    assert plain_name("/some/where/My Model (v2)/") == "my-model-v2"
