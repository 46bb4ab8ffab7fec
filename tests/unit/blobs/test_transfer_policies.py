"""Policies are values; what they do not say does not count."""

from __future__ import annotations

import msgspec
import pytest

from museion.blobs.transfer.policies import (
    EVERYTHING,
    ON_DEMAND,
    RENDITIONS_ONLY,
    Asked,
    BadBlobPolicy,
    BlobFacts,
    BlobPolicy,
    KeepAll,
    KeepMatching,
    KeepNone,
    Role,
    Rule,
    UnknownPredicate,
    check_policy,
    policy_of,
    wants,
)
from museion.testing.contracts.blob_store import UNKNOWN

ORIGINAL = BlobFacts(
    digest=UNKNOWN, size_bytes=1000, media_type="image/jpeg", role=Role.ORIGINAL, kind="image"
)
THUMBNAIL = BlobFacts(
    digest=UNKNOWN,
    size_bytes=10,
    media_type="image/webp",
    role=Role.RENDITION,
    rendition="thumbnail",
)


@pytest.mark.parametrize(
    ("policy", "original", "rendition"),
    [
        (EVERYTHING, True, True),
        (RENDITIONS_ONLY, False, True),
        (ON_DEMAND, False, False),
        (BlobPolicy(originals=KeepAll(), renditions=KeepNone()), True, False),
    ],
)
def test_originals_and_renditions_have_rules_of_their_own(
    policy: BlobPolicy, original: bool, rendition: bool
) -> None:
    assert (wants(policy, ORIGINAL), wants(policy, THUMBNAIL)) == (original, rendition)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (KeepMatching(), True),
        (KeepMatching(kinds=("video", "image")), True),
        (KeepMatching(kinds=("video",)), False),
        (KeepMatching(media_types=("image/*",)), True),
        (KeepMatching(media_types=("image/png", "video/*")), False),
        (KeepMatching(max_bytes=1000), True),
        (KeepMatching(max_bytes=999), False),
        (KeepMatching(kinds=("image",), max_bytes=999), False),
        (KeepMatching(renditions=("thumbnail",)), True),
    ],
)
def test_a_rule_matches_where_all_that_it_says_holds(rule: Rule, *, expected: bool) -> None:
    assert wants(BlobPolicy(originals=rule), ORIGINAL) is expected


def test_renditions_are_chosen_by_their_class() -> None:
    policy = BlobPolicy(renditions=KeepMatching(renditions=("preview",), kinds=("video",)))
    assert not wants(policy, THUMBNAIL)
    assert wants(policy, msgspec.structs.replace(THUMBNAIL, rendition="preview"))


def test_the_application_answers_what_only_it_can_judge() -> None:
    policy = BlobPolicy(originals=KeepMatching(asked=(Asked("in-collection", "press"),)))
    judged: list[tuple[BlobFacts, str]] = []

    def in_collection(facts: BlobFacts, about: str) -> bool:
        judged.append((facts, about))
        return about == "press"

    assert wants(policy, ORIGINAL, {"in-collection": in_collection})
    assert judged == [(ORIGINAL, "press")]


def test_a_predicate_that_nobody_gave_is_named() -> None:
    policy = BlobPolicy(originals=KeepMatching(asked=(Asked("in-colection"),)))
    for ask in (
        lambda: wants(policy, ORIGINAL),
        lambda: check_policy(policy, {"in-collection": lambda _facts, _about: True}),
    ):
        with pytest.raises(UnknownPredicate, match="in-colection"):
            ask()


@pytest.mark.parametrize(
    "policy",
    [
        EVERYTHING,
        ON_DEMAND,
        BlobPolicy(
            KeepMatching(kinds=("image",), max_bytes=5, asked=(Asked("field", "region=at"),)),
            KeepMatching(renditions=("thumbnail",), media_types=("image/*",)),
        ),
    ],
)
def test_a_policy_survives_being_written(policy: BlobPolicy) -> None:
    assert msgspec.json.decode(msgspec.json.encode(policy), type=BlobPolicy) == policy
    assert policy_of(msgspec.to_builtins(policy)) == policy


def test_a_setting_is_a_name_or_a_table() -> None:
    assert policy_of("renditions-only") == RENDITIONS_ONLY
    written = {"originals": {"type": "matching", "max_bytes": 5}}
    assert policy_of(written) == BlobPolicy(KeepMatching(max_bytes=5), KeepAll())


@pytest.mark.parametrize(
    "written",
    ["some", {"original": {"type": "all"}}, {"originals": {"type": "most"}}, {"originals": 5}],
)
def test_a_setting_that_is_no_policy_is_refused(written: str | dict[str, object]) -> None:
    with pytest.raises(BadBlobPolicy, match="Expected a policy"):
        policy_of(written)
