"""Flows from sources through stages to sinks, and projections that follow a log; usable alone."""
