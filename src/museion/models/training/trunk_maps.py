"""Run the early, frozen part of the image trunk once over every view, and keep what it gives.

Training the late part then costs a tenth. Maps are kept as bytes with one factor a channel.

Letters: N photos, V views, H and W rows and columns of a map (9 by 9), C channels (208), F pooled
width (1280).
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from museion.models.training.captioned_photos import CaptionedPhotos, view_of
from museion.models.training.efficientnet_lite import EfficientNetLite, normalise

BATCH = 64
HEADROOM = 1.2  # the factors come from the first batch; larger values later are cut at this


@dataclass(frozen=True, slots=True)
class TrunkMaps:
    """What the frozen trunk makes of some photos."""

    maps: NDArray[np.int8]  # [V, N, H, W, C]
    factor: NDArray[np.float32]  # [C]
    pooled: NDArray[np.float16]  # [V, N, F], of the untouched late part

    def early(self, views: NDArray[np.intp], photos: NDArray[np.intp]) -> Tensor:
        """Return the early maps [B, C, H, W] of photo `photos[i]` in view `views[i]`."""
        rows = np.stack([self.maps[view, photo] for view, photo in zip(views, photos, strict=True)])
        return (torch.from_numpy(rows).float() * torch.from_numpy(self.factor)).permute(0, 3, 1, 2)

    def frozen(self, views: NDArray[np.intp], photos: NDArray[np.intp]) -> Tensor:
        """Return the pooled output [B, F] of the untouched trunk."""
        return torch.from_numpy(self.pooled[views, photos].astype(np.float32))


def compute_trunk_maps(
    photos: CaptionedPhotos,
    trunk: EfficientNetLite,
    *,
    views: int,
    seed: int,
    cache: Path,
    say: Callable[[str], None],
) -> TrunkMaps:
    """Return the maps of `views` views of every photo; finished views are read back from `cache`.

    A cache is good for one list of photos and one trunk only; the caller gives each its own folder.
    """
    cache.mkdir(parents=True, exist_ok=True)
    factor = _channel_factors(photos, trunk, cache / "factor.npy")
    maps, pooled = [], []
    for number in range(views):
        stored_maps, stored_pooled = cache / f"maps-{number}.npy", cache / f"pooled-{number}.npy"
        if not stored_maps.exists():
            begun = time.monotonic()
            chance = random.Random(f"{seed}-{number}")  # noqa: S311  # augmentation, not secrecy
            new_maps, new_pooled = _run_view(photos, trunk, factor, number, chance)
            np.save(stored_pooled, new_pooled)
            np.save(stored_maps, new_maps)
            say(f"view {number}: {len(photos.files) / (time.monotonic() - begun):.0f} photos/s")
        maps.append(np.load(stored_maps))
        pooled.append(np.load(stored_pooled))
    return TrunkMaps(np.stack(maps), factor, np.stack(pooled))


def _run_view(
    photos: CaptionedPhotos,
    trunk: EfficientNetLite,
    factor: NDArray[np.float32],
    number: int,
    chance: random.Random,
) -> tuple[NDArray[np.int8], NDArray[np.float16]]:
    maps, pooled = [], []
    for start in range(0, len(photos.files), BATCH):
        encoded = photos.files[start : start + BATCH]
        side = trunk.shape.side
        pixels = np.stack([view_of(one, side, number=number, chance=chance) for one in encoded])
        early, late = _forward(trunk, pixels)
        bytes_ = np.round(early / factor).clip(-127, 127)
        maps.append(bytes_.astype(np.int8))
        pooled.append(late.astype(np.float16))
    return np.concatenate(maps), np.concatenate(pooled)


def _forward(
    trunk: EfficientNetLite, pixels: NDArray[np.uint8]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    batch = torch.from_numpy(pixels).permute(0, 3, 1, 2)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        early = trunk.early(normalise(batch).contiguous(memory_format=torch.channels_last))
        late = trunk.late(early).float().mean(dim=(2, 3))
    return early.float().permute(0, 2, 3, 1).numpy(), late.numpy()


def _channel_factors(
    photos: CaptionedPhotos, trunk: EfficientNetLite, stored: Path
) -> NDArray[np.float32]:
    if not stored.exists():
        chance = random.Random(0)  # noqa: S311  # view 0 draws nothing from it
        side = trunk.shape.side
        first = [view_of(one, side, number=0, chance=chance) for one in photos.files[:BATCH]]
        early, _ = _forward(trunk, np.stack(first))
        np.save(stored, (np.abs(early).max(axis=(0, 1, 2)) * HEADROOM / 127).astype(np.float32))
    factors: NDArray[np.float32] = np.load(stored)
    return factors
