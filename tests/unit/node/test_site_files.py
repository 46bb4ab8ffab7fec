"""What a site keeps about its connections."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from museion.node.sites.site_files import (
    DamagedConnections,
    SavedConnection,
    SiteFiles,
    forked_log,
    read_admin_token,
)


def test_the_token_stays_the_same_and_is_for_its_owner_only(tmp_path: Path) -> None:
    token = SiteFiles(tmp_path).admin_token

    assert SiteFiles(tmp_path).admin_token == token == read_admin_token(tmp_path)
    assert len(token) >= 32
    assert stat.S_IMODE((tmp_path / "sites" / "admin-token").stat().st_mode) == 0o600


def test_a_site_without_connections_has_no_token_yet(tmp_path: Path) -> None:
    assert read_admin_token(tmp_path) == ""


def test_the_last_connection_with_a_site_is_kept(tmp_path: Path) -> None:
    files = SiteFiles(tmp_path)
    files.save(SavedConnection("graz", only="type:photo"))
    files.save(SavedConnection("linz"))
    files.save(SavedConnection("graz", connected=False))

    assert SiteFiles(tmp_path).connections() == {
        "graz": SavedConnection("graz", connected=False),
        "linz": SavedConnection("linz"),
    }


def test_that_a_forked_log_is_kept_is_known_until_it_ends(tmp_path: Path) -> None:
    assert forked_log(tmp_path) is None
    SiteFiles(tmp_path).begin_keeping("log-forked-1")
    assert forked_log(tmp_path) == tmp_path / "log-forked-1"
    SiteFiles(tmp_path).end_keeping()
    SiteFiles(tmp_path).end_keeping()
    assert forked_log(tmp_path) is None


def test_a_damaged_file_of_connections_says_what_to_do(tmp_path: Path) -> None:
    files = SiteFiles(tmp_path)
    (tmp_path / "sites" / "connections").write_text('[{"site_id": 7}]')

    with pytest.raises(DamagedConnections, match="museion sites connect"):
        files.connections()
