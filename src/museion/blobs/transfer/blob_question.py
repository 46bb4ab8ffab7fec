"""The question who has which blobs, as it travels."""

from __future__ import annotations

import msgspec


class Digests(msgspec.Struct, frozen=True):
    """The digests that are asked for, and in the answer those that are there; as JSON."""

    digests: list[str]
