"""Which blobs a site keeps of its own accord; all others are fetched when a person asks for them.

Policies are values: they can be written, sent and compared. What only the application can judge,
such as the collections of an asset, it brings as named predicates.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import TypeAlias

import msgspec

from museion.base.errors import InvalidInput
from museion.blobs.blob_store import Digest


class Role(StrEnum):
    """What a blob is to its asset."""

    ORIGINAL = "original"
    RENDITION = "rendition"


class BlobFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a blob before it is here.

    Attributes:
        kind: of an original, such as `image`; empty for a rendition.
        rendition: class of a rendition, such as `thumbnail`; empty for an original.
        subject: what the application knows it by, such as the id of its asset.
    """

    digest: Digest
    size_bytes: int
    media_type: str
    role: Role
    kind: str = ""
    rendition: str = ""
    subject: str = ""


class KeepAll(msgspec.Struct, frozen=True, tag="all"):
    """Every blob is to be here."""


class KeepNone(msgspec.Struct, frozen=True, tag="on-demand"):
    """None is fetched before it is asked for."""


class Asked(msgspec.Struct, frozen=True):
    """A question to the application: the name of one of its predicates, and what it asks about."""

    predicate: str
    about: str = ""


class KeepMatching(msgspec.Struct, frozen=True, tag="matching"):
    """Blobs for which everything that is said here holds; what is left out does not count.

    Attributes:
        kinds: one of them is the asset's kind, such as `image`; for originals.
        media_types: one of them fits, such as `image/*`.
        renditions: one of them is the class of rendition; for renditions.
        max_bytes: the most that the blob may have.
        asked: predicates of the application that all hold.
    """

    kinds: tuple[str, ...] = ()
    media_types: tuple[str, ...] = ()
    renditions: tuple[str, ...] = ()
    max_bytes: int | None = None
    asked: tuple[Asked, ...] = ()


Rule: TypeAlias = KeepAll | KeepNone | KeepMatching

Predicate: TypeAlias = Callable[[BlobFacts, str], bool]
"""Judges a blob; the text is `Asked.about`. May block; may be called in any thread."""

_NO_PREDICATES: Mapping[str, Predicate] = MappingProxyType({})


class BlobPolicy(msgspec.Struct, frozen=True):
    """One rule for originals, one for renditions."""

    originals: Rule = KeepAll()
    renditions: Rule = KeepAll()


EVERYTHING = BlobPolicy()
"""A full copy: whatever the log tells of is to be here."""

RENDITIONS_ONLY = BlobPolicy(originals=KeepNone())
"""All pictures for screens; originals when they are asked for."""

ON_DEMAND = BlobPolicy(originals=KeepNone(), renditions=KeepNone())
"""Nothing before it is asked for."""

_NAMED: Mapping[str, BlobPolicy] = MappingProxyType(
    {"everything": EVERYTHING, "renditions-only": RENDITIONS_ONLY, "on-demand": ON_DEMAND}
)


class BadBlobPolicy(InvalidInput):
    """A text or table is no policy."""

    def __init__(self, got: object, reason: str) -> None:
        super().__init__(
            f"Expected a policy for blobs, got {str(got)[:80]!r}: {reason}.",
            remedy=f"Use one of {', '.join(_NAMED)}, or rules for originals and renditions.",
        )


class UnknownPredicate(InvalidInput):
    """A policy names a predicate that the application does not have."""

    def __init__(self, name: str, known: Mapping[str, object]) -> None:
        super().__init__(
            f"No predicate {name!r} for blobs is known.",
            remedy=f"Known are: {', '.join(sorted(known)) or 'none'}.",
        )


def policy_of(written: str | Mapping[str, object]) -> BlobPolicy:
    """Return the policy that a setting means: a name, or a table of rules.

    Example:
        policy_of({"originals": {"type": "matching", "max_bytes": 5_000_000}})

    Raises:
        BadBlobPolicy: it is neither.
    """
    if isinstance(written, str):
        if written not in _NAMED:
            raise BadBlobPolicy(written, "there is none of this name")
        return _NAMED[written]
    try:
        unknown = written.keys() - {"originals", "renditions"}
        if unknown:
            raise BadBlobPolicy(written, f"unknown are {', '.join(sorted(unknown))}")
        return msgspec.convert(written, BlobPolicy)
    except msgspec.ValidationError as reason:
        raise BadBlobPolicy(written, str(reason)) from reason


def check_policy(policy: BlobPolicy, predicates: Mapping[str, Predicate]) -> None:
    """Raise `UnknownPredicate` if a policy asks what the application cannot answer."""
    for rule in (policy.originals, policy.renditions):
        for asked in rule.asked if isinstance(rule, KeepMatching) else ():
            if asked.predicate not in predicates:
                raise UnknownPredicate(asked.predicate, predicates)


def wants(
    policy: BlobPolicy, facts: BlobFacts, predicates: Mapping[str, Predicate] = _NO_PREDICATES
) -> bool:
    """Tell whether a policy wants a blob to be here.

    Raises:
        UnknownPredicate: the policy asks a predicate that is not given.
    """
    rule = policy.originals if facts.role is Role.ORIGINAL else policy.renditions
    if isinstance(rule, KeepMatching):
        return _matches(rule, facts) and all(_holds(each, facts, predicates) for each in rule.asked)
    return isinstance(rule, KeepAll)


def _matches(rule: KeepMatching, facts: BlobFacts) -> bool:
    if rule.max_bytes is not None and facts.size_bytes > rule.max_bytes:
        return False
    if facts.role is Role.ORIGINAL and rule.kinds and facts.kind not in rule.kinds:
        return False
    if facts.role is Role.RENDITION and rule.renditions and facts.rendition not in rule.renditions:
        return False
    fitting = (fnmatchcase(facts.media_type, each) for each in rule.media_types)
    return not rule.media_types or any(fitting)


def _holds(asked: Asked, facts: BlobFacts, predicates: Mapping[str, Predicate]) -> bool:
    if asked.predicate not in predicates:
        raise UnknownPredicate(asked.predicate, predicates)
    return predicates[asked.predicate](facts, asked.about)
