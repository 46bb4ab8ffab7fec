"""Bringing payloads of older stored forms to the present form, one form after the other.

An upcaster is a function over the decoded mapping, so it needs no class of the past: classes change
with the program, what was written does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeAlias

Fields: TypeAlias = dict[str, object]
"""A decoded payload: values by the written names of its fields."""

Upcaster: TypeAlias = Callable[[Fields], Mapping[str, object] | Sequence[object]]
"""Turns the fields of form n into those of form n + 1.

It may also return a sequence, where one event of old became none, one or several: each member is
either a mapping of form n + 1 or a payload of a class that the reader knows. It must be pure: it
runs at every replay.
"""


class NoMapping(TypeError):
    """What should be the fields of a payload is none; never leaves the decoding of an event."""

    def __init__(self, found: object) -> None:
        super().__init__(f"expected a mapping of field names to values, got {type(found).__name__}")


def upcast(
    fields: object, *, form: int, to_form: int, upcasters: Mapping[int, Upcaster]
) -> Iterator[Fields | object]:
    """Yield what a payload of an old form has become: mappings of `to_form`, or payloads.

    A member that is no mapping is a payload already and goes through no further upcaster. Order is
    kept: what the first member becomes comes before what the second becomes. `upcasters` has one
    for each form from `form` to `to_form` - 1.

    Raises:
        NoMapping: the fields of a form are not a mapping.
        Exception: whatever an upcaster raises.
    """
    if not isinstance(fields, dict):
        raise NoMapping(fields)
    if form == to_form:
        yield fields
        return
    for member in _members(upcasters[form](fields)):
        if isinstance(member, Mapping):
            following = dict(member)
            yield from upcast(following, form=form + 1, to_form=to_form, upcasters=upcasters)
        else:
            yield member


def _members(returned: object) -> Sequence[object]:
    if isinstance(returned, Mapping):
        return (returned,)
    if isinstance(returned, Sequence) and not isinstance(returned, str | bytes):
        return returned
    raise NoMapping(returned)
