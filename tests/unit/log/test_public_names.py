"""The door of the toolkit: what it lists is there, and nothing comes before it is asked for."""

from __future__ import annotations

import subprocess
import sys

import pytest

import museion.log
from museion.base.errors import Unavailable
from museion.log.sourced import refusals


def test_every_listed_name_is_there() -> None:
    assert sorted(museion.log._HOMES) == museion.log.__all__
    for name in museion.log.__all__:
        assert getattr(museion.log, name) is not None


def test_what_a_program_catches_when_a_request_fails_is_at_the_door() -> None:
    refused = {
        name
        for name in vars(refusals)
        if isinstance(kind := getattr(refusals, name), type)
        and issubclass(kind, (Unavailable, RuntimeError))  # what may pass, or has happened
        and kind.__module__ == refusals.__name__
    }
    assert refused - {"NotOpen"} <= set(museion.log.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'EventLogg'"):
        _ = museion.log.EventLogg


def test_the_door_loads_nothing_by_itself() -> None:
    program = (
        "import sys; import museion.log; assert 'lmdb' not in sys.modules;"
        "from museion.log import EventLog, Aggregate, LmdbEventStore;"
        "assert not {'cryptography', 'psycopg', 'pyarrow', 'click'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
