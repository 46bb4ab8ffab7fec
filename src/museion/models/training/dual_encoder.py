"""The two towers as they are shipped, in PyTorch: what `export` writes down as ONNX.

Letters: B inputs, S side of the square, F width of the pooled picture (1280), J width of the
caption half, K width of the class half, L labels, T tokens, W width of the sentence state (384).

An embedding is two unit rows side by side:

- the *caption half* [J] is learned from captioned photos (InfoNCE, see `fit`);
- the *class half* [K] is where the sentence encoder puts the names of the classes that the image
  trunk believes in: it knows things that the captions never showed.

A picture gives both halves equal weight. A text weighs them by a gate: a query that reads like a
caption trusts the first, a query that reads like the name of a thing trusts the second. A dot
product needs no more, so one row a picture serves both.

Source: convex combination of class-name embeddings after Norouzi et al., ICLR 2014 ("ConSE"), with
the sentence encoder for word2vec and centred names.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from museion.models.training.efficientnet_lite import EfficientNetLite, normalise
from museion.models.training.sentence_encoder import SentenceEncoder

CLASS_SHARPNESS = 0.5  # factor on the logits; flatter than the trunk's own belief ranks better
CLASSES_MIXED = 20
GATE_RANGE = (0.3, 0.9)  # weight of the caption half, from a bare name to a caption


@dataclass(frozen=True, slots=True)
class ClassSpace:
    """Where names of things lie: `project` maps a sentence state to K, `names` are the classes."""

    centre: Tensor  # [W]
    project: Tensor  # [W, K]
    names: Tensor  # [1000, K], unit rows before the projection
    gate_weight: Tensor  # [W]
    gate_bias: Tensor  # []


@dataclass(frozen=True, slots=True)
class LabelRule:
    """How class probabilities become label scores: sums, then a logistic curve."""

    membership: Tensor  # [1000, L] of 0 and 1
    slope: float
    offset: float


class ImageTower(nn.Module):
    """Pixels in; embedding and label scores out."""

    def __init__(
        self,
        trunk: EfficientNetLite,
        caption_head: nn.Module,
        class_space: ClassSpace,
        rule: LabelRule,
    ) -> None:
        super().__init__()
        self.trunk = trunk
        self.caption_head = caption_head
        self.rule = rule
        self.register_buffer("names", class_space.names)
        self.register_buffer("membership", rule.membership)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Map bytes [B, S, S, 3] to unit rows [B, J + K] and label scores [B, L]."""
        early = self.trunk.early(normalise(pixels.permute(0, 3, 1, 2)))  # [B, C, S/32, S/32]
        pooled = self.trunk.late(early).mean(dim=(2, 3))  # [B, F]
        logits = self.trunk.classify(pooled)  # [B, 1000]
        caption_half = functional.normalize(self.caption_head(early, pooled), dim=1)  # [B, J]
        class_half = functional.normalize(self._mix_names(logits), dim=1)  # [B, K]
        embedding = torch.cat([caption_half, class_half], dim=1) * 0.5**0.5
        return embedding, self._label_scores(logits)

    def _mix_names(self, logits: Tensor) -> Tensor:
        belief = torch.softmax(logits * CLASS_SHARPNESS, dim=1)
        least = torch.topk(belief, CLASSES_MIXED, dim=1).values[:, -1:]
        return torch.where(belief >= least, belief, 0.0) @ self.names

    def _label_scores(self, logits: Tensor) -> Tensor:
        share = (torch.softmax(logits, dim=1) @ self.membership).clamp(1e-6, 1 - 1e-6)
        odds = torch.log(share) - torch.log(1 - share)
        return torch.sigmoid(self.rule.slope * odds + self.rule.offset)


class TextTower(nn.Module):
    """Token numbers in; embedding out."""

    def __init__(
        self, trunk: SentenceEncoder, caption_head: nn.Module, class_space: ClassSpace
    ) -> None:
        super().__init__()
        self.trunk = trunk
        self.caption_head = caption_head
        self.register_buffer("centre", class_space.centre)
        self.register_buffer("project", class_space.project)
        self.register_buffer("gate_weight", class_space.gate_weight)
        self.register_buffer("gate_bias", class_space.gate_bias)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map token numbers [B, T] of equally long texts to unit rows [B, J + K]."""
        state = functional.normalize(self.trunk(tokens), dim=1)  # [B, W]
        caption_half = functional.normalize(self.caption_head(state), dim=1)  # [B, J]
        class_half = functional.normalize((state - self.centre) @ self.project, dim=1)  # [B, K]
        share = self._caption_share(state)  # [B, 1]
        joined = torch.cat([share * caption_half, (1 - share) * class_half], dim=1)
        return functional.normalize(joined, dim=1)

    def _caption_share(self, state: Tensor) -> Tensor:
        low, high = GATE_RANGE
        opened = torch.sigmoid(state @ self.gate_weight + self.gate_bias)[:, None]
        return low + (high - low) * opened
