"""Checkpoints are records: whole, small, and clear about what they may be used for."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from museion.base.errors import Damaged, NotFound
from museion.models.embedded import EMBEDDED
from museion.models.registry import (
    WEIGHTS,
    Checkpoint,
    built_in_checkpoint,
    checkpoint_names,
)

SIZE_BUDGET_BYTES = 40_000_000


@pytest.mark.parametrize("name", checkpoint_names())
def test_every_file_is_what_the_card_says(name: str) -> None:
    checkpoint = built_in_checkpoint(name)
    for file in checkpoint.card.files:
        assert checkpoint.file(file).is_file()


@pytest.mark.parametrize("name", checkpoint_names())
def test_every_checkpoint_states_licence_and_data(name: str) -> None:
    card = built_in_checkpoint(name).card
    assert "non-commercial" in card.licence
    assert "Hodosh" in card.data
    assert (WEIGHTS / name / "CARD.md").is_file()


def test_the_shipped_weights_keep_their_budget() -> None:
    files = [path for path in WEIGHTS.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= SIZE_BUDGET_BYTES
    assert built_in_checkpoint(EMBEDDED).size_bytes <= SIZE_BUDGET_BYTES


def test_an_unknown_checkpoint_names_the_known_ones() -> None:
    with pytest.raises(NotFound, match=EMBEDDED):
        built_in_checkpoint("no-such-encoder")


def test_a_changed_file_is_refused(tmp_path: Path) -> None:
    real = built_in_checkpoint(EMBEDDED)
    shutil.copy(real.folder / "labels.json", tmp_path / "labels.json")
    copy = Checkpoint(tmp_path, real.card)
    assert copy.file("labels.json").is_file()
    (tmp_path / "labels.json").write_text("[]")
    with pytest.raises(Damaged, match=r"labels\.json"):
        copy.file("labels.json")
    with pytest.raises(Damaged, match="missing"):
        copy.file("text_tower.onnx")


def test_any_changed_bit_is_another_space() -> None:
    real = built_in_checkpoint(EMBEDDED)
    files = {**real.card.files, "text_tower.onnx": "0" * 64}
    changed = replace(real, card=msgspec.structs.replace(real.card, files=files))
    assert changed.space.id != real.space.id
