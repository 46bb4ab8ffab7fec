"""What an image tower needs more to tell which part of a picture fits a text: a few ONNX nodes.

Up to its last step the caption half is a sum over the cells of the last feature map, so each cell
has a share of it. The class half is not; there each cell is read as if it were the whole picture.
Both are written as nodes that read tensors of the tower and use its own weights.

They are kept beside the graph, not in it: protobuf messages that are set one after the other merge,
so `graph bytes + node bytes` is a graph with one more output, and the graph itself, its digest and
every embedding made by it stay as they are.

Letters: B pictures, C cells, F width of the feature maps (1280), J width of the caption half, K
width of the class half.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import NodeProto, helper, numpy_helper

TUNED = "/caption_head/tuned/tuned.5/tuned.5.2/Clip_output_0_DequantizeLinear_Output"
FROZEN = "/late/late.5/late.5.2/Clip_output_0_DequantizeLinear_Output"
WEIGHED = "/caption_head/Mul_output_0"  # [B, heads, width, C]
LENGTH = "/Clip_output_0"  # [B, 1], of the caption half before it is made unit
SHARPNESS = "/Constant_5_output_0"
HALF = "/Constant_14_output_0"
OUTPUT = "regions"
REGION_NODES = "image_regions.onnx.part"


def write_region_nodes(tower: Path, target: Path) -> None:
    """Write to `target` what makes an exported image tower give `regions` too, [B, C, J + K].

    Raises:
        KeyError: the tower was exported from other code and lacks a tensor that is read.
    """
    graph = onnx.load(tower).graph
    made = {name for node in graph.node for name in node.output}
    made |= {tensor.name for tensor in graph.initializer}
    missing = {FROZEN, TUNED, WEIGHED, LENGTH, SHARPNESS, HALF} - made
    if missing:
        raise KeyError(f"{tower.name} has no tensor {sorted(missing)[0]}.")
    more = onnx.ModelProto()
    more.graph.node.extend([*_caption_nodes(), *_class_nodes(), *_joining_nodes()])
    more.graph.initializer.extend(
        [
            numpy_helper.from_array(np.array([0, 0, -1], np.int64), "regions/flat"),
            numpy_helper.from_array(np.array([0, 0, 512], np.int64), "regions/looked_shape"),
            numpy_helper.from_array(np.array(1, np.int64), "regions/second"),
            numpy_helper.from_array(np.array([1], np.int64), "regions/axis"),
        ]
    )
    more.graph.output.append(onnx.ValueInfoProto(name=OUTPUT))
    target.write_bytes(more.SerializeToString())


def _caption_nodes() -> list[NodeProto]:
    """Return what shares the caption half among the cells; the shares' mean is it, less bias."""
    return [
        *_cells("frozen", FROZEN),
        *_cells("tuned", TUNED),
        *_standardised("frozen"),
        *_standardised("tuned"),
        _node("Transpose", [WEIGHED], "looks_by_cell", perm=[0, 3, 1, 2]),  # [B, C, heads, 64]
        _node("Reshape", ["regions/looks_by_cell", "regions/looked_shape"], "looks"),
        *_mapped("looks", "caption_head.from_looks.weight", "looks_summed"),
        _node("Shape", ["regions/looks"], "looks_size"),
        _node("Gather", ["regions/looks_size", "regions/second"], "cell_count"),
        _node("Cast", ["regions/cell_count"], "cells", to=onnx.TensorProto.FLOAT),
        _node("Mul", ["regions/looks_summed", "regions/cells"], "looks_share"),
        _node("Sum", ["regions/frozen_share", "regions/tuned_share", "regions/looks_share"], "sum"),
        _node("Unsqueeze", [LENGTH, "regions/axis"], "length"),  # [B, 1, 1]
        _node("Div", ["regions/sum", "regions/length"], "caption"),  # [B, C, J]
    ]


def _class_nodes() -> list[NodeProto]:
    """Return what reads each cell as if the picture were nothing else."""
    return [
        *_mapped("frozen", "trunk.classify.weight", "unbiased"),
        _node("Add", ["regions/unbiased", "trunk.classify.bias"], "logits"),
        _node("Mul", ["regions/logits", SHARPNESS], "flat_logits"),
        _node("Softmax", ["regions/flat_logits"], "belief", axis=-1),
        _node("MatMul", ["regions/belief", "names"], "mixed"),
        _node("LpNormalization", ["regions/mixed"], "class", axis=-1, p=2),  # [B, C, K]
    ]


def _joining_nodes() -> list[NodeProto]:
    return [
        _node("Concat", ["regions/caption", "regions/class"], "joined", axis=2),
        helper.make_node("Mul", ["regions/joined", HALF], [OUTPUT], name="regions/output"),
    ]


def _cells(name: str, maps: str) -> list[NodeProto]:
    return [
        _node("Reshape", [maps, "regions/flat"], f"{name}_flat"),  # [B, F, C]
        _node("Transpose", [f"regions/{name}_flat"], name, perm=[0, 2, 1]),  # [B, C, F]
    ]


def _standardised(name: str) -> list[NodeProto]:
    return [
        _node("Sub", [f"regions/{name}", "caption_head.mean"], f"{name}_centred"),
        _node("Div", [f"regions/{name}_centred", "caption_head.deviation"], f"{name}_standard"),
        *_mapped(f"{name}_standard", f"caption_head.from_{name}.weight", f"{name}_share"),
    ]


def _mapped(rows: str, weight: str, target: str) -> list[NodeProto]:
    """Multiply rows [B, C, n] by a weight [m, n] of the tower, transposed."""
    return [
        _node("Transpose", [weight], f"{target}_weight", perm=[1, 0]),
        _node("MatMul", [f"regions/{rows}", f"regions/{target}_weight"], target),
    ]


def _node(kind: str, inputs: list[str], output: str, **attributes: object) -> NodeProto:
    name = f"regions/{output}"
    return helper.make_node(kind, inputs, [name], name=name, **attributes)
