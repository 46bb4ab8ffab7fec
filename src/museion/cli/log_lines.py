"""Events as lines for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from museion.cli.options import human_size
from museion.cli.terminal_text import one_line

if TYPE_CHECKING:
    from museion.log.event import Event
    from museion.log.proof.stepping import DamagedAt


def event_line(met: Event | DamagedAt) -> str:
    """Return one line: number, local time, type, aggregate, emitter, size."""
    from museion.log.exports.event_rows import local_time
    from museion.log.proof.stepping import DamagedAt

    if isinstance(met, DamagedAt):
        return one_line(f"{met.sequence_nr:>8}  DAMAGED: {met.error.message}")
    parts = (
        f"{met.sequence_nr:>8}",
        local_time(met.system_time_ms),
        f"{met.type_name:<28}",
        f"{met.aggregate_id or '-':<26}",
        f"{met.emitter_id:<24}",
        f"{human_size(len(met.payload)):>9}",
    )
    return one_line("  ".join(parts))
