"""Deterministic simulation: the real logs and endpoints on a simulated clock, network and disk.

One seed decides everything that is by chance, so a run that fails does so again. For tests of this
project and of applications on the log; see `docs/how-to/simulate-sites.md`.
"""
