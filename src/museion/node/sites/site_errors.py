"""What can stand in the way of connecting two sites."""

from __future__ import annotations

from museion.base.errors import Conflict, InvalidInput, NotFound


class NoAddress(InvalidInput):
    """Other sites cannot reach this one, so it cannot let one in."""

    def __init__(self) -> None:
        super().__init__(
            "Other sites need an address at which they reach this one.",
            remedy="Set `url` in museion.toml, give `--url`, or run `museion serve` first.",
        )


class NotReachable(Conflict):
    """A site has no address, so only it can connect."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name} has no address at which this site could reach it.",
            remedy="Connect from there: that serves both ways.",
        )


class UnknownSite(NotFound):
    """No site of the network has this id."""

    def __init__(self, site_id: str) -> None:
        super().__init__(
            f"No site {site_id!r} is known here.", remedy="`museion sites list` names all."
        )
