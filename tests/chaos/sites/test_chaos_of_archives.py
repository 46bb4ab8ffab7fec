"""Served sites of the archive, killed while they ingest and replicate over bad lines."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from archive_world import ArchiveSite, ArchiveWorld
from blake3 import blake3
from chaos_proof import require_same_logs

from museion.testing.killing import chaos_rounds, chaos_seed
from museion.testing.media import make_sample

_SETTLE_LIMIT_S = 180.0
_NAMES = ("Vienna", "Graz", "Linz")


@pytest.mark.chaos
def test_archives_show_the_same_after_kills_and_lose_nothing_that_was_acknowledged(
    tell: Callable[[str], None], tmp_path: Path
) -> None:
    pictures = [
        make_sample("jpg", tmp_path / f"{seed}.jpg", width=240, height=180, seed=seed).read_bytes()
        for seed in range(3 * chaos_rounds(30))
    ]
    tell(asyncio.run(survive(tmp_path, pictures, chaos_rounds(30), chaos_seed())))


async def survive(folder: Path, pictures: list[bytes], rounds: int, seed: int) -> str:
    """Ingest and change while all goes wrong, heal, settle, prove; say what was done."""
    async with ArchiveWorld.open(folder, _NAMES, seed) as world:
        await world.disturb(pictures, rounds=rounds, length_s=2.5, kill=0.2)
        assets = await world.settled(limit_s=_SETTLE_LIMIT_S)
        told = world.told
        assert assets.keys() >= told.assets, "an acknowledged asset is lost"
        assert len(assets) == len(pictures)
        lost = [(asset, tag) for asset, tag in told.tags if tag not in assets[asset]["tags"]]
        assert not lost, f"acknowledged and lost: {lost[:5]}"
        for asset in assets.values():
            held = {await blobs_of(site, asset) for site in world.sites.values()}
            assert len(held) == 1, "renditions differ"
        await world.stop()
    count = require_same_logs([folder / name / "log" for name in _NAMES])
    return (
        f"{rounds} rounds, {world.kills} kills; {told.acknowledged} uploads and changes"
        f" acknowledged, {told.refused} refused, {told.unknown} of unknown outcome;"
        f" {len(assets)} assets and {count} events at each of {len(_NAMES)} sites"
    )


async def blobs_of(site: ArchiveSite, asset: dict[str, Any]) -> tuple[str, ...]:
    """Return the digests of the renditions of an asset; fail unless the original is whole."""
    original = await digest_at(site, f"/api/assets/{asset['id']}/original")
    assert original == asset["digest"]
    return tuple([await digest_at(site, each["url"]) for each in asset["renditions"]])


async def digest_at(site: ArchiveSite, path: str) -> str:
    """Return the digest of what a site gives out there."""
    answer = await site.http.get(path)
    assert answer.status_code == 200, f"{site.name} {path}: {answer.text}"
    return blake3(answer.content).hexdigest()
