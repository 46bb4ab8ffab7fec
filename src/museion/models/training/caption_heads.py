"""The trained part of the dual encoder: what maps pictures and texts into the caption half.

Letters: B inputs, C channels and H, W rows and columns of an early map, F pooled width (1280), N
attention heads, J width of the caption half, W width of a sentence state.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional

from museion.models.training.efficientnet_lite import HEAD_CHANNELS, EfficientNetLite

CAPTION_WIDTH = 512
ATTENTION_HEADS = 8
ATTENDED_WIDTH = 512
TEXT_DROPOUT = 0.1
STATE_SCALE = 4.0  # unit states are small for the learning rate of the other layers


class PhotoHead(nn.Module):
    """Sum of three views of a picture: the untouched trunk, a tuned copy of its late part, and
    what that copy finds where a few learned queries look.

    The untouched part keeps what ImageNet taught; the tuned copy learns what captions care for.
    """

    def __init__(self, trunk: EfficientNetLite) -> None:
        super().__init__()
        self.tuned = copy.deepcopy(trunk.late)
        self.dropout = nn.Dropout()
        self.from_frozen = nn.Linear(HEAD_CHANNELS, CAPTION_WIDTH)
        self.from_tuned = nn.Linear(HEAD_CHANNELS, CAPTION_WIDTH)
        self.look = nn.Conv2d(HEAD_CHANNELS, ATTENTION_HEADS, 1)
        self.take = nn.Conv2d(HEAD_CHANNELS, ATTENDED_WIDTH, 1)
        self.from_looks = nn.Linear(ATTENDED_WIDTH, CAPTION_WIDTH)
        self.register_buffer("mean", torch.zeros(HEAD_CHANNELS))
        self.register_buffer("deviation", torch.ones(HEAD_CHANNELS))
        # Attention begins as a plain mean over places.
        nn.init.zeros_(self.look.weight)
        nn.init.zeros_(self.look.bias)

    def set_statistics(self, pooled: Tensor) -> None:
        """Take mean and deviation of the pooled width from training photos [N, F]."""
        self.mean.copy_(pooled.mean(dim=0))
        self.deviation.copy_(pooled.std(dim=0))

    def forward(self, early: Tensor, pooled: Tensor) -> Tensor:
        """Map early maps [B, C, H, W] and pooled output [B, F] to rows [B, J], not yet unit."""
        maps = self.tuned(early)  # [B, F, H, W]
        frozen = self.from_frozen(self.dropout(self._standard(pooled)))
        tuned = self.from_tuned(self.dropout(self._standard(maps.mean(dim=(2, 3)))))
        summed: Tensor = frozen + tuned + self.from_looks(self.dropout(self._looks(maps)))
        return summed

    def _looks(self, maps: Tensor) -> Tensor:
        weight = self.look(maps).flatten(2).softmax(dim=2)  # [B, N, H * W]
        taken = self.take(maps).flatten(2).unflatten(1, (ATTENTION_HEADS, -1))  # [B, N, 64, H * W]
        return (taken * weight[:, :, None]).sum(dim=3).flatten(1)  # [B, 512]

    def _standard(self, pooled: Tensor) -> Tensor:
        return (pooled - self.mean) / self.deviation


class TextHead(nn.Module):
    """One linear layer on the unit sentence state; the sentence encoder itself stays as it is.

    Tuning it too gained nothing on 6,000 photos and would bend what the class half relies on.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.dropout = nn.Dropout(TEXT_DROPOUT)
        self.linear = nn.Linear(width, CAPTION_WIDTH)

    def forward(self, states: Tensor) -> Tensor:
        """Map unit sentence states [B, W] to rows [B, J], not yet unit."""
        rows: Tensor = self.linear(self.dropout(states * STATE_SCALE))
        return rows


def unit(rows: Tensor) -> Tensor:
    """Scale each row to length one, in 32-bit floats."""
    return functional.normalize(rows.float(), dim=1)
