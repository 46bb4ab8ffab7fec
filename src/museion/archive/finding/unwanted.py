"""Leaves out what must not be seen: neither may a word say it, nor the picture look like it."""

from __future__ import annotations
