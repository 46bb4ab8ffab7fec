"""Proving that a log is whole, and naming what is not."""
