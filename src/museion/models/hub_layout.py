"""Reads how a dual encoder is fed from its own files, in the layout that model hubs use.

config.json, preprocessor_config.json, tokenizer.json, tokenizer_config.json, and the two graphs
onnx/vision_model*.onnx and onnx/text_model*.onnx. Where a file leaves a value out, the value is the
one that the reference library takes for the family: it leaves out what is the default.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import exp
from pathlib import Path
from typing import Any

from museion.base.errors import InvalidInput, NotFound
from museion.models.checkpoint import ImageRules, TextRules
from museion.models.safetensors_header import scalars_of

CONFIG = "config.json"
PREPROCESSOR = "preprocessor_config.json"
PROCESSOR = "processor_config.json"
TOKENIZER = "tokenizer.json"
TOKENIZER_CONFIG = "tokenizer_config.json"
READ_ME = "README.md"
WEIGHTS = "model.safetensors"
FAMILIES = ("clip", "siglip", "siglip2")
_LICENCE_FILES = ("LICENSE", "LICENSE.txt", "LICENSE.md", "LICENCE")
_LONGEST_LICENCE = 600
_LEFT_PADDING = {"GemmaTokenizer", "GemmaTokenizerFast", "Siglip2Tokenizer"}
_CLIP_MEAN = [0.48145466, 0.4578275, 0.40821073]
_CLIP_DEVIATION = [0.26862954, 0.26130258, 0.27577711]

Table = Mapping[str, Any]
"""What a JSON file holds; read with `_number` and the like, never passed on."""


class NoSuchFile(NotFound):
    """A file that a model needs is not in its folder."""

    def __init__(self, folder: Path, name: str) -> None:
        super().__init__(
            f"{folder} has no {name}.",
            remedy="A model needs config.json, preprocessor_config.json, tokenizer.json, "
            "onnx/vision_model*.onnx and onnx/text_model*.onnx.",
        )


class UnfitLayout(InvalidInput):
    """The files of a model say something that is not understood here."""

    def __init__(self, name: str, what: str) -> None:
        super().__init__(
            f"{name}: {what}.",
            remedy="CLIP, SigLIP and SigLIP 2 of fixed size are understood, exported to ONNX.",
        )


@dataclass(frozen=True, slots=True)
class Layout:
    """What the files of a model say, but for what only its graphs can tell.

    Attributes:
        variant: of the graphs, as `quantized` in vision_model_quantized.onnx; empty for none.
        licence: as its files state it; empty where they do not.
    """

    folder: Path
    family: str
    variant: str
    licence: str
    logit_scale: float | None
    logit_bias: float | None
    _config: Table
    _pixels: Table
    _tokens: Table

    @property
    def vision_graph(self) -> str:
        """Name of the file of the image tower's graph."""
        return graph_name("vision", self.variant)

    @property
    def text_graph(self) -> str:
        """Name of the file of the text tower's graph."""
        return graph_name("text", self.variant)

    def image_rules(self, *, files: tuple[str, ...], takes: str, gives: str) -> ImageRules:
        """Return how a picture is fed to the image tower.

        Raises:
            UnfitLayout: it has to be fed in a way that is not known here.
        """
        table, is_clip = self._pixels, self.family == "clip"
        resize, height, width = self._size()
        crop = (0, 0)
        if table.get("do_center_crop", is_clip):
            crop = _square(table.get("crop_size", 224), "crop_size")
        normalise = table.get("do_normalize", True)
        mean = table.get("image_mean", _CLIP_MEAN if is_clip else [0.5] * 3)
        deviation = table.get("image_std", _CLIP_DEVIATION if is_clip else [0.5] * 3)
        return ImageRules(
            files=files,
            resize=resize if table.get("do_resize", True) else "none",  # type: ignore[arg-type]  # one of three
            height=height,
            width=width,
            crop_height=crop[0],
            crop_width=crop[1],
            resample=int(table.get("resample", 3)),
            rescale=float(table.get("rescale_factor", 1 / 255))
            if table.get("do_rescale", True)
            else 1.0,
            mean=tuple(map(float, mean)) if normalise else (0.0,) * 3,
            deviation=tuple(map(float, deviation)) if normalise else (1.0,) * 3,
            takes=takes,
            gives=gives,
        )

    def text_rules(
        self, *, files: tuple[str, ...], takes: str, gives: str, fixed_tokens: int | None
    ) -> TextRules:
        """Return how a text is fed to the text tower.

        Args:
            files: of the graph.
            takes, gives: names in the graph.
            fixed_tokens: length that the graph insists on, None where any will do.
        """
        text, tokens = self._config.get("text_config", {}), self._tokens
        is_clip = self.family == "clip"
        positions = int(text.get("max_position_embeddings", 77 if is_clip else 64))
        kind = str(tokens.get("tokenizer_class", ""))
        side = tokens.get("padding_side", "left" if kind in _LEFT_PADDING else "right")
        return TextRules(
            files=files,
            longest_tokens=min(positions, int(tokens.get("model_max_length", positions)))
            if fixed_tokens is None
            else fixed_tokens,
            padded=not is_clip or fixed_tokens is not None,
            pad_id=self._pad_id(text),
            pads_left=side == "left",
            lower_case=bool(tokens.get("do_lower_case", kind.startswith("Siglip"))),
            without_punctuation=kind == "SiglipTokenizer",
            is_masked=is_clip,
            takes=takes,
            gives=gives,
        )

    def _size(self) -> tuple[str, int, int]:
        is_clip = self.family == "clip"
        size = self._pixels.get("size", {"shortest_edge": 224} if is_clip else 224)
        if isinstance(size, int) and is_clip:
            size = {"shortest_edge": size}
        if isinstance(size, dict) and size.get("shortest_edge") and not size.get("longest_edge"):
            return "shortest-edge", int(size["shortest_edge"]), int(size["shortest_edge"])
        return ("exact", *_square(size, "size"))

    def _pad_id(self, text: Table) -> int:
        from tokenizers import Tokenizer

        token = self._tokens.get("pad_token")
        if isinstance(token, dict):
            token = token.get("content")
        if isinstance(token, str):
            found = Tokenizer.from_file(str(self.folder / TOKENIZER)).token_to_id(token)
            if found is not None:
                return int(found)
        return int(text.get("pad_token_id") or (0 if self.family == "clip" else 1))


