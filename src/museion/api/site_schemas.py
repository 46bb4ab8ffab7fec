"""What the HTTP API says about sites, and what it wants of the network behind it."""

from __future__ import annotations

from typing import Annotated, Protocol

import msgspec
from msgspec import Meta


class RecoveryStep(msgspec.Struct, frozen=True, kw_only=True):
    """How far a recovery has come, in events."""

    step: str
    done: int
    total: int


class BlobsWaiting(msgspec.Struct, frozen=True, kw_only=True):
    """Blobs that this site wants and does not have yet."""

    policy: str
    waiting: int
    bytes_waiting: int
    bytes_per_s: float
    failed: int


class Receiving(msgspec.Struct, frozen=True, kw_only=True):
    """How this site reads from another: `filter` is the part that it takes, null for all."""

    filter: str | None
    lag_events: int
    lag_s: float
    events: int
    bytes: int
    last_success_ms: int | None
    error: str | None
    remedy: str


class Sending(msgspec.Struct, frozen=True, kw_only=True):
    """How another site reads from this one."""

    filter: str | None
    lag_events: int
    last_contact_ms: int | None


class SiteCard(msgspec.Struct, frozen=True, kw_only=True):
    """Another site, and how this one stands with it."""

    id: str
    name: str
    url: str | None
    retired: bool
    revoked: bool
    connected: bool
    state: str
    receives: Receiving | None
    sends: Sending | None


class LinkShown(msgspec.Struct, frozen=True, kw_only=True):
    """A connection somewhere in the network: `target` reads from `source`."""

    target: str
    source: str
    filtered: bool


class SitesOverview(msgspec.Struct, frozen=True, kw_only=True):
    """This site, the others, and the connections between all of them, as far as known here."""

    id: str
    name: str
    url: str | None
    recovering: RecoveryStep | None
    needs_recovery: bool
    conflicts: int
    waiting_for: list[str]
    blobs: BlobsWaiting
    sites: list[SiteCard]
    links: list[LinkShown]


class InvitationWanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Asks for a code that lets one site in, which reaches this one at `url`."""

    valid_h: Annotated[float, Meta(gt=0, le=24 * 365)] = 24.0
    url: str | None = None


class InvitationMade(msgspec.Struct, frozen=True, kw_only=True):
    """A code for one site, and until when it is good."""

    code: str
    expires_ms: int


class JoinWanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Asks to join the network of the site that made the code."""

    code: str


class ConnectionWanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Asks for a connection: `only` is the part to be taken, in filter words; null for all."""

    only: str | None = None


class Network(Protocol):
    """The other sites, as the HTTP API sees them.

    Raises (all calls): errors of the five families; see the commands of `museion sites`.
    """

    @property
    def admin_token(self) -> str:
        """Who knows it may change how sites are connected."""

    async def overview(self) -> SitesOverview:
        """Return how this site stands with all others."""

    async def invite(self, wanted: InvitationWanted) -> InvitationMade:
        """Make a code that lets one site in."""

    async def join(self, wanted: JoinWanted) -> SiteCard:
        """Join the network of the site that made a code, and connect with that site."""

    async def connect(self, site_id: str, wanted: ConnectionWanted) -> SiteCard:
        """Connect with a site that is known, or change the parts that travel."""

    async def disconnect(self, site_id: str) -> SiteCard:
        """End the connections with a site; what was exchanged stays."""

    async def retire(self, site_id: str) -> SiteCard:
        """Say for good that a site takes part no more."""

    async def revoke(self, site_id: str) -> SiteCard:
        """Refuse a site here from now on, whatever it signs."""

    async def roll_key(self) -> SitesOverview:
        """Sign with a new key from now on; the other sites hear of it by themselves."""

    async def recover(self) -> SitesOverview:
        """Begin to bring back events that this site lost."""
