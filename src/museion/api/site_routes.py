"""Sites over HTTP: how this one stands with the others, and changing that."""

from __future__ import annotations

import secrets
from typing import Annotated, Any

from litestar import Router, get, post
from litestar.connection import ASGIConnection
from litestar.di import Provide
from litestar.exceptions import PermissionDeniedException
from litestar.handlers import BaseRouteHandler
from litestar.params import Dependency, Parameter

from museion.api.openapi import problems
from museion.api.site_schemas import (
    ConnectionWanted,
    InvitationMade,
    InvitationWanted,
    JoinWanted,
    Network,
    SiteCard,
    SitesOverview,
)

ADMIN_HEADER = "Museion-Admin"
TheNetwork = Annotated[Network, Dependency(skip_validation=True)]  # a protocol cannot be checked
SiteId = Annotated[str, Parameter(description="Id of a site, as `museion sites list` prints it.")]


def site_router(network: Network) -> Router:
    """Return the routes below `/api/sites`; what changes something needs the admin token."""

    def provide_network() -> Network:
        return network

    def require_admin(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        given = connection.headers.get(ADMIN_HEADER, "")
        if not secrets.compare_digest(given.encode(), network.admin_token.encode()):
            raise PermissionDeniedException(
                "Connections between sites are changed on the site's own machine: "
                "use `museion sites`."
            )

    changing = Router(
        "/",
        route_handlers=[invite, join, connect, disconnect, retire, revoke, roll_key, recover],
        guards=[require_admin],
    )
    return Router(
        "/api/sites",
        route_handlers=[overview, changing],
        dependencies={"network": Provide(provide_network, sync_to_thread=False)},
    )


@get("/", summary="How this site stands with the others")
async def overview(network: TheNetwork) -> SitesOverview:
    """Return connections, lag, last errors, waiting blobs and open conflicts."""
    return await network.overview()


@post("/invitations", summary="Make a code that lets one site in", responses=problems(400, 403))
async def invite(network: TheNetwork, data: InvitationWanted) -> InvitationMade:
    """Return the code; only its digest is kept here."""
    return await network.invite(data)


@post(
    "/join",
    summary="Join the network of the site that made a code",
    responses=problems(400, 403, 503),
)
async def join(network: TheNetwork, data: JoinWanted) -> SiteCard:
    """Exchange keys with that site and connect with it, both ways."""
    return await network.join(data)


@post(
    "/{site_id:str}/connect",
    summary="Connect with a known site",
    status_code=200,
    responses=problems(400, 403, 404, 409, 503),
)
async def connect(network: TheNetwork, site_id: SiteId, data: ConnectionWanted) -> SiteCard:
    """Connect, or change what travels; refused where events would be lost."""
    return await network.connect(site_id, data)


@post(
    "/{site_id:str}/disconnect",
    summary="End the connections with a site",
    status_code=200,
    responses=problems(400, 403, 404),
)
async def disconnect(network: TheNetwork, site_id: SiteId) -> SiteCard:
    """End them; what was exchanged stays, and a later connection goes on from there."""
    return await network.disconnect(site_id)


@post(
    "/{site_id:str}/retire",
    summary="Say that a site takes part no more",
    status_code=200,
    responses=problems(400, 403, 404, 503),
)
async def retire(network: TheNetwork, site_id: SiteId) -> SiteCard:
    """Retire a site for good: nothing waits for it, nothing is served to it."""
    return await network.retire(site_id)


@post(
    "/{site_id:str}/revoke",
    summary="Refuse a site here from now on",
    status_code=200,
    responses=problems(400, 403, 404),
)
async def revoke(network: TheNetwork, site_id: SiteId) -> SiteCard:
    """Trust no key of a site any more, because one was stolen for example; this site alone."""
    return await network.revoke(site_id)


@post("/key", summary="Sign with a new key", status_code=200, responses=problems(400, 403, 503))
async def roll_key(network: TheNetwork) -> SitesOverview:
    """Roll the key of this site; the others follow, the old one is good for a day more."""
    return await network.roll_key()


@post(
    "/recover",
    summary="Bring back events that this site lost",
    status_code=202,
    responses=problems(400, 403, 409, 503),
)
async def recover(network: TheNetwork) -> SitesOverview:
    """Begin; `recovering` of the overview tells how far it has come."""
    return await network.recover()