def graph_name(tower: str, variant: str) -> str:
    """Return the name of a graph's file: `tower` is `vision` or `text`."""
    return f"onnx/{tower}_model{'_' + variant if variant else ''}.onnx"


def read_layout(
    folder: Path,
    *,
    variant: str | None = None,
    logits: tuple[float | None, float | None] = (None, None),
) -> Layout:
    """Read the small files of a model.

    Args:
        folder: with the layout.
        variant: of the graphs; None takes the plain one, or the only one that is there.
        logits: scale (its logarithm) and bias, where they were read from elsewhere.

    Raises:
        NoSuchFile: a file is missing.
        UnfitLayout: the model is of a family that is not understood, or a file is no JSON.
    """
    config = read_table(folder, CONFIG)
    family = str(config.get("model_type", ""))
    if family not in FAMILIES:
        raise UnfitLayout(CONFIG, f"the model type is {family!r}, not {', '.join(FAMILIES)}")
    if not (folder / TOKENIZER).is_file():
        raise NoSuchFile(folder, TOKENIZER)
    pixels = _pixel_table(folder)
    if "max_num_patches" in pixels and "size" not in pixels:
        raise UnfitLayout(PREPROCESSOR, "the model takes pictures of any shape (NaFlex)")
    has_tokens = (folder / TOKENIZER_CONFIG).is_file()
    scale, bias = _logits(folder, config, logits)
    return Layout(
        folder=folder,
        family=family,
        variant=_variant(folder) if variant is None else variant,
        licence=licence_of(folder),
        logit_scale=scale,
        logit_bias=bias,
        _config=config,
        _pixels=pixels,
        _tokens=read_table(folder, TOKENIZER_CONFIG) if has_tokens else {},
    )


def read_table(folder: Path, name: str) -> Table:
    """Return the object in a JSON file.

    Raises:
        NoSuchFile, UnfitLayout: there is none, or it is something else.
    """
    try:
        table = json.loads((folder / name).read_text("utf-8"))
    except FileNotFoundError as reason:
        raise NoSuchFile(folder, name) from reason
    except ValueError as reason:
        raise UnfitLayout(name, f"it is no JSON ({reason})") from reason
    if not isinstance(table, dict):
        raise UnfitLayout(name, "it is no JSON object")
    return table


def licence_of(folder: Path) -> str:
    """Return the licence as a model's files state it: the head of README.md, or LICENSE."""
    read_me = folder / READ_ME
    if read_me.is_file():
        text = read_me.read_text("utf-8", "replace")
        head = re.match(r"---\n(.*?)\n---", text, re.DOTALL)
        found = re.findall(r"^(license(?:_name|_link)?):\s*(.+)$", head[1] if head else "", re.M)
        if found:
            return ", ".join(value.strip().strip("\"'") for _, value in found)
    for name in _LICENCE_FILES:
        if (folder / name).is_file():
            words = (folder / name).read_text("utf-8", "replace").split()
            return " ".join(words)[:_LONGEST_LICENCE]
    return ""


def _pixel_table(folder: Path) -> Table:
    if (folder / PREPROCESSOR).is_file() or not (folder / PROCESSOR).is_file():
        return read_table(folder, PREPROCESSOR)
    table = read_table(folder, PROCESSOR).get("image_processor")
    if not isinstance(table, dict):
        raise NoSuchFile(folder, PREPROCESSOR)
    return table


def _variant(folder: Path) -> str:
    """Return the plain variant, or the only one for which both graphs are there."""
    found = sorted(path.name[len("vision_model") : -len(".onnx")].removeprefix("_") for path in
                   (folder / "onnx").glob("vision_model*.onnx"))  # fmt: skip
    both = [each for each in found if (folder / graph_name("text", each)).is_file()]
    if "" in both or not both:
        return ""
    if len(both) > 1:
        raise UnfitLayout("onnx", f"there are several variants ({', '.join(both)}); choose one")
    return both[0]


def _square(size: object, name: str) -> tuple[int, int]:
    """Return height and width."""
    if isinstance(size, int):
        return size, size
    if isinstance(size, list) and len(size) == 2:
        return int(size[0]), int(size[1])
    if isinstance(size, dict) and size.get("height") and size.get("width"):
        return int(size["height"]), int(size["width"])
    raise UnfitLayout(PREPROCESSOR, f"{name} is {size}")


def _logits(
    folder: Path, config: Table, known: tuple[float | None, float | None]
) -> tuple[float | None, float | None]:
    """Return scale and bias of the training's logits; weights keep the scale as a logarithm."""
    weights = folder / WEIGHTS
    found = scalars_of(weights, ("logit_scale", "logit_bias")) if weights.is_file() else {}
    scale, bias = found.get("logit_scale", known[0]), found.get("logit_bias", known[1])
    if scale is None and isinstance(config.get("logit_scale_init_value"), int | float):
        scale = float(config["logit_scale_init_value"])
    return None if scale is None else exp(scale), bias
