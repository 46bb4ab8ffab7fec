"""Concurrent versions of a value: kept, shown, and resolved."""
