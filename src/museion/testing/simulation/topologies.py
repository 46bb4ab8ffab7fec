"""The shapes in which sites are connected."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from types import MappingProxyType
from typing import TypeAlias

Way: TypeAlias = tuple[str, str]
"""Target and source of one connection."""

Shape: TypeAlias = Callable[[Sequence[str]], list[Way]]


def chain(sites: Sequence[str]) -> list[Way]:
    """Connect each site with the next one, both ways."""
    return _both(list(pairwise(sites)))


def ring(sites: Sequence[str]) -> list[Way]:
    """Connect as a chain, and the last site with the first."""
    ends = [(sites[-1], sites[0])] if len(sites) > 2 else []
    return _both([*pairwise(sites), *ends])


def one_way_ring(sites: Sequence[str]) -> list[Way]:
    """Let each site read from the one before it only, and the first one from the last."""
    return [(target, source) for source, target in zip(sites, [*sites[1:], sites[0]], strict=True)]


def star(sites: Sequence[str]) -> list[Way]:
    """Connect the first site with all others."""
    return _both([(sites[0], each) for each in sites[1:]])


def mesh(sites: Sequence[str]) -> list[Way]:
    """Connect each site with each other one."""
    return _both([(a, b) for i, a in enumerate(sites) for b in sites[i + 1 :]])


def _both(edges: Sequence[Way]) -> list[Way]:
    return [way for first, second in edges for way in ((first, second), (second, first))]


SHAPES: Mapping[str, Shape] = MappingProxyType(
    {"chain": chain, "ring": ring, "one-way ring": one_way_ring, "star": star, "mesh": mesh}
)
"""All shapes by name; a star of many is what is called hub and spoke."""
