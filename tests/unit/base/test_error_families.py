"""Errors say what was expected and what to do, also in another process."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable

import pytest

from museion.base.errors import (
    Conflict,
    Damaged,
    InvalidInput,
    MuseionError,
    NotFound,
    Unavailable,
)


class Missing(NotFound):
    """Builds its message from other arguments than it keeps."""

    def __init__(self, number: int, place: str) -> None:
        super().__init__(f"No {number} in {place}.", remedy="Look elsewhere.")
        self.number = number


@pytest.mark.parametrize("family", [InvalidInput, NotFound, Conflict, Unavailable, Damaged])
def test_every_family_is_an_error_of_museion(family: type[MuseionError]) -> None:
    assert issubclass(family, MuseionError)


def test_the_text_is_the_message_and_the_remedy() -> None:
    assert str(Missing(3, "Rome")) == "No 3 in Rome. Look elsewhere."
    assert str(InvalidInput("No.")) == "No."


def through_a_pickle(error: Missing) -> Missing:
    copied = pickle.loads(pickle.dumps(error))  # noqa: S301 (our own)
    assert isinstance(copied, Missing)
    return copied


@pytest.mark.parametrize("again", [copy.copy, through_a_pickle])
def test_an_error_stays_what_it_is_when_it_is_copied_or_crosses_processes(
    again: Callable[[Missing], Missing],
) -> None:
    error = again(Missing(3, "Rome"))
    assert type(error) is Missing
    assert (str(error), error.number) == ("No 3 in Rome. Look elsewhere.", 3)
    assert error.args == ("No 3 in Rome.",)
