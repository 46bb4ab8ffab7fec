"""The door of replication: what it lists is there, and it asks for no transport by itself."""

from __future__ import annotations

import subprocess
import sys

import pytest

from museion.log import replication


def test_every_name_of_the_door_is_there() -> None:
    assert sorted(replication._HOMES) == sorted(replication.__all__)
    for name in replication.__all__:
        assert getattr(replication, name) is not None


def test_a_name_that_is_not_at_the_door_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Endpont'"):
        _ = replication.Endpont


def test_endpoints_within_one_process_need_neither_httpx_nor_zstandard() -> None:
    program = (
        "import sys; from museion.log.replication import Connection, Endpoint, LocalNeighbour;"
        "assert not {'httpx', 'zstandard', 'granian', 'anyio'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
