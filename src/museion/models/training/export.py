"""Write trained towers as ONNX: small, quantised, and checked by whoever calls.

Three means, each where it costs least: convolutions in 8-bit integers (static, calibrated on
training photos), layers of the text tower in 8-bit integers (dynamic), tables and single large
matrices as 8-bit integers with one factor a row or column, widened when the graph is opened.
"""

from __future__ import annotations

import json
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantFormat,
    QuantType,
    quantize_dynamic,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process
from torch import Tensor, nn

from museion.models.training.dual_encoder import ImageTower, TextTower
from museion.models.training.regions import REGION_NODES, write_region_nodes

OPSET = 18
CALIBRATION_BATCH = 16
LARGE_MATRIX = 20_000  # numbers; smaller ones stay as they are


class PixelBatches(CalibrationDataReader):
    """Feeds training photos [N, S, S, 3] to the calibration of the convolutions."""

    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        starts = range(0, len(pixels), CALIBRATION_BATCH)
        self._batches: Iterator[NDArray[np.uint8]] = iter(
            [pixels[start : start + CALIBRATION_BATCH] for start in starts]
        )

    def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
        """Return the next feed, or nothing when all photos were seen."""
        batch = next(self._batches, None)
        return None if batch is None else {"pixels": batch}


def export_image_tower(tower: ImageTower, target: Path, *, pixels: NDArray[np.uint8]) -> None:
    """Write the image tower to `target`, calibrated on `pixels` [N, S, S, 3].

    Beside it lies what makes it see the parts of a picture too.
    """
    with tempfile.TemporaryDirectory() as folder:
        plain, shaped = Path(folder) / "plain.onnx", Path(folder) / "shaped.onnx"
        example = torch.from_numpy(pixels[:2])
        _trace(tower, example, plain, inputs=["pixels"], outputs=["embedding", "labels"], free=[0])
        quant_pre_process(plain, shaped, skip_symbolic_shape=True)
        quantize_static(
            shaped,
            target,
            PixelBatches(pixels),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Conv", "Add", "Clip"],
            nodes_to_exclude=_nodes_outside_trunk(shaped),
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
    _shrink_matrices(target)
    write_region_nodes(target, target.with_name(REGION_NODES))


def export_text_tower(tower: TextTower, target: Path) -> None:
    """Write the text tower to `target`."""
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "plain.onnx"
        tower.trunk.embed.words = ByteRows(tower.trunk.embed.words.weight)
        example = torch.ones(2, 9, dtype=torch.long)
        _trace(tower, example, plain, inputs=["tokens"], outputs=["embedding"], free=[0, 1])
        quantize_dynamic(
            plain,
            target,
            per_channel=True,
            weight_type=QuantType.QInt8,
            op_types_to_quantize=["MatMul", "Gemm"],
            nodes_to_exclude=[
                node.name for node in onnx.load(plain).graph.node if "/layers." not in node.name
            ],
        )
    _shrink_matrices(target)


class ByteRows(nn.Module):
    """An embedding table whose rows are bytes with one factor each: a quarter of the size."""

    def __init__(self, table: Tensor) -> None:
        super().__init__()
        factor = table.detach().abs().amax(dim=1, keepdim=True).clamp(min=1e-8) / 127.0
        self.register_buffer("rows", torch.round(table.detach() / factor).to(torch.int8))
        self.register_buffer("factor", factor)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map token numbers [B, T] to rows [B, T, D]."""
        rows = nn.functional.embedding(tokens, self.rows).float()
        widened: Tensor = rows * nn.functional.embedding(tokens, self.factor)
        return widened


def prune_vocabulary(tokenizer: Path, target: Path, *, tokens_read: int) -> list[int]:
    """Write a tokenizer without the pieces that English never needs; return the rows to keep.

    Pieces of other scripts and unused places go; what they stood for is read as unknown. Row `i` of
    the pruned table is row `kept[i]` of the full one.
    """
    rules = json.loads(tokenizer.read_text(encoding="utf-8"))
    vocabulary: dict[str, int] = rules["model"]["vocab"]
    kept = sorted(number for piece, number in vocabulary.items() if _is_kept(piece))
    places = {number: place for place, number in enumerate(kept)}
    rules["model"]["vocab"] = {
        piece: places[number] for piece, number in vocabulary.items() if number in places
    }
    rules["added_tokens"] = [
        {**token, "id": places[token["id"]]} for token in rules["added_tokens"]
    ]
    for special in rules["post_processor"]["special_tokens"].values():
        special["ids"] = [places[number] for number in special["ids"]]
    rules["truncation"] = {
        "direction": "Right",
        "max_length": tokens_read,
        "strategy": "LongestFirst",
        "stride": 0,
    }
    rules["padding"] = None
    target.write_text(json.dumps(rules, ensure_ascii=False, separators=(",", ":")), "utf-8")
    return kept


def _is_kept(piece: str) -> bool:
    if piece.startswith("[unused"):
        return False
    return all(ord(letter) < 0x250 or 0x2010 <= ord(letter) <= 0x203A for letter in piece)


def _trace(
    module: nn.Module,
    example: Tensor,
    target: Path,
    *,
    inputs: Sequence[str],
    outputs: Sequence[str],
    free: Sequence[int],
) -> None:
    with warnings.catch_warnings():
        # The padding of a convolution is fixed by the fixed side of the square, as traced.
        warnings.simplefilter("ignore", category=torch.jit.TracerWarning)
        warnings.simplefilter("ignore", category=DeprecationWarning)
        torch.onnx.export(
            module.eval(),
            (example,),
            target,
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_axes={inputs[0]: {axis: f"axis_{axis}" for axis in free}},
            opset_version=OPSET,
            dynamo=False,
        )


def _nodes_outside_trunk(graph: Path) -> list[str]:
    """Name every addition and clip that is not between convolutions: the heads stay in floats."""
    nodes = onnx.load(graph).graph.node
    produced_by = {output: node for node in nodes for output in node.output}
    inside = {"Conv", "Add", "Clip"}
    outside: list[str] = []
    for node in nodes:
        if node.op_type in ("Add", "Clip"):
            first = produced_by.get(node.input[0])
            if first is None or first.op_type not in inside or first.name in outside:
                outside.append(node.name)
    return outside


def _shrink_matrices(path: Path) -> None:
    """Keep each large float matrix as bytes with one factor a column, widened on opening."""
    model = onnx.load(path)
    graph = model.graph
    used_by_product = {
        name for node in graph.node if node.op_type in ("Gemm", "MatMul") for name in node.input
    }
    for tensor in list(graph.initializer):
        is_matrix = tensor.data_type == onnx.TensorProto.FLOAT and len(tensor.dims) == 2
        is_large = is_matrix and int(np.prod(tensor.dims)) >= LARGE_MATRIX
        if is_large and tensor.name in used_by_product:
            _as_bytes(graph, tensor)
    onnx.save(model, path)


def _as_bytes(graph: onnx.GraphProto, tensor: onnx.TensorProto) -> None:
    matrix = numpy_helper.to_array(tensor)
    name = tensor.name
    factor = np.maximum(np.abs(matrix).max(axis=0), 1e-8).astype(np.float32) / 127.0
    narrow = np.round(matrix / factor).astype(np.int8)
    graph.initializer.remove(tensor)
    graph.initializer.append(numpy_helper.from_array(narrow, f"{name}_bytes"))
    graph.initializer.append(numpy_helper.from_array(factor, f"{name}_factor"))
    widen = helper.make_node(
        "DequantizeLinear", [f"{name}_bytes", f"{name}_factor"], [name], f"widen_{name}", axis=1
    )
    graph.node.insert(0, widen)
