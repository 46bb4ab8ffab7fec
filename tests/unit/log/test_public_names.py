"""The door of the toolkit: what it lists is there, and nothing comes before it is asked for."""

from __future__ import annotations

import subprocess
import sys

import pytest

import museion.log


def test_every_listed_name_is_there() -> None:
    assert sorted(museion.log._HOMES) == museion.log.__all__
    for name in museion.log.__all__:
        assert getattr(museion.log, name) is not None


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
