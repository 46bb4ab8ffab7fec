"""Takes a dual encoder into a registry: reads its files, tries both towers, writes its card."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec
import onnxruntime as ort

from museion.models.checkpoint import Card, Checkpoint, ImageRules, TextRules, digest_of_file
from museion.models.dual_encoder import open_dual_image_tower, open_dual_text_tower
from museion.models.graphs import open_graph
from museion.models.hub_layout import (
    CONFIG,
    PREPROCESSOR,
    PROCESSOR,
    READ_ME,
    TOKENIZER,
    TOKENIZER_CONFIG,
    Layout,
    NoSuchFile,
    UnfitLayout,
    read_layout,
)
from museion.models.registry import Registry
from museion.models.unrelated import background_of, sample_pictures

_SMALL_FILES = (CONFIG, PREPROCESSOR, PROCESSOR, TOKENIZER, TOKENIZER_CONFIG, READ_ME, "LICENSE")
_NO_LICENCE = "Its files state no licence."
_IMAGE_OUTPUTS = ("image_embeds", "image_embeddings", "pooler_output")
_TEXT_OUTPUTS = ("text_embeds", "text_embeddings", "pooler_output")


def add_folder(
    registry: Registry,
    folder: Path,
    *,
    name: str,
    variant: str | None = None,
    source: str = "",
    revision: str = "",
    logits: tuple[float | None, float | None] = (None, None),
) -> Checkpoint:
    """Copy a model out of a folder into a registry, after trying that it works.

    Args:
        registry: gets the model whole or not at all.
        folder: in the layout of `hub_layout`; it is left as it is.
        name: under which it will be known.
        variant: of the graphs, as `quantized`; None takes the plain one, or the only one.
        source: where it came from, for people; the folder where it is empty.
        revision: which state of the source.
        logits: see `read_layout`.

    Raises:
        NoSuchFile, UnfitLayout: the folder is not understood.
        UnusableGraph, NotAnEmbedding: a tower does not run, or gives something else.
        ModelExists, UnfitName: the name is taken or unfit.
    """
    registry.place(name)
    layout = read_layout(folder, variant=variant, logits=logits)
    registry.folder.mkdir(parents=True, exist_ok=True)
    staged = Path(tempfile.mkdtemp(prefix=".adding-", dir=registry.folder))
    try:
        files = _copy(layout, staged)
        card = _card(layout, staged, files, name=name, source=source or str(folder))
        card = msgspec.structs.replace(card, revision=revision)
        card = _measured(Checkpoint(staged, card))
        return registry.keep(staged, card)
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def _copy(layout: Layout, staged: Path) -> list[str]:
    """Copy the files that the towers need, and those that say what they are; return their names."""
    for graph in (layout.vision_graph, layout.text_graph):
        if not (layout.folder / graph).is_file():
            raise NoSuchFile(layout.folder, graph)
    names = [name for name in _SMALL_FILES if (layout.folder / name).is_file()]
    names += [name for tower in ("vision", "text") for name in graph_files(layout, tower)]
    for name in names:
        (staged / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(layout.folder / name, staged / name)
    return names


def graph_files(layout: Layout, tower: str) -> tuple[str, ...]:
    """Return the names of a tower's graph and of the files of weights beside it."""
    graph = layout.vision_graph if tower == "vision" else layout.text_graph
    beside = sorted((layout.folder / "onnx").glob(f"{Path(graph).name}[_.]data*"))
    return (graph, *(f"onnx/{path.name}" for path in beside))


def _card(layout: Layout, staged: Path, files: list[str], *, name: str, source: str) -> Card:
    image = _image_rules(layout, staged)
    text, dimension = _text_rules(layout, staged)
    return Card(
        name=name,
        dimension=dimension,
        side=image.crop_height or image.height,
        label_threshold=1.0,  # it gives no labels
        background_mean=0.0,
        background_deviation=1.0,
        licence=layout.licence or _NO_LICENCE,
        data="See its README.md.",
        files={each: digest_of_file(staged / each) for each in files},
        metrics={},
        family=layout.family,
        image=image,
        text=text,
        source=source,
        logit_scale=layout.logit_scale,
        logit_bias=layout.logit_bias,
    )


def _image_rules(layout: Layout, staged: Path) -> ImageRules:
    graph = open_graph(staged / layout.vision_graph, threads=1)
    takes = [each.name for each in graph.get_inputs()]
    if takes != ["pixel_values"]:
        raise UnfitLayout(layout.vision_graph, f"it takes {', '.join(takes)}, not pixel_values")
    gives, _ = _output(layout, graph, layout.vision_graph, _IMAGE_OUTPUTS)
    return layout.image_rules(
        files=graph_files(layout, "vision"), takes="pixel_values", gives=gives
    )


def _text_rules(layout: Layout, staged: Path) -> tuple[TextRules, int]:
    graph = open_graph(staged / layout.text_graph, threads=1)
    takes = {each.name: each for each in graph.get_inputs()}
    if not {"input_ids"} <= set(takes) <= {"input_ids", "attention_mask"}:
        raise UnfitLayout(layout.text_graph, f"it takes {', '.join(takes)}, not input_ids")
    gives, width = _output(layout, graph, layout.text_graph, _TEXT_OUTPUTS)
    length = takes["input_ids"].shape[1]
    rules = layout.text_rules(
        files=graph_files(layout, "text"),
        takes="input_ids",
        gives=gives,
        fixed_tokens=length if isinstance(length, int) else None,
    )
    if width is None:
        width = _width_of_a_try(layout, graph, rules)
    return rules, width


def _output(
    layout: Layout, graph: ort.InferenceSession, file: str, wanted: Sequence[str]
) -> tuple[str, int | None]:
    """Return the output that holds the embedding, and its width where the graph tells it."""
    outputs = {each.name: each for each in graph.get_outputs()}
    for name in wanted:
        # The pooled state of a CLIP tower lies before its projection: it is in no shared space.
        if name in outputs and not (name == "pooler_output" and layout.family == "clip"):
            width = outputs[name].shape[-1]
            return name, width if isinstance(width, int) else None
    raise UnfitLayout(file, f"it gives {', '.join(outputs)}, but no embedding ({wanted[0]})")


def _width_of_a_try(layout: Layout, graph: ort.InferenceSession, rules: TextRules) -> int:
    import numpy as np

    tokens = np.full((1, rules.longest_tokens), rules.pad_id, np.int64)
    feeds = {"input_ids": tokens, "attention_mask": np.ones_like(tokens)}
    names = {each.name for each in graph.get_inputs()}
    (row,) = graph.run([rules.gives], {name: feeds[name] for name in names})
    return int(row.shape[-1])


def _measured(checkpoint: Checkpoint) -> Card:
    """Run both towers, and note how similar a text and a picture are by chance."""
    image_tower = open_dual_image_tower(checkpoint, threads=2)
    text_tower = open_dual_text_tower(checkpoint, threads=2)
    mean, deviation = background_of(image_tower, text_tower, sample_pictures())
    return msgspec.structs.replace(
        checkpoint.card, background_mean=mean, background_deviation=deviation
    )
