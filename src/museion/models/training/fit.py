"""Fit the caption heads on captioned photos by contrast: own pairs near, all others far.

Letters: B photos in a step, K captions drawn a photo, J width of the caption half, W width of a
sentence state.

Source: InfoNCE in both directions after Radford et al., ICML 2021 ("CLIP"), with several captions a
photo as separate right answers; averaged weights after Polyak and Juditsky, 1992.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from museion.base.errors import InvalidInput
from museion.models.training.caption_heads import PhotoHead, TextHead, unit
from museion.models.training.trunk_maps import TrunkMaps


@dataclass(frozen=True, slots=True)
class Recipe:
    """What one fit depends on beside its data."""

    epochs: int
    views: int  # how many of the views take part, from the first
    head_rate: float
    trunk_rate: float
    photo_dropout: float
    average_decay: float
    start_sharpness: float
    photos_a_step: int = 256
    captions_a_photo: int = 2
    weight_decay: float = 0.1
    warm_up_share: float = 0.1
    largest_gradient: float = 2.0
    seed: int = 0


# First the whole photo, straight and flipped, until the tuned trunk begins to learn it by heart;
# then crops as well, at lower rates.
RECIPES = (
    Recipe(
        epochs=8,
        views=2,
        head_rate=1e-3,
        trunk_rate=1e-4,
        photo_dropout=0.4,
        average_decay=0.98,
        start_sharpness=20.0,
    ),
    Recipe(
        epochs=4,
        views=4,
        head_rate=6e-4,
        trunk_rate=8e-5,
        photo_dropout=0.5,
        average_decay=0.97,
        start_sharpness=21.5,
    ),
)


@dataclass(frozen=True, slots=True)
class Heads:
    """The two sides of the caption half."""

    photo: PhotoHead
    text: TextHead

    def together(self) -> nn.ModuleList:
        """Both as one module, to average and to save."""
        return nn.ModuleList([self.photo, self.text])


def fit_heads(
    heads: Heads,
    maps: TrunkMaps,
    states: Tensor,
    recipe: Recipe,
    *,
    after_epoch: Callable[[int, float, Heads], None],
) -> Heads:
    """Return averaged heads after `recipe.epochs` passes over the photos.

    Args:
        heads: fresh heads, or those of an earlier fit; they are changed.
        maps: several views of the N photos.
        states: unit sentence states [N, captions each, W].
        recipe: sizes, rates and the seed; equal recipes give equal fits on one machine.
        after_epoch: told the epoch from 1, its mean loss, and the averaged heads so far.

    Raises:
        InvalidInput: there are fewer photos than one step takes.
    """
    steps_an_epoch = states.shape[0] // recipe.photos_a_step
    if steps_an_epoch == 0:
        raise InvalidInput(
            f"A fit takes {recipe.photos_a_step} photos a step, but there are {states.shape[0]}.",
            remedy="Give more captioned photos.",
        )
    torch.manual_seed(recipe.seed)
    chance = np.random.default_rng(recipe.seed)
    sharpness = nn.Parameter(torch.tensor(math.log(recipe.start_sharpness)))
    heads.photo.dropout.p = recipe.photo_dropout
    live = heads.together().requires_grad_(True)
    averaged = copy.deepcopy(live).requires_grad_(False).eval()
    optimiser = _optimiser(heads, sharpness, recipe)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: _rate(step / (steps_an_epoch * recipe.epochs), recipe)
    )
    step = 0
    for epoch in range(1, recipe.epochs + 1):
        order, losses = chance.permutation(states.shape[0]), []
        live.train()
        for start in range(0, steps_an_epoch * recipe.photos_a_step, recipe.photos_a_step):
            photos = order[start : start + recipe.photos_a_step]
            loss = _loss(heads, maps, states, photos, sharpness.exp(), recipe, chance)
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(live.parameters(), recipe.largest_gradient)
            optimiser.step()
            schedule.step()
            step += 1
            _average(averaged, live, min(recipe.average_decay, (1 + step) / (10 + step)))
            losses.append(loss.item())
        after_epoch(epoch, float(np.mean(losses)), _as_heads(averaged))
    return _as_heads(averaged)


def contrast(photos: Tensor, texts: Tensor, sharpness: Tensor, captions_a_photo: int) -> Tensor:
    """Return the loss of unit rows [B, J] and [B * K, J], captions of one photo side by side.

    From text to photo a plain cross entropy; from photo to text each own caption competes alone
    with all captions of other photos.
    """
    count = photos.shape[0]
    logits = sharpness * (texts @ photos.T)  # [B * K, B]
    own_photo = torch.arange(count).repeat_interleave(captions_a_photo)
    to_photo = functional.cross_entropy(logits, own_photo)
    by_photo = logits.T.reshape(count, count, captions_a_photo)  # photo, photo of the text, K
    itself = torch.eye(count, dtype=torch.bool)
    own = by_photo[itself]  # [B, K]
    others = by_photo.masked_fill(itself[:, :, None], -torch.inf).flatten(1)
    foreign = others.logsumexp(dim=1, keepdim=True)  # [B, 1]
    to_text = (torch.logaddexp(own, foreign) - own).mean()
    return (to_photo + to_text) / 2


def _loss(
    heads: Heads,
    maps: TrunkMaps,
    states: Tensor,
    photos: np.ndarray[tuple[int], np.dtype[np.intp]],
    sharpness: Tensor,
    recipe: Recipe,
    chance: np.random.Generator,
) -> Tensor:
    views = chance.integers(min(recipe.views, len(maps.maps)), size=len(photos))
    drawn = chance.random((len(photos), states.shape[1])).argsort(axis=1)
    captions = torch.from_numpy(drawn[:, : recipe.captions_a_photo])  # [B, K]
    texts = states[torch.from_numpy(photos)[:, None], captions].flatten(0, 1)  # [B * K, W]
    with torch.autocast("cpu", torch.bfloat16):
        photo_rows = heads.photo(maps.early(views, photos), maps.frozen(views, photos))
        text_rows = heads.text(texts)
    return contrast(unit(photo_rows), unit(text_rows), sharpness, captions.shape[1])


def _optimiser(heads: Heads, sharpness: nn.Parameter, recipe: Recipe) -> torch.optim.AdamW:
    tuned = {id(parameter) for parameter in heads.photo.tuned.parameters()}
    fresh = [part for part in heads.together().parameters() if id(part) not in tuned]
    decay, head_rate = recipe.weight_decay, recipe.head_rate
    groups = [
        {"params": fresh, "lr": head_rate, "weight_decay": decay},
        {
            "params": list(heads.photo.tuned.parameters()),
            "lr": recipe.trunk_rate,
            "weight_decay": decay,
        },
        {"params": [sharpness], "lr": head_rate, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, betas=(0.9, 0.98))


def _rate(done: float, recipe: Recipe) -> float:
    if done < recipe.warm_up_share:
        return max(done / recipe.warm_up_share, 1e-2)
    return 0.5 * (1.0 + math.cos(math.pi * done))


def _average(averaged: nn.Module, live: nn.Module, decay: float) -> None:
    for old, new in zip(averaged.parameters(), live.parameters(), strict=True):
        old.lerp_(new.detach(), 1.0 - decay)


def _as_heads(both: nn.ModuleList) -> Heads:
    photo, text = both
    assert isinstance(photo, PhotoHead)
    assert isinstance(text, TextHead)
    return Heads(photo, text)
