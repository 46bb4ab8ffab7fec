"""Why a wallet refuses a command; nothing was done then."""

from __future__ import annotations

from museion.base.errors import Conflict, InvalidInput, NotFound
from wallet.money import Money


class NotOpen(NotFound):
    """There is no such wallet."""

    def __init__(self, wallet: str) -> None:
        super().__init__(f"There is no wallet {wallet!r}.", remedy="Open it first.")


class AlreadyOpen(Conflict):
    """The wallet was opened before, by another request."""

    def __init__(self, wallet: str) -> None:
        super().__init__(f"Wallet {wallet!r} is open already.")


class KeyReused(Conflict):
    """A client key came again with another request."""

    def __init__(self, key: str) -> None:
        super().__init__(
            f"Key {key!r} was used for another request.",
            remedy="Repeat the same request under it, or take a new key.",
        )


class InsufficientFunds(Conflict):
    """There is not enough free money in the wallet."""

    def __init__(self, wallet: str, *, available: Money, wanted: Money) -> None:
        super().__init__(f"Wallet {wallet!r} has {available} to dispose of, not {wanted}.")


class LimitExceeded(Conflict):
    """The player's own limit does not allow the stake."""

    def __init__(self, limit: str, *, allowed: Money, wanted: Money) -> None:
        super().__init__(f"The limit {limit} leaves {allowed}; the stake is {wanted}.")


class PlayerExcluded(Conflict):
    """The player has shut himself out for now."""

    def __init__(self, wallet: str, until_ms: int) -> None:
        super().__init__(f"The player of {wallet!r} is excluded until {until_ms} ms since 1970.")


class ExclusionShortened(Conflict):
    """An exclusion cannot be made shorter."""

    def __init__(self, until_ms: int) -> None:
        super().__init__(f"The exclusion lasts until {until_ms} ms since 1970 at least.")


class NoSuchHold(NotFound):
    """Nothing is set aside under this name, or no longer."""

    def __init__(self, hold: str) -> None:
        super().__init__(f"There is no hold {hold!r}: it was committed, released, or it expired.")


class NotReversible(Conflict):
    """There is no such move, it was reversed before, or it is of a kind that is not."""

    def __init__(self, key: str) -> None:
        super().__init__(
            f"{key!r} is no deposit, withdrawal or committed hold that stands.",
            remedy="A transfer is undone by a transfer back.",
        )


class NotAnAmount(InvalidInput):
    """An amount or a duration to work with must be above zero."""

    def __init__(self, found: object) -> None:
        super().__init__(f"Expected something above zero, got {found}.")


class SameWallet(InvalidInput):
    """A transfer goes from one wallet to another."""

    def __init__(self, wallet: str) -> None:
        super().__init__(f"Expected two different wallets, got {wallet!r} twice.")


class NoSuchTransfer(NotFound):
    """This wallet has sent no transfer under this key."""

    def __init__(self, key: str) -> None:
        super().__init__(f"There is no transfer {key!r} from this wallet.")
