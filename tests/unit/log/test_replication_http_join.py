"""A site joins another by an invitation code, over a real server."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from http_sites import HttpSite, http_site, served

from museion.base.errors import Unavailable
from museion.log.replication.directory import KnownSite
from museion.log.replication.invitations import (
    BadInvitationCode,
    Invitations,
    make_invitation,
    read_code,
)
from museion.log.replication.joining import JoinDesk, join
from museion.log.replication.protocol import InfoRequest
from museion.log.replication.refusals import BadAnswer, Refused
from museion.testing.event_loop import in_event_loop


@dataclass
class Inviter:
    site: HttpSite
    invitations: Invitations
    url: str

    def invite(self, **more: int) -> str:
        now_ms = self.site.now_ms()
        return make_invitation(
            self.invitations, self.site.keys, url=self.url, now_ms=now_ms, **more
        )


async def join_as(site: HttpSite, code: str) -> KnownSite:
    return await join(
        code, keys=site.keys, directory=site.directory, name="Joiner", url=None, now_ms=site.now_ms
    )


@asynccontextmanager
async def inviter_and(
    folder: Path, joiner_id: str = "joiner"
) -> AsyncIterator[tuple[Inviter, HttpSite]]:
    async with http_site(folder, "inviter") as site, http_site(folder, joiner_id) as joiner:
        invitations = Invitations(folder / "invitations.json")
        desk = JoinDesk(
            invitations,
            own_site=lambda: site.known("http://inviter.example"),
            directory=site.directory,
            now_ms=site.now_ms,
        )
        async with served(site.door(joins=desk)) as url:
            yield Inviter(site, invitations, url), joiner


@in_event_loop
async def test_a_site_that_joins_is_known_and_knows_the_inviter(tmp_path: Path) -> None:
    async with inviter_and(tmp_path) as (inviter, joiner):
        found = await join_as(joiner, inviter.invite())
        neighbour = joiner.neighbour(inviter.url, "inviter")
        info = await neighbour.info(InfoRequest())
        await neighbour.close()
        assert (found.site_id, found.url) == ("inviter", "http://inviter.example")
        assert info.endpoint_id == "inviter"


@in_event_loop
async def test_a_joiner_learns_of_every_site_that_the_inviter_knows(tmp_path: Path) -> None:
    async with inviter_and(tmp_path) as (inviter, joiner), http_site(tmp_path, "third") as third:
        inviter.site.directory.put(third.known("http://third.example"))
        await join_as(joiner, inviter.invite())
        learnt = joiner.directory.lookup("third")
        assert learnt is not None
        assert learnt.keys == third.known().keys
        assert joiner.directory.lookup("joiner") is None


@in_event_loop
async def test_a_lost_answer_is_repeated_by_the_same_joiner(tmp_path: Path) -> None:
    async with inviter_and(tmp_path) as (inviter, joiner):
        code = inviter.invite()
        await join_as(joiner, code)
        again = await join_as(joiner, code)
        assert again.site_id == "inviter"


@in_event_loop
async def test_an_invitation_is_good_for_one_site(tmp_path: Path) -> None:
    async with inviter_and(tmp_path) as (inviter, joiner), http_site(tmp_path, "late") as late:
        code = inviter.invite()
        await join_as(joiner, code)
        with pytest.raises(Refused, match=r"'joiner' has joined by this invitation already"):
            await join_as(late, code)
        assert inviter.site.directory.lookup("late") is None


@in_event_loop
async def test_an_invitation_expires(tmp_path: Path) -> None:
    async with inviter_and(tmp_path) as (inviter, joiner):
        code = inviter.invite(valid_ms=-1)
        with pytest.raises(Refused, match=r"was good until \d{4}-\d\d-\d\d"):
            await join_as(joiner, code)
        assert inviter.site.directory.lookup("joiner") is None


@in_event_loop
async def test_a_withdrawn_invitation_is_refused(tmp_path: Path) -> None:
    async with inviter_and(tmp_path) as (inviter, joiner):
        code = inviter.invite()
        inviter.invitations.withdraw(inviter.invitations.list()[0].key)
        with pytest.raises(Refused, match="not known here"):
            await join_as(joiner, code)


@in_event_loop
async def test_who_knows_the_code_but_not_its_secret_cannot_join(tmp_path: Path) -> None:
    async with inviter_and(tmp_path) as (inviter, joiner):
        invitation = read_code(inviter.invite())
        guessed = type(invitation)(
            invitation.url,
            invitation.site_id,
            invitation.fingerprint,
            bytes(16),
            invitation.expires_ms,
        )
        with pytest.raises(Refused, match="not known here"):
            await join_as(joiner, guessed.code)


@in_event_loop
async def test_another_site_at_the_inviters_address_is_not_believed(tmp_path: Path) -> None:
    async with (
        inviter_and(tmp_path / "real") as (inviter, joiner),
        inviter_and(tmp_path / "false") as (impostor, _),
    ):
        invitation = read_code(inviter.invite())
        impostor.invitations.add(invitation, impostor.site.now_ms())
        lured = type(invitation)(
            impostor.url,
            invitation.site_id,
            invitation.fingerprint,
            invitation.secret,
            invitation.expires_ms,
        )
        with pytest.raises((Refused, BadAnswer)):
            await join_as(joiner, lured.code)
        assert joiner.directory.sites() == []


@in_event_loop
async def test_a_site_cannot_take_the_id_of_another(tmp_path: Path) -> None:
    async with inviter_and(tmp_path) as (inviter, joiner), http_site(tmp_path / "2", "joiner") as b:
        await join_as(joiner, inviter.invite())
        with pytest.raises(Refused, match=r"'joiner' with another key is known here"):
            await join_as(b, inviter.invite())
        with pytest.raises(Refused, match=r"'inviter' with another key is known here"):
            async with http_site(tmp_path / "3", "inviter") as false:
                await join_as(false, inviter.invite())


@in_event_loop
async def test_a_site_that_lost_its_key_joins_anew_once_it_was_removed(tmp_path: Path) -> None:
    async with inviter_and(tmp_path) as (inviter, joiner), http_site(tmp_path / "2", "joiner") as b:
        await join_as(joiner, inviter.invite())
        inviter.site.directory.remove("joiner")
        await join_as(b, inviter.invite())
        known = inviter.site.directory.lookup("joiner")
        assert known is not None
        assert known.keys == b.known().keys


@in_event_loop
async def test_a_site_without_joins_refuses_them(tmp_path: Path) -> None:
    async with inviter_and(tmp_path) as (inviter, joiner), served(inviter.site.door()) as url:
        inviter.url = url
        with pytest.raises(Refused, match="There is nothing at"):
            await join_as(joiner, inviter.invite())


@in_event_loop
async def test_a_join_to_an_address_where_nobody_answers_says_so(tmp_path: Path) -> None:
    async with inviter_and(tmp_path) as (inviter, joiner):
        inviter.url = "http://127.0.0.1:9"
        with pytest.raises(Unavailable, match="does not answer"):
            await join_as(joiner, inviter.invite())


@in_event_loop
async def test_a_code_is_read_whatever_mail_programs_made_of_it(tmp_path: Path) -> None:
    async with inviter_and(tmp_path) as (inviter, _):
        code = inviter.invite()
        folded = "\n ".join(code[at : at + 20] for at in range(0, len(code), 20)).upper()
        assert read_code(folded) == read_code(code)
        assert len(code) < 200


@in_event_loop
async def test_a_changed_cut_or_foreign_code_is_told_before_anything_is_sent(
    tmp_path: Path,
) -> None:
    async with inviter_and(tmp_path) as (inviter, joiner):
        code = inviter.invite()
        changed = code[:30] + ("a" if code[30] != "a" else "b") + code[31:]
        for bad in (changed, code[:-1], code[:-9], code + "aa", "", "museion1", "hello", "ü" * 30):
            with pytest.raises(BadInvitationCode):
                await join_as(joiner, bad)


@in_event_loop
async def test_the_inviter_keeps_nothing_that_lets_a_thief_join(tmp_path: Path) -> None:
    async with inviter_and(tmp_path) as (inviter, _):
        invitation = read_code(inviter.invite())
        secret = invitation.secret
        kept = (tmp_path / "invitations.json").read_bytes()
        assert base64.b64encode(invitation.invitation_key) in kept
        for form in (secret, secret.hex().encode(), base64.b64encode(secret).rstrip(b"=")):
            assert form not in kept
        assert repr(secret) not in repr(read_code(inviter.invite()))
