"""Why an event exists: the events that led to it, as they said themselves.

An event of a device names its direct predecessors; an event of a site names its cause. The graph
holds names only, no payloads. Where two sites took in the same event of a device, it is one node.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from museion.base.errors import InvalidInput, NotFound
from museion.log.event import Event, EventId
from museion.log.event_log import EventLog
from museion.log.replication.devices.device_event import DeviceEventId, device_mark

NodeId: TypeAlias = EventId | DeviceEventId
"""An event of a site, or an event of a device whatever copy of it a log holds."""

_PAGE = 512


@dataclass(frozen=True, slots=True)
class Node:
    """One event, and what it names as its direct predecessors.

    Attributes:
        copies: the events of sites that hold it; one, unless several sites took it in.
    """

    id: NodeId
    type_name: str
    emitter_id: str
    aggregate_id: str | None
    system_time_ms: int
    after: tuple[NodeId, ...]
    copies: tuple[EventId, ...]


class UnknownNode(NotFound):
    """The graph has no event of that identity."""

    def __init__(self, node_id: NodeId) -> None:
        super().__init__(f"There is no event {named(node_id)} in what was read of the log.")


class GraphTooLarge(InvalidInput):
    """A log holds more events than a graph may take in."""

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"Expected at most {limit} events for a graph, found more.",
            remedy="Read an aggregate only, or raise the limit.",
        )


class DependencyGraph:
    """Explicit dependencies of events; add them in the order of a log."""

    def __init__(self, events: Iterable[Event] = ()) -> None:
        self._nodes: dict[NodeId, Node] = {}
        self._of_copy: dict[EventId, NodeId] = {}
        for event in events:
            self.add(event)

    def __len__(self) -> int:
        return len(self._nodes)

    def add(self, event: Event) -> None:
        """Take in an event, or one more copy of it."""
        node = _node_of(event)
        self._of_copy[event.id] = node.id
        known = self._nodes.get(node.id)
        if known is None:
            self._nodes[node.id] = node
        elif event.id not in known.copies:
            self._nodes[node.id] = Node(
                known.id,
                known.type_name,
                known.emitter_id,
                known.aggregate_id,
                known.system_time_ms,
                known.after,
                (*known.copies, event.id),
            )

    def find(self, node_id: NodeId) -> Node | None:
        """Return an event by either of its names, None when it is not here."""
        if isinstance(node_id, EventId):
            node_id = self._of_copy.get(node_id, node_id)
        return self._nodes.get(node_id)

    def predecessors(self, node_id: NodeId) -> tuple[NodeId, ...]:
        """Return the events that led directly to one. Raises `UnknownNode`."""
        return self._require(node_id).after

    def ancestors(self, node_id: NodeId) -> Sequence[Node]:
        """Return all events that led to one and are here, causes before effects.

        Raises:
            UnknownNode: the event is not here.
        """
        top = self._require(node_id)
        ordered: list[Node] = []
        entered: set[NodeId] = set()  # also ends a circle, which only a made-up event can close
        stack = [(top, False)]
        while stack:
            node, is_done = stack.pop()
            if is_done:
                ordered.append(node)
            elif node.id not in entered:
                entered.add(node.id)
                stack.append((node, True))
                before = [self.find(each) for each in reversed(node.after)]
                stack += [(each, False) for each in before if each is not None]
        return ordered[:-1]

    def missing(self, node_id: NodeId) -> Sequence[NodeId]:
        """Return what led to an event but is not here: filtered out, deleted, or still to come."""
        nodes = [*self.ancestors(node_id), self._require(node_id)]
        return list(dict.fromkeys(each for n in nodes for each in n.after if not self.find(each)))

    def why(self, node_id: NodeId) -> str:
        """Return a text that tells why an event exists: a line for each event that led to it."""
        lines: list[str] = []
        self._tell(node_id, 0, lines, set())
        return "\n".join(lines)

    def as_dict(self, node_id: NodeId) -> dict[str, object]:
        """Return an event and its ancestors as plain values, for JSON. Raises `UnknownNode`."""
        nodes = [*self.ancestors(node_id), self._require(node_id)]
        return {
            "event": named(self._require(node_id).id),
            "events": [_as_dict(node) for node in nodes],
            "missing": [named(each) for each in self.missing(node_id)],
        }

    def _require(self, node_id: NodeId) -> Node:
        node = self.find(node_id)
        if node is None:
            raise UnknownNode(node_id)
        return node

    def _tell(self, node_id: NodeId, depth: int, lines: list[str], told: set[NodeId]) -> None:
        stack = [(node_id, depth)]
        while stack:
            each, depth = stack.pop()
            node, indent = self.find(each), "  " * depth
            lead = "" if not depth else "because of "
            if node is None:
                lines.append(f"{indent}{lead}{named(each)}, which is not here")
            elif node.id in told:
                lines.append(f"{indent}{lead}{named(node.id)}, see above")
            else:
                told.add(node.id)
                subject = f" of {node.aggregate_id}" if node.aggregate_id else ""
                lines.append(
                    f"{indent}{lead}{named(node.id)}: {node.type_name}{subject}"
                    f" by {node.emitter_id}"
                )
                stack += [(before, depth + 1) for before in reversed(node.after)]


async def read_graph(
    log: EventLog, *, aggregate_id: str | None = None, max_events: int = 100_000
) -> DependencyGraph:
    """Read the graph of a log, or of the events that concern one aggregate.

    Raises:
        GraphTooLarge: there are more events than `max_events`.
        DamagedEvent, ReadFailed, LogClosed: as `EventLog.read`.
    """
    graph = DependencyGraph()
    position = 0
    while page := await log.read(after=position, limit=_PAGE, aggregate_id=aggregate_id):
        for event in page:
            graph.add(event)
        position = page[-1].sequence_nr
        if len(graph) > max_events:
            raise GraphTooLarge(max_events)
    return graph


def named(node_id: NodeId) -> str:
    """Return an event's name as people read it."""
    if isinstance(node_id, DeviceEventId):
        return f"{node_id.device_id}#{node_id.count}"
    return f"{node_id.process_id}@{node_id.time}"


def _node_of(event: Event) -> Node:
    mark = device_mark(event)
    after: tuple[NodeId, ...]
    if mark is None:
        node_id: NodeId = event.id
        after = () if event.cause is None else (event.cause,)
    else:
        node_id = mark.id
        own = tuple(DeviceEventId(mark.device_id, count) for count in mark.after)
        after = (*own, *mark.after_events)
    return Node(
        node_id,
        event.type_name,
        event.emitter_id,
        event.aggregate_id,
        event.system_time_ms,
        after,
        (event.id,),
    )


def _as_dict(node: Node) -> dict[str, object]:
    return {
        "id": named(node.id),
        "type": node.type_name,
        "emitter": node.emitter_id,
        "aggregate": node.aggregate_id,
        "system_time_ms": node.system_time_ms,
        "after": [named(each) for each in node.after],
        "copies": [named(each) for each in node.copies],
    }
