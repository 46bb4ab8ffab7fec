"""The stored form of a state that is declared by attributes of a class.

`value = 0` or `lines: dict[str, int] = field(default_factory=dict)` in the class body declares an
attribute of the state; `field` is that of `dataclasses`. The default of each instance is its own,
so `lines: dict[str, int] = {}` is safe too, though linters warn of it.
"""

from __future__ import annotations

import copy
import dataclasses
import typing
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import msgspec

from museion.log.sourced.component import Component
from museion.log.sourced.refusals import NotSnapshotable

__all__ = ["StateForm", "give_own_defaults", "own_defaults"]

_PLAIN = (bool, int, float, str, bytes)
_OURS = ("__", "_museion")
_MUTABLE = (list, dict, set, bytearray)


def own_defaults(owner: type, base: type) -> dict[str, object]:
    """Return the defaults that must not be shared: of mutable kinds, or made by `field`."""
    found: dict[str, object] = {}
    for kind in _below(owner, base):
        for name, value in vars(kind).items():
            if name.startswith(_OURS):
                continue
            if isinstance(value, (*_MUTABLE, dataclasses.Field)):
                found[name] = value
            else:
                found.pop(name, None)
    return found


class StateForm:
    """Takes the declared state from an instance and puts it back; fields are kept by name.

    Adding an attribute keeps old snapshots usable: it has its default after they are restored.

    Args:
        owner: the class.
        base: its framework class, whose attributes are no state.
        transient: names of attributes that are no state.

    Raises:
        NotSnapshotable: a declared attribute is of a type that msgspec cannot encode, or has
            neither an annotation nor a plain default.
    """

    def __init__(self, owner: type, base: type, transient: frozenset[str]) -> None:
        self._owner = owner
        self._transient = transient
        kinds = {
            name: kind for name, kind in _declared(owner, base).items() if name not in transient
        }
        self._names = tuple(kinds)
        fields = [(name, kind | msgspec.UnsetType, msgspec.UNSET) for name, kind in kinds.items()]
        self.kind: type[msgspec.Struct] = msgspec.defstruct(f"{owner.__name__}State", fields)
        try:
            msgspec.msgpack.Decoder(self.kind)
        except TypeError as reason:
            raise NotSnapshotable(owner.__qualname__, str(reason)) from reason

    def require_declared(self, instance: object) -> None:
        """Refuse an instance that has state which nobody declared: a snapshot would lose it.

        Raises:
            NotSnapshotable: it has such an attribute.
        """
        known = {*self._names, *self._transient}
        for name, value in vars(instance).items():
            ours = name.startswith(_OURS) or isinstance(value, Component)
            if name not in known and not ours:
                raise NotSnapshotable(
                    self._owner.__qualname__, f"attribute {name!r} is not declared"
                )

    def take(self, instance: object) -> msgspec.Struct:
        """Return the state of an instance. Raises `NotSnapshotable` as `require_declared`."""
        self.require_declared(instance)
        # What was never set on the instance is a constant of the class, and may change with it.
        own = vars(instance)
        return self.kind(**{name: own[name] for name in self._names if name in own})

    def put(self, instance: object, state: msgspec.Struct) -> None:
        """Give an instance a state; attributes that it does not name keep their defaults."""
        for name in self._names:
            value = getattr(state, name)
            if value is not msgspec.UNSET:
                setattr(instance, name, value)


def give_own_defaults(instance: object, defaults: Mapping[str, object]) -> None:
    """Give an instance copies of defaults that it must not share."""
    for name, value in defaults.items():
        setattr(instance, name, _fresh(value))


def _fresh(default: object) -> object:
    if not isinstance(default, dataclasses.Field):
        return copy.deepcopy(default)
    if default.default_factory is not dataclasses.MISSING:
        return default.default_factory()
    return default.default


def _below(owner: type, base: type) -> Iterator[type]:
    """Yield the user's classes, the most basic first."""
    for kind in reversed(owner.__mro__):
        if kind not in base.__mro__:
            yield kind


def _declared(owner: type, base: type) -> dict[str, Any]:  # Any: whatever stands in an annotation
    try:
        hints = typing.get_type_hints(owner, include_extras=True)
    except NameError as reason:
        raise NotSnapshotable(owner.__qualname__, f"of an annotation: {reason}") from reason
    declared: dict[str, Any] = {}
    for kind in _below(owner, base):
        for name in getattr(kind, "__annotations__", {}):
            if typing.get_origin(hints[name]) is not ClassVar and hints[name] is not ClassVar:
                declared[name] = hints[name]
        for name, value in vars(kind).items():
            if name.startswith(_OURS) or name in hints:
                continue
            if type(value) in _PLAIN:
                declared.setdefault(name, type(value))
            elif isinstance(value, _MUTABLE) or value is None:
                raise NotSnapshotable(owner.__qualname__, f"attribute {name!r} has no annotation")
    components = [name for name, kind in declared.items() if _is_component(kind)]
    return {name: kind for name, kind in declared.items() if name not in components}


def _is_component(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, Component)
