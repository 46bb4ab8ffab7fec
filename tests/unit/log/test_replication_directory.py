"""Keys of sites and the list of known sites: durable, shared by processes, rolled and revoked."""

from __future__ import annotations

import multiprocessing
import stat
from pathlib import Path

import pytest
from msgspec.structs import replace

from museion.log.event import InvalidEvent
from museion.log.replication.directory import (
    GRACE_MS,
    FileSiteDirectory,
    KnownKey,
    KnownSite,
    UnknownSite,
    with_key,
    with_next_key,
    without_key,
)
from museion.log.replication.shared_file import DamagedFile, FileUnavailable
from museion.log.replication.site_keys import (
    NoSiteKey,
    SiteKeyExists,
    SiteKeys,
    is_signed,
    key_id_of,
)

NOW_MS = 1_790_000_000_000


def site_of(keys: SiteKeys, **more: object) -> KnownSite:
    site = KnownSite(keys.site_id, "Office", "https://office", (KnownKey.of(keys.public_key),))
    return replace(site, **more)


@pytest.fixture
def keys(tmp_path: Path) -> SiteKeys:
    return SiteKeys.make(tmp_path / "keys", "office")


@pytest.fixture
def directory(tmp_path: Path) -> FileSiteDirectory:
    return FileSiteDirectory(tmp_path / "known" / "sites.json")


def accepts(directory: FileSiteDirectory, key_id: str, now_ms: int = NOW_MS) -> bool:
    site = directory.lookup("office")
    return site is not None and site.accepted_key(key_id, now_ms) is not None


def test_a_key_is_there_again_when_it_is_opened(keys: SiteKeys, tmp_path: Path) -> None:
    again = SiteKeys.open(tmp_path / "keys")
    assert (again.site_id, again.public_key) == ("office", keys.public_key)
    assert is_signed(b"text", again.sign(b"text"), keys.public_key)
    assert not is_signed(b"texT", again.sign(b"text"), keys.public_key)


def test_the_private_key_is_for_its_owner_only_and_never_shown(
    keys: SiteKeys, tmp_path: Path
) -> None:
    file = tmp_path / "keys" / "site-key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert repr(keys) == f"SiteKeys(site_id='office', key_id={keys.key_id!r})"


def test_a_second_key_is_not_made_over_the_first(keys: SiteKeys, tmp_path: Path) -> None:
    with pytest.raises(SiteKeyExists):
        SiteKeys.make(tmp_path / "keys", "office")
    assert SiteKeys.open(tmp_path / "keys").public_key == keys.public_key


def test_a_missing_or_damaged_key_is_told(keys: SiteKeys, tmp_path: Path) -> None:
    with pytest.raises(NoSiteKey):
        SiteKeys.open(tmp_path / "nothing")
    with pytest.raises(InvalidEvent):
        SiteKeys.make(tmp_path / "empty", "")
    (tmp_path / "keys" / "site-key").write_bytes(b"\x90")
    with pytest.raises(DamagedFile, match="site-key is damaged"):
        keys.sign(b"")


def test_another_process_that_rolls_the_key_is_noticed(keys: SiteKeys, tmp_path: Path) -> None:
    before = keys.key_id
    told = SiteKeys.open(tmp_path / "keys").roll(NOW_MS)
    assert keys.key_id == key_id_of(told.public_key) != before
    assert keys.announcements == (told,)


def test_a_new_key_is_trusted_when_the_old_one_has_signed_it(
    keys: SiteKeys, directory: FileSiteDirectory
) -> None:
    directory.put(site_of(keys))
    old = keys.key_id
    told = keys.roll(NOW_MS)
    assert not accepts(directory, keys.key_id)
    assert directory.accept(told, NOW_MS)
    assert directory.accept(told, NOW_MS)  # a repeat does no harm
    assert accepts(directory, keys.key_id)
    assert accepts(directory, old, NOW_MS + GRACE_MS)
    assert not accepts(directory, old, NOW_MS + GRACE_MS + 1)


def test_a_new_key_that_nobody_trusted_has_signed_is_refused(
    keys: SiteKeys, directory: FileSiteDirectory, tmp_path: Path
) -> None:
    directory.put(site_of(keys))
    thief = SiteKeys.make(tmp_path / "thief", "office")
    old = thief.key_id
    told = thief.roll(NOW_MS)
    assert not directory.accept(told, NOW_MS)
    assert not directory.accept(replace(told, previous_key_id=keys.key_id), NOW_MS)
    assert not directory.accept(replace(told, site_id="unknown"), NOW_MS)
    assert not accepts(directory, old)
    assert not accepts(directory, thief.key_id)


