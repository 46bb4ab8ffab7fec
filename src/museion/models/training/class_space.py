"""Build the class half: where the names of classes lie, and the gate between the halves.

Letters: W width of a sentence state, K width of the class half, N captions, P phrasings of names.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from museion.models.training.class_words import CLASSES, ClassWord
from museion.models.training.dual_encoder import ClassSpace

CLASS_WIDTH = 128  # holds 88 % of the variance of the names and costs no recall
GATE_DECAY = 1e-4

SentenceStates = Callable[[Sequence[str]], Tensor]
"""Texts to unit sentence states, one row a text."""


def build_class_space(
    words: Sequence[ClassWord], captions: Tensor, sentence_states: SentenceStates
) -> ClassSpace:
    """Return the class half for the classes of the trunk.

    Args:
        words: the label words; the first 1,000 are the classes in the order of the logits.
        captions: unit sentence states of training captions [N, W], for the gate.
        sentence_states: the sentence encoder.
    """
    classes = words[:CLASSES]
    phrasings = torch.stack(
        [
            sentence_states([word.word for word in classes]),
            sentence_states([", ".join((word.word, *word.synonyms)) for word in classes]),
            sentence_states([f"{word.word}, a kind of {word.kind}" for word in classes]),
        ]
    )  # [P, 1000, W]
    names = functional.normalize(phrasings.sum(dim=0), dim=1)
    centre = names.mean(dim=0)
    centred = functional.normalize(names - centre, dim=1)
    project = torch.linalg.svd(centred, full_matrices=False).Vh[:CLASS_WIDTH].T.contiguous()
    weight, bias = _fit_gate(captions, phrasings.flatten(0, 1))
    return ClassSpace(centre, project, centred @ project, weight, bias)


def _fit_gate(captions: Tensor, names: Tensor) -> tuple[Tensor, Tensor]:
    """Return the logistic regression that tells captions (1) from names of things (0)."""
    states = torch.cat([captions, names]).double()
    truth = torch.cat([torch.ones(len(captions)), torch.zeros(len(names))]).double()
    line = torch.zeros(states.shape[1] + 1, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([line], max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimiser.zero_grad()
        odds = states @ line[:-1] + line[-1]
        value = functional.binary_cross_entropy_with_logits(odds, truth)
        value = value + GATE_DECAY * line[:-1].square().sum()
        value.backward()
        return value

    optimiser.step(loss)
    fitted = line.detach().float()
    return fitted[:-1], fitted[-1]
