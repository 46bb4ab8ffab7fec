"""Immutable runs of bytes, kept under and verified by their digest; usable alone."""
