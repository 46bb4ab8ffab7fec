"""A log whose folder was lost can be made again under the identity that its neighbours know."""

from __future__ import annotations

from pathlib import Path

import pytest

from museion.log.event import InvalidEvent
from museion.log.lmdb_store import LmdbEventStore, OtherLog


def _id_of(path: Path, log_id: str | None = None) -> str:
    store = LmdbEventStore(path, log_id=log_id)
    try:
        return store.recover().log_id
    finally:
        store.close()


def test_a_new_log_takes_the_id_that_it_is_given_and_keeps_it(tmp_path: Path) -> None:
    assert _id_of(tmp_path / "log", "vienna") == "vienna"
    assert _id_of(tmp_path / "log") == "vienna"
    assert _id_of(tmp_path / "log", "vienna") == "vienna"


def test_a_log_with_another_id_is_refused_and_stays(tmp_path: Path) -> None:
    own = _id_of(tmp_path / "log")

    with pytest.raises(OtherLog, match="vienna"):
        _id_of(tmp_path / "log", "vienna")

    assert _id_of(tmp_path / "log") == own


def test_what_is_no_name_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(InvalidEvent):
        _id_of(tmp_path / "log", "")

    assert not (tmp_path / "log").exists()
