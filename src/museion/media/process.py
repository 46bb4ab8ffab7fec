"""How a worker process is set up before it decodes its first file."""

from __future__ import annotations

import os


def prepare_worker() -> None:
    """Make the media libraries behave as one of many workers: one thread, no cache, no chatter.

    Idempotent. Call it first in a process that only decodes; a library that was loaded before
    keeps its own ways of warning.
    """
    # libvips reads this when it is loaded; its warnings reach the caller as errors of ours.
    os.environ.setdefault("VIPS_WARNING", "0")
    import pyvips

    pyvips.concurrency_set(1)
    pyvips.cache_set_max(0)
