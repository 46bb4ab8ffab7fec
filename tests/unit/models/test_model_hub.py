"""Models come from a hub whole, as the hub states them, or not at all; what came is not lost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from loopback_hub import COMMIT, Hub, running_hub
from tiny_encoders import FOLDER, expected, inputs

from museion.base.errors import Unavailable
from museion.models.checkpoint import Checkpoint
from museion.models.hub import BadRepository, HubUnreachable, NotOnHub, NotOpen, NotWhatTheHubHas
from museion.models.obtaining import LicenceNotAccepted, obtain
from museion.models.registry import Registry, open_text_tower

_GRAPH = "onnx/vision_model.onnx"


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def hub() -> Iterator[Hub]:
    with running_hub(FOLDER) as hub:
        yield hub


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    return Registry(tmp_path / "models")


def _obtain(registry: Registry, hub: Hub, repository: str = "tiny/siglip") -> Checkpoint:
    return obtain(registry, repository, accept=lambda _: True, hub=hub.address)


def test_a_model_comes_by_its_name_with_source_revision_and_digests(
    registry: Registry, hub: Hub
) -> None:
    added = _obtain(registry, hub)

    assert added.card.source == f"{hub.address}/tiny/siglip"
    assert added.card.revision == COMMIT
    assert set(added.card.files) >= {"config.json", "tokenizer.json", _GRAPH}
    assert registry.find("siglip") == added
    rows = open_text_tower(added).encode_texts(inputs()[1])
    assert abs(rows - expected("siglip").texts).max() < 1e-3


def test_scale_and_bias_are_read_without_fetching_the_weights(registry: Registry, hub: Hub) -> None:
    card = _obtain(registry, hub).card

    assert card.logit_bias == pytest.approx(-9.5)
    spans = [span for file, span in hub.asked if file == "model.safetensors"]
    assert spans[0] == "bytes=0-7"
    assert None not in spans


def test_a_broken_line_costs_nothing_but_the_rest(registry: Registry, hub: Hub) -> None:
    hub.cut_after[_GRAPH] = 20_000
    with pytest.raises(HubUnreachable, match=_GRAPH):
        _obtain(registry, hub)
    assert registry.names() == ["museion-embedded-1"]

    _obtain(registry, hub)

    assert [span for file, span in hub.asked if file == _GRAPH] == [None, "bytes=20000-"]
    assert len([file for file, _ in hub.asked if file == "tokenizer.json"]) == 1


def test_a_file_that_changed_meanwhile_is_fetched_anew(registry: Registry, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(FOLDER / "siglip", tmp_path / "hub" / "siglip")
    changed = tmp_path / "hub" / "siglip" / "README.md"
    with running_hub(tmp_path / "hub") as hub:
        hub.cut_after["README.md"] = 20
        with pytest.raises(HubUnreachable):
            _obtain(registry, hub)
        changed.write_text("---\nlicense: mit\n---\n" + "x" * 300)

        assert _obtain(registry, hub).licence == "mit"


def test_bytes_that_are_not_what_the_hub_states_are_thrown_away(
    registry: Registry, hub: Hub
) -> None:
    hub.lie.add(_GRAPH)
    with pytest.raises(NotWhatTheHubHas, match=_GRAPH):
        _obtain(registry, hub)
    hub.lie.clear()

    assert _obtain(registry, hub).name == "siglip"


def test_nothing_large_is_fetched_before_the_licence_was_accepted(
    registry: Registry, hub: Hub
) -> None:
    shown: list[str] = []

    def refuse(licence: str) -> bool:
        shown.append(licence)
        return False

    with pytest.raises(LicenceNotAccepted, match=r"apache-2\.0"):
        obtain(registry, "tiny/siglip", accept=refuse, hub=hub.address)

    assert shown == ["apache-2.0"]
    assert not [file for file, _ in hub.asked if file.endswith(".onnx")]
    assert registry.names() == ["museion-embedded-1"]


def test_offline_the_error_names_the_file_and_the_address(registry: Registry, hub: Hub) -> None:
    nobody = "http://127.0.0.1:9"
    with pytest.raises(Unavailable) as caught:
        obtain(registry, "tiny/siglip", accept=lambda _: True, hub=nobody)

    assert f"config.json cannot be fetched from {nobody}/tiny/siglip/resolve/main/config.json" in (
        str(caught.value)
    )
    assert "bring the folder here" in caught.value.remedy


def test_a_missing_file_is_named_with_its_address(registry: Registry, hub: Hub) -> None:
    with pytest.raises(NotOnHub, match=r"onnx/vision_model_fp16\.onnx.*/tiny/clip/resolve/"):
        obtain(registry, "tiny/clip", accept=lambda _: True, hub=hub.address, variant="fp16")


def test_what_only_members_get_is_said_to_be_so(registry: Registry, hub: Hub) -> None:
    hub.closed.add(_GRAPH)
    with pytest.raises(NotOpen, match="401"):
        _obtain(registry, hub)


@pytest.mark.parametrize("name", ["nothing", "a/b/c", "tiny/../x"])
def test_what_is_no_folder_and_no_name_is_refused(registry: Registry, hub: Hub, name: str) -> None:
    with pytest.raises(BadRepository):
        _obtain(registry, hub, name)
