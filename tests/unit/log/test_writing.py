"""A writer within a block: the database follows the log, and nobody reads one that stands still."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from opened_log import new, opened
from sqlite_writer import SqliteWriter, written_rows

from museion.log.sourced.writer import Verdict, writing
from museion.testing.event_loop import in_event_loop


@in_event_loop
async def test_within_writing_the_database_follows_the_log(tmp_path: Path) -> None:
    file = tmp_path / "rows.sqlite"
    async with opened() as log:
        await log.append([new(b"1"), new(b"2")])
        async with writing(log, partial(SqliteWriter, file), name="rows") as writer:
            await writer.receive_up_to(2)
            await log.append([new(b"3")])
            await writer.receive_up_to(3)
    assert written_rows(file) == ["1", "2", "3"]


@in_event_loop
async def test_a_writer_that_gives_up_cancels_the_block_that_reads_from_it(tmp_path: Path) -> None:
    async with opened() as log:
        with pytest.raises(OSError, match="no disk"):  # noqa: PT012 (the block is what is cancelled)
            async with writing(
                log, partial(Unwritable, tmp_path / "rows"), name="rows", on_failure=stop_at_once
            ) as writer:
                await log.append([new(b"1")])
                await writer.receive_up_to(1)


class Unwritable(SqliteWriter):
    async def write(self) -> None:
        raise OSError("no disk")


def stop_at_once(error: Exception) -> Verdict:
    return Verdict.STOP
