"""What the verification of a log can find, each a value that names the event and says what to do.

Damage has `is_damage` on; a `Gap` is no damage, but what was filtered out cannot be proven.
"""

from __future__ import annotations

from typing import ClassVar, TypeAlias

import msgspec

_RESTORE = "Restore the log from a backup, or recover it from another site."


class Finding(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind"):
    """Base of all findings.

    Attributes:
        sequence_nr: the event that it is about; 0 where it is about the log as a whole.
    """

    sequence_nr: int = 0

    is_damage: ClassVar[bool] = True

    @property
    def kind(self) -> str:
        """Stable name of the kind of finding."""
        return str(type(self).__struct_config__.tag)

    @property
    def message(self) -> str:
        """One sentence for people: which event, and what is wrong with it."""
        raise NotImplementedError

    @property
    def remedy(self) -> str:
        """What to do about it."""
        return _RESTORE


class Flipped(Finding, frozen=True, kw_only=True, tag="flipped"):
    """The stored bytes of an event do not match their checksum, or hold no event."""

    reason: str = "its checksum does not match"

    @property
    def message(self) -> str:
        """Name the event."""
        return f"Event {self.sequence_nr} is damaged: {self.reason}."


class Altered(Finding, frozen=True, kw_only=True, tag="altered"):
    """The checksum matches, the chain digest does not: somebody wrote the event anew.

    Attributes:
        after: the event before it in the chain, 0 where it is the first. Exactly one of the two
            was changed; which, the chain cannot tell.
    """

    origin: str
    after: int

    @property
    def message(self) -> str:
        """Name both ends of the broken link."""
        before = f"event {self.after}" if self.after else "the start of the chain"
        return (
            f"Event {self.sequence_nr} does not follow from {before}: its chain digest is wrong,"
            f" so it{' or that one' if self.after else ''} was changed after it was written."
        )

    @property
    def remedy(self) -> str:
        """Say how to find the original."""
        return f"Compare with a backup or another site: `museion log show {self.sequence_nr}`."


class Missing(Finding, frozen=True, kw_only=True, tag="missing"):
    """Events that the log once had are gone.

    Attributes:
        sequence_nr: the first number that is missing; where no number is free, the event behind
            the missing ones.
        to: the last number that is missing; 0 where no number is free.
        after: the last event of the same origin before them; 0 when there is none.
        before: the first behind them; 0 when they were the last.
    """

    origin: str
    to: int
    after: int
    before: int

    @property
    def message(self) -> str:
        """Name the missing numbers and what stands around them."""
        around = [f"event {self.before} does not follow from"] if self.before else ["the log ends"]
        place = f"event {self.after}" if self.after else "its start"
        around.append(place if self.before else f"with {place}, but says that it had more")
        return f"{self._missing()}: {' '.join(around)}."

    def _missing(self) -> str:
        if not self.to:
            return f"An event before event {self.sequence_nr} is missing"
        if self.to > self.sequence_nr:
            return f"Events {self.sequence_nr} to {self.to} are missing, all or some"
        return f"Event {self.sequence_nr} is missing"


class Reordered(Finding, frozen=True, kw_only=True, tag="reordered"):
    """An event stands in another place than the one where it was written.

    Attributes:
        time: its own time, counted by its origin: it belongs before that origin's next.
    """

    origin: str
    time: int

    @property
    def message(self) -> str:
        """Name the event and where it belongs."""
        return (
            f"Event {self.sequence_nr} stands in the wrong place: it is event {self.time} of"
            f" {self.origin}, out of order with its neighbours."
        )


class HeadChanged(Finding, frozen=True, kw_only=True, tag="head-changed"):
    """The log's note of the last digest of an origin does not fit the last event.

    Attributes:
        sequence_nr: the last event of that origin, 0 when there is none.
    """

    origin: str

    @property
    def message(self) -> str:
        """Name the event."""
        what = f"event {self.sequence_nr}" if self.sequence_nr else "no event"
        return (
            f"The log's own note of its end fits {what} of {self.origin} not: the last events were"
            " changed, or the note."
        )


class HeadNotFound(Finding, frozen=True, kw_only=True, tag="head-not-found"):
    """A chain digest that was noted earlier stands at no event: the past was rewritten.

    Attributes:
        digest: the noted digest, hexadecimal.
        removed_to: events up to here were removed in order; the noted one may be among them.
    """

    digest: str
    removed_to: int

    @property
    def message(self) -> str:
        """Name the digest."""
        what = f"No event has the noted head digest {self.digest[:16]}…"
        if self.removed_to:
            return f"{what}: history was rewritten, or it was among those removed in order."
        return f"{what}: history was rewritten since it was noted."


class NotIndexed(Finding, frozen=True, kw_only=True, tag="not-indexed"):
    """The replay of an aggregate would miss an event."""

    aggregate_id: str

    @property
    def message(self) -> str:
        """Name the event and the aggregate."""
        return f"Event {self.sequence_nr} is missing from the index of {self.aggregate_id!r}."


class WronglyIndexed(Finding, frozen=True, kw_only=True, tag="wrongly-indexed"):
    """The replay of an aggregate would meet an event that is missing, or of another aggregate.

    Attributes:
        event_exists: there is such an event, but it does not belong to the aggregate.
    """

    aggregate_id: str
    event_exists: bool

    @property
    def message(self) -> str:
        """Name the event and the aggregate."""
        why = "does not belong to it" if self.event_exists else "is missing"
        return f"The index of {self.aggregate_id!r} names event {self.sequence_nr}, which {why}."


class WrongVersion(Finding, frozen=True, kw_only=True, tag="wrong-version"):
    """The log's version vector is not the merge of the vector timestamps of its events.

    Attributes:
        noted, merged: times by origin, those that differ.
    """

    noted: dict[str, int]
    merged: dict[str, int]

    @property
    def message(self) -> str:
        """Name the entries that differ."""
        return (
            f"The version vector is not the merge of the events: it says {self.noted}, the events"
            f" say {self.merged}."
        )


class Disordered(Finding, frozen=True, kw_only=True, tag="disordered"):
    """The store hands out events in another order than that of their numbers.

    Attributes:
        after: the number before it.
    """

    after: int

    @property
    def message(self) -> str:
        """Name the place."""
        return f"Event {self.sequence_nr} stands behind event {self.after} in the store's own file."


class Unreadable(Finding, frozen=True, kw_only=True, tag="unreadable"):
    """The store's own file is damaged so that the rest cannot be read.

    Attributes:
        sequence_nr: an event up to which it could be read; 0 when none is known.
    """

    reason: str

    @property
    def message(self) -> str:
        """Name an event that could be read, where one is known."""
        known = self.sequence_nr
        where = f"on, somewhere behind event {known}" if known else "to its end"
        return f"The store's file is damaged and cannot be read {where}: {self.reason}."


class Gap(Finding, frozen=True, kw_only=True, tag="gap"):
    """Events of another site are not here; a replication filter may have kept them back.

    Attributes:
        sequence_nr: the first event behind a gap.
        count: gaps of this origin.
    """

    origin: str
    count: int

    is_damage: ClassVar[bool] = False

    @property
    def message(self) -> str:
        """Name the origin and the first gap."""
        return (
            f"{self.count} gaps in the events of {self.origin}, the first before event"
            f" {self.sequence_nr}: what is missing there cannot be proven."
        )

    @property
    def remedy(self) -> str:
        """Say when it is in order."""
        return "It is in order where a replication filter keeps events back."


AnyFinding: TypeAlias = (
    Flipped
    | Altered
    | Missing
    | Reordered
    | HeadChanged
    | HeadNotFound
    | NotIndexed
    | WronglyIndexed
    | WrongVersion
    | Disordered
    | Unreadable
    | Gap
)
