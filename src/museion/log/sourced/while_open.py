"""Work that makes no sense without its log, and may not notice by itself that the log closed."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine

from museion.base.waiting import to_end
from museion.log.event_log import EventLog


async def while_open(log: EventLog, work: Coroutine[None, None, None]) -> None:
    """Do some work to its end; when the log closes before, cancel it.

    Nothing of it goes on when this returns or raises, also when the caller is cancelled.

    Raises:
        LogClosed: the log closed before.
        Exception: what the work raised.
    """
    closing = asyncio.create_task(log.closed())
    working = asyncio.create_task(work)
    try:
        await asyncio.wait([working, closing], return_when=asyncio.FIRST_COMPLETED)
    finally:
        closing.cancel()
        working.cancel()
        await to_end(asyncio.wait([working, closing]))
    if working.cancelled():
        log.require_open()
    await working
