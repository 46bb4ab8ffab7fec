"""Devices: they write without a line for days, and never make a vector time longer."""
