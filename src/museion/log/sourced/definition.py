"""What a class of aggregates or views says about itself, worked out once and checked."""

from __future__ import annotations

import typing
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from museion.base.codec import decode, encode
from museion.log.sourced.commands import commands_of
from museion.log.sourced.handlers import HandlerTable
from museion.log.sourced.refusals import InvalidDefinition, NotSnapshotable
from museion.log.sourced.state_form import StateForm

__all__ = ["ClassOptions", "Definition"]


@dataclass(frozen=True, slots=True)
class ClassOptions:
    """What is given beside the bases in a class statement; see `Aggregate` and `View`."""

    name: str | None = None
    form: int = 1
    state_sync: bool = True
    every_event: bool = False
    transient: frozenset[str] = frozenset()


class Definition:
    """Handlers, commands and state of a class, and of the behaviours that its instances take on.

    Args:
        kind: the class.
        base: its framework class.

    Raises:
        InvalidDefinition: its handlers, or what it overrides, do not fit together.
    """

    def __init__(self, kind: type, base: type, options: ClassOptions) -> None:
        self.kind = kind
        self.options = options
        self._base = base
        self._tables: dict[type, HandlerTable] = {}
        self._commands: dict[type, frozenset[str]] = {}
        self._state_form: StateForm | None = None
        self.table(kind)
        self._require_new_names(base)
        own = [name for name in ("snapshot_state", "restore") if _overrides(kind, base, name)]
        if len(own) == 1:
            raise InvalidDefinition(
                kind.__qualname__, "snapshot_state and restore, or neither of them", own[0]
            )
        self._own_state_form = bool(own)

    def _require_new_names(self, base: type) -> None:
        for name in sorted(self.commands(self.kind)):
            if hasattr(base, name):
                place = f"{self.kind.__qualname__}.{name}"
                raise InvalidDefinition(place, f"another name than one of {base.__name__}", name)

    @property
    def name(self) -> str:
        """The stable written name.

        Raises:
            InvalidDefinition: the class gives none.
        """
        if not self.options.name:
            example = f'class {self.kind.__name__}({self._base.__name__}, name="…")'
            raise InvalidDefinition(
                self.kind.__qualname__, f"a name that outlives the class's own: {example}", None
            )
        return self.options.name

    @property
    def state_form(self) -> StateForm:
        """The stored form of the declared state. Raises `NotSnapshotable`."""
        if self._state_form is None:
            self._state_form = StateForm(self.kind, self._base, self.options.transient)
        return self._state_form

    def table(self, owner: type) -> HandlerTable:
        """Return the handlers of the class or of a behaviour. Raises `InvalidDefinition`."""
        if owner not in self._tables:
            self._tables[owner] = HandlerTable(owner)
        return self._tables[owner]

    def commands(self, owner: type) -> frozenset[str]:
        """Return the commands of the class or of a behaviour."""
        if owner not in self._commands:
            self._commands[owner] = commands_of(owner)
        return self._commands[owner]

    def require_savable(self, instance: object) -> None:
        """Refuse an instance whose snapshots would lose something. Raises `NotSnapshotable`."""
        if not self._own_state_form:
            self.state_form.require_declared(instance)

    def encode_state(self, state: object) -> bytes:
        """Return the stored form of a state. Raises `NotSnapshotable`."""
        try:
            return encode(state)
        except TypeError as reason:
            raise NotSnapshotable(self.kind.__qualname__, str(reason)) from reason

    def decode_state(self, content: bytes) -> object:
        """Return what `restore` takes. Raises `Undecodable`."""
        return decode(content, self._restored_kind())

    def _restored_kind(self) -> type:
        if not self._own_state_form:
            return self.state_form.kind
        # Any: the class itself says what it restores.
        restore: Any = getattr(self.kind, "restore")  # noqa: B009
        hints = typing.get_type_hints(restore)
        hints.pop("return", None)
        kinds: Sequence[type] = list(hints.values())
        return kinds[0] if kinds else object


def _overrides(kind: type, base: type, name: str) -> bool:
    return getattr(kind, name) is not getattr(base, name)
