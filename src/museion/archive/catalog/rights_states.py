"""What the metadata and people say of rights: free, restricted, or nothing at all.

The same rules twice, as a condition on the catalog's rows and as a function; a test holds them
against each other. Statements are put together from constants.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from museion.archive.catalog.condition import Condition, all_of, any_of, negated

_TERMS: Final = "(coalesce(rights, '') || ' ' || coalesce(copyright, ''))"
"""All that is said of rights, in one text."""
_URLS: Final = "SELECT asset_nr FROM metadata_value WHERE field = 'rights_url'"
_FREE_TERMS: Final = (
    *("public domain", "gemeinfrei", "cc0", "cc by", "cc-by"),
    "creative commons attribution",
)
_FREE_URLS: Final = ("/publicdomain/", "creativecommons.org/licenses/by")
_UNFREE_TERMS: Final = (
    *("by-nc", "by nc", "by-nd", "by nd", "noncommercial", "non-commercial", "noderiv"),
    "no deriv",
)
_UNFREE_URLS: Final = ("/by-nc", "/by-nd")


def rights_condition(state: str) -> Condition:
    """Return the condition that rights are in a state, one of `filters.RIGHTS_STATES`."""
    unknown = Condition(f"trim({_TERMS}) = '' AND nr NOT IN ({_URLS})", ())
    free = all_of(
        (
            any_of((_holds_any(_TERMS, _FREE_TERMS), _url(_FREE_URLS))),
            negated(any_of((_holds_any(_TERMS, _UNFREE_TERMS), _url(_UNFREE_URLS)))),
        )
    )
    match state:
        case "free":
            return free
        case "unknown":
            return unknown
        case _:
            return all_of((negated(unknown), negated(free)))


def rights_state(rights: str | None, copyright_: str | None, urls: Sequence[str]) -> str:
    """Return the state of rights.

    Args:
        rights: terms of the licence, in words.
        copyright_: the copyright notice.
        urls: addresses of a licence or rights statement.
    """
    terms = f"{rights or ''} {copyright_ or ''}".lower()
    places = [url.lower() for url in urls]
    if not terms.strip(" ") and not places:
        return "unknown"
    is_free = _says(terms, _FREE_TERMS) or any(_says(url, _FREE_URLS) for url in places)
    is_unfree = _says(terms, _UNFREE_TERMS) or any(_says(url, _UNFREE_URLS) for url in places)
    return "free" if is_free and not is_unfree else "restricted"


def _says(text: str, parts: Iterable[str]) -> bool:
    return any(part in text for part in parts)


def _holds_any(value: str, parts: Sequence[str]) -> Condition:
    like = " OR ".join([f"{value} LIKE ?"] * len(parts))
    return Condition(like, tuple(f"%{part}%" for part in parts))


def _url(parts: Sequence[str]) -> Condition:
    holds = _holds_any("value", parts)
    return Condition(f"nr IN ({_URLS} AND ({holds.sql}))", holds.arguments)
