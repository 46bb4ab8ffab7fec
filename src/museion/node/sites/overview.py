"""How this site stands with the others, as values for screens and programs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from museion.api.site_schemas import LinkShown, Receiving, Sending, SiteCard
from museion.base.errors import MuseionError
from museion.log.replication.directory import KnownSite
from museion.log.replication.status import (
    ConnectionStatus,
    EndpointStatus,
    LinkCondition,
    ReaderStatus,
)

DISCONNECTED = "disconnected"
"""State of a site with which a person ended the connection."""

KNOWN = "known"
"""State of a site that is known but not connected with this one."""


def site_card(
    site: KnownSite,
    status: EndpointStatus,
    *,
    only: str | None,
    ended: bool,
    refusal: MuseionError | None,
    names: Mapping[str, str],
) -> SiteCard:
    """Return how this site stands with another one.

    Args:
        only: the part that this site takes, as a person wrote it.
        ended: a person ended the connection.
        refusal: why a connection that is wanted cannot be made.
        names: names of sites by id, for reasons that mention ids.
    """
    connection = next((c for c in status.connections if c.remote_id == site.site_id), None)
    reader = next((r for r in status.readers if r.remote_id == site.site_id), None)
    retired = site.site_id in status.retired
    return SiteCard(
        id=site.site_id,
        name=site.name,
        url=site.url,
        retired=retired,
        revoked=site.revoked,
        connected=connection is not None,
        state=DISCONNECTED
        if ended and not retired
        else _state(connection, reader, retired=retired),
        receives=_receiving(connection, only, refusal, names),
        sends=_sending(connection, reader),
    )


def links_shown(status: EndpointStatus) -> list[LinkShown]:
    """Return all connections of the network that are known here."""
    links = {link for state in status.topology for link in state.links if not state.retired}
    return [
        LinkShown(target=each.target, source=each.source, filtered=each.filtered)
        for each in sorted(links)
    ]


def _state(
    connection: ConnectionStatus | None, reader: ReaderStatus | None, *, retired: bool
) -> str:
    if retired:
        return _dashed(LinkCondition.RETIRED)
    if connection is None:
        return KNOWN if reader is None else "read-by"
    return _dashed(connection.condition)


def _receiving(
    connection: ConnectionStatus | None,
    only: str | None,
    refusal: MuseionError | None,
    names: Mapping[str, str],
) -> Receiving | None:
    if connection is None:
        return None if refusal is None else _refused(only, refusal, names)
    logs = connection.logs
    error = connection.reason or next((each.last_error for each in logs if each.last_error), "")
    healthy = connection.condition in (LinkCondition.UP_TO_DATE, LinkCondition.CATCHING_UP)
    return Receiving(
        filter=only,
        lag_events=sum(each.lag_events for each in logs),
        lag_s=max([each.lag_s for each in logs], default=0.0),
        events=sum(each.events for each in logs),
        bytes=sum(each.size_bytes for each in logs),
        last_success_ms=max([each.last_success_ms for each in logs], default=0) or None,
        error=None if healthy or not error else _named(error, names),
        remedy="",
    )


def _refused(only: str | None, refusal: MuseionError, names: Mapping[str, str]) -> Receiving:
    return Receiving(
        filter=only,
        lag_events=0,
        lag_s=0.0,
        events=0,
        bytes=0,
        last_success_ms=None,
        error=_named(refusal.message, names),
        remedy=_named(refusal.remedy, names),
    )


def _sending(connection: ConnectionStatus | None, reader: ReaderStatus | None) -> Sending | None:
    if reader is not None:
        return Sending(
            filter=None, lag_events=reader.lag_events, last_contact_ms=reader.last_read_ms or None
        )
    if connection is not None and connection.direction == "offer":
        return Sending(
            filter=None,
            lag_events=sum(each.lag_events for each in connection.logs),
            last_contact_ms=max([each.last_success_ms for each in connection.logs]) or None,
        )
    return None


def site_names(sites: Iterable[KnownSite], own_id: str, own_name: str) -> Mapping[str, str]:
    """Return the names of all sites by their ids."""
    return {own_id: own_name, **{site.site_id: site.name for site in sites}}


def _named(text: str, names: Mapping[str, str]) -> str:
    for site_id, name in names.items():
        text = text.replace(site_id, name)
    return text


def _dashed(condition: LinkCondition) -> str:
    return condition.value.replace(" ", "-")