def test_an_old_key_announces_one_new_key_only(
    keys: SiteKeys, directory: FileSiteDirectory, tmp_path: Path
) -> None:
    directory.put(site_of(keys))
    stolen = tmp_path / "stolen"
    stolen.mkdir()
    (stolen / "site-key").write_bytes((tmp_path / "keys" / "site-key").read_bytes())
    assert directory.accept(keys.roll(NOW_MS), NOW_MS)
    assert not directory.accept(SiteKeys.open(stolen).roll(NOW_MS), NOW_MS)


def test_a_revoked_key_signs_nothing_any_more(keys: SiteKeys, directory: FileSiteDirectory) -> None:
    directory.put(site_of(keys))
    directory.revoke_key("office", keys.key_id)
    assert not accepts(directory, keys.key_id)
    assert not directory.accept(keys.roll(NOW_MS), NOW_MS)


def test_a_key_that_came_another_way_ages_the_one_before(keys: SiteKeys) -> None:
    site = site_of(keys)
    old = keys.key_id
    told = keys.roll(NOW_MS)
    by_hand = with_key(site, keys.public_key, NOW_MS)
    assert by_hand == with_next_key(site, told, NOW_MS)
    assert with_next_key(by_hand, told, NOW_MS + 5) == by_hand
    assert by_hand.accepted_key(old, NOW_MS + GRACE_MS + 1) is None
    assert by_hand.accepted_key(keys.key_id, NOW_MS + GRACE_MS + 1) == keys.public_key


def test_keys_of_long_ago_are_forgotten_but_no_revoked_one(keys: SiteKeys) -> None:
    revoked = keys.key_id
    site = without_key(site_of(keys), revoked)
    for number in range(20):
        site = with_key(site, bytes([number]) * 32, NOW_MS)
    assert len(site.keys) <= 9
    assert site.keys[-1].public_key == bytes([19]) * 32
    again = with_key(site, keys.public_key, NOW_MS)
    assert again == site
    assert again.accepted_key(revoked, NOW_MS) is None


def test_a_revoked_site_stays_revoked_whatever_others_say(
    keys: SiteKeys, directory: FileSiteDirectory
) -> None:
    directory.put(site_of(keys))
    directory.revoke("office")
    directory.learn([site_of(keys)])
    assert not accepts(directory, keys.key_id)
    assert not directory.accept(keys.roll(NOW_MS), NOW_MS)


def test_what_is_learnt_does_not_change_what_is_known(
    keys: SiteKeys, directory: FileSiteDirectory, tmp_path: Path
) -> None:
    directory.put(site_of(keys))
    false = SiteKeys.make(tmp_path / "false", "office")
    other = SiteKeys.make(tmp_path / "other", "annex")
    directory.learn([site_of(false), site_of(other)])
    assert [site.keys[0].key_id for site in directory.sites()] == [other.key_id, keys.key_id]


def test_known_sites_are_there_again_when_they_are_opened(
    keys: SiteKeys, directory: FileSiteDirectory, tmp_path: Path
) -> None:
    directory.put(site_of(keys, joined_ms=5))
    again = FileSiteDirectory(tmp_path / "known" / "sites.json")
    assert again.sites() == [site_of(keys, joined_ms=5)]
    again.remove("office")
    assert directory.sites() == []


def test_a_site_that_is_not_known_cannot_be_revoked(directory: FileSiteDirectory) -> None:
    with pytest.raises(UnknownSite):
        directory.revoke("nowhere")
    assert directory.lookup("nowhere") is None


def test_a_damaged_list_of_sites_is_told(
    keys: SiteKeys, directory: FileSiteDirectory, tmp_path: Path
) -> None:
    directory.put(site_of(keys))
    file = tmp_path / "known" / "sites.json"
    whole = file.read_text()
    other_key = KnownKey.of(bytes(32)).key_id
    for damaged in (whole[:-9], whole.replace(keys.key_id, other_key), "{}", "\x00"):
        file.write_text(damaged)
        with pytest.raises(DamagedFile, match=r"sites\.json is damaged"):
            directory.sites()


def test_a_folder_that_cannot_be_used_is_told(keys: SiteKeys, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FileUnavailable, match="Not a directory"):
        FileSiteDirectory(tmp_path / "file" / "sites.json")


def _put_some(path: Path, number: int) -> None:
    directory = FileSiteDirectory(path)
    for index in range(10):
        site_id = f"{number}-{index}"
        directory.put(KnownSite(site_id, site_id, None, (KnownKey.of(bytes(32)),)))


def test_several_processes_lose_nothing_of_each_other(
    directory: FileSiteDirectory, tmp_path: Path
) -> None:
    path = tmp_path / "known" / "sites.json"
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_put_some, args=(path, number)) for number in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(20)
        assert writer.exitcode == 0
    assert len(directory.sites()) == 30
