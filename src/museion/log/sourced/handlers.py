"""Event handlers: methods that fold one kind of event, chosen by the payload's type.

A handler is a plain method marked with `handles`; the annotation of its parameter names the payload
types. Which handler takes which type is worked out once for a class, and wrong annotations are
refused then, not when the first such event comes.
"""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ParamSpec, TypeVar, overload

from museion.log.payloads.payload_outcomes import Erased, Unknown
from museion.log.sourced.refusals import InvalidDefinition

__all__ = ["HandlerTable", "handles", "marked_methods"]

P = ParamSpec("P")
R = TypeVar("R")

_MARK = "__museion_handles__"
_OUTCOMES = (Erased, Unknown)


@overload
def handles(handler: Callable[P, R], /) -> Callable[P, R]: ...


@overload
def handles(
    first: type, second: type, /, *more: type
) -> Callable[[Callable[P, R]], Callable[P, R]]: ...


@overload
def handles(kind: type, /) -> Callable[[Callable[P, R]], Callable[P, R]]: ...


# Any: one name serves with and without arguments; the overloads say what goes in and comes out.
def handles(first: Any, /, *more: type) -> Any:
    """Mark a method as the handler of the event types that its parameter is annotated with.

    Unions are allowed, and `Erased` and `Unknown`. Where the annotation cannot be looked up, for
    example with classes defined within a function, name the types: `@handles(Opened, Closed)`.
    A handler must not wait, and must do nothing but change the state: it runs again in each replay.
    """
    if isinstance(first, type):
        return lambda handler: _marked(handler, (first, *more))
    return _marked(first, ())


def _marked(handler: Callable[P, R], kinds: tuple[type, ...]) -> Callable[P, R]:
    setattr(handler, _MARK, kinds)
    return handler


class HandlerTable:
    """Which method of a class handles which payload type. Immutable but for its memory of lookups.

    Raises:
        InvalidDefinition: a handler waits, has another number of parameters, has no annotation
            that names classes, or two handlers claim the same type.
    """

    def __init__(self, owner: type) -> None:
        self._names: dict[type, str] = {}
        for name, method in marked_methods(owner, _MARK):
            for kind in _kinds(owner, name, method):
                other = self._names.setdefault(kind, name)
                if other != name:
                    raise InvalidDefinition(
                        owner.__qualname__, f"one handler for {kind.__qualname__}", (other, name)
                    )

    @property
    def kinds(self) -> tuple[type, ...]:
        """The payload types that have a handler, apart from `Erased` and `Unknown`."""
        return tuple(kind for kind in self._names if kind not in _OUTCOMES)

    def bind(self, instance: object) -> BoundHandlers:
        """Return the handlers of one instance."""
        return BoundHandlers({kind: getattr(instance, name) for kind, name in self._names.items()})


class BoundHandlers:
    """The handlers of one instance by payload type; a type without its own takes its base's."""

    def __init__(self, by_kind: Mapping[type, Callable[[object], None]]) -> None:
        self._by_kind = dict(by_kind)
        self._found: dict[type, Callable[[object], None] | None] = dict(by_kind)

    def find(self, kind: type) -> Callable[[object], None] | None:
        """Return the handler of a payload type; None when there is none."""
        try:
            return self._found[kind]
        except KeyError:
            # NOTE: `Erased` has no bases but Struct, so it never falls to a handler of payloads.
            bases = () if kind in _OUTCOMES else kind.__mro__
            handlers = (self._by_kind[base] for base in bases if base in self._by_kind)
            return self._found.setdefault(kind, next(handlers, None))


def marked_methods(owner: type, mark: str) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Yield the marked methods of a class and its bases by name; what is overridden is left out.

    An override keeps the mark of the method it overrides.
    """
    names = dict.fromkeys(name for base in reversed(owner.__mro__) for name in vars(base))
    for name in names:
        marked = next((vars(base)[name] for base in owner.__mro__ if _has(base, name, mark)), None)
        if marked is not None:
            method = inspect.getattr_static(owner, name)
            yield name, method if hasattr(method, mark) else marked


def _has(base: type, name: str, mark: str) -> bool:
    return name in vars(base) and hasattr(vars(base)[name], mark)


def _kinds(owner: type, name: str, handler: Callable[..., Any]) -> tuple[type, ...]:
    place = f"{owner.__qualname__}.{name}"
    if inspect.iscoroutinefunction(handler):
        raise InvalidDefinition(place, "a handler that does not wait", "async def")
    parameters = list(inspect.signature(handler).parameters)
    if len(parameters) != 2:
        raise InvalidDefinition(place, "the parameters self and event", parameters)
    kinds = getattr(handler, _MARK) or _annotated(place, handler, parameters[1])
    if not kinds or not all(isinstance(kind, type) for kind in kinds):
        expected = f"payload classes as annotation of `{parameters[1]}`, or in @handles(Type)"
        raise InvalidDefinition(place, expected, kinds or "none")
    return kinds


def _annotated(place: str, handler: Callable[..., Any], parameter: str) -> tuple[type, ...]:
    try:
        annotation = typing.get_type_hints(handler).get(parameter)
    except NameError as reason:
        raise InvalidDefinition(
            place, "an annotation that can be looked up, or @handles(Type)", str(reason)
        ) from reason
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return typing.get_args(annotation)
    return () if annotation is None else (annotation,)
