"""Which filters of an endpoint apply when another one reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from museion.log.replication.filters import EVERYTHING, AllOf, Filter, is_everything


class FilterPolicy(StrEnum):
    """How the filters for a target and those of a log go together."""

    BOTH = "both"
    """An event has to pass both."""
    TARGET_REPLACES_SOURCE = "target replaces source"
    """Where there is a filter for the target, that of the log does not count."""
    SOURCE_ONLY = "source only"
    """Only that of the log counts."""


@dataclass(frozen=True, slots=True)
class SourceFilters:
    """The filters of a source. What a target asks for itself (`ReadRequest.only`) joins its own.

    Attributes:
        by_target: id of the log that reads -> filter.
        by_log: name of the log that is read -> filter.
    """

    by_target: Mapping[str, Filter] = field(default_factory=dict)
    by_log: Mapping[str, Filter] = field(default_factory=dict)
    policy: FilterPolicy = FilterPolicy.BOTH

    def filter_for(self, log_name: str, target_log_id: str, only: Filter = EVERYTHING) -> Filter:
        """Return what an event has to pass to get from a log here to another one."""
        of_log = self.by_log.get(log_name, EVERYTHING)
        of_target = self.by_target.get(target_log_id, EVERYTHING)
        parts = tuple(each for each in (of_target, only) if not is_everything(each))
        match self.policy:
            case FilterPolicy.SOURCE_ONLY:
                return of_log
            case FilterPolicy.TARGET_REPLACES_SOURCE if parts:
                pass
            case _:
                parts = (*parts, of_log)
        return parts[0] if len(parts) == 1 else AllOf(parts)
