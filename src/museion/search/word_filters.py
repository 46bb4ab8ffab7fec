"""Filters whose values are words: names, kinds, states, and what a field says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from museion.search.filter_values import quoted

TYPES = (
    *("image", "photo", "raw", "vector", "video", "sound", "document"),
    *("jpeg", "png", "gif", "webp", "tiff", "avif", "heic", "svg", "pdf", "mp4", "mov", "webm"),
)
"""What `type:` accepts: kinds first, then formats."""
ORIENTATIONS = ("landscape", "portrait", "square")
COLOURS = (
    *("black", "grey", "white", "red", "orange", "yellow", "green", "blue", "purple", "pink"),
    "brown",
)
"""Source: the eleven basic colour terms of Berlin and Kay, Basic Color Terms, 1969."""
RIGHTS_STATES = ("free", "restricted", "unknown")
TEXT_FIELDS = (
    *("title", "caption", "creator", "credit", "city", "country", "keyword", "filename", "lens"),
    "copyright",
)
ANYTHING = "*"
"""Value of a field filter that asks for any value at all."""


@dataclass(frozen=True, slots=True)
class TypeFilter:
    """Is of a kind or format; `kind` is one of `TYPES`."""

    chip: ClassVar[str] = "type"
    kind: str
    negated: bool = False

    @property
    def written(self) -> str:
        """As it is typed."""
        return f"type:{self.kind}"

    @property
    def says(self) -> str:
        """As a chip shows it."""
        return self.kind


@dataclass(frozen=True, slots=True)
class TagFilter:
    """Has this tag or keyword, without regard to case."""

    chip: ClassVar[str] = "tag"
    tag: str
    negated: bool = False

    @property
    def written(self) -> str:
        """As it is typed."""
        return f"tag:{quoted(self.tag)}"

    @property
    def says(self) -> str:
        """As a chip shows it."""
        return f"tag {self.tag}"


@dataclass(frozen=True, slots=True)
class _NameFilter:
    """A name, without regard to case."""

    chip: ClassVar[str] = ""
    name: str
    negated: bool = False

    @property
    def written(self) -> str:
        """As it is typed."""
        return f"{self.chip}:{quoted(self.name)}"

    @property
    def says(self) -> str:
        """As a chip shows it."""
        return f"{self.chip} {self.name}"


@dataclass(frozen=True, slots=True)
class CameraFilter(_NameFilter):
    """Maker or model contains `name`, without regard to case."""

    chip: ClassVar[str] = "camera"


@dataclass(frozen=True, slots=True)
class PersonFilter(_NameFilter):
    """Shows this person, as the metadata, a keyword or a tag say."""

    chip: ClassVar[str] = "person"


@dataclass(frozen=True, slots=True)
class NamedPlaceFilter(_NameFilter):
    """Taken in this city or country, as the metadata say."""

    chip: ClassVar[str] = "place"


@dataclass(frozen=True, slots=True)
class CollectionFilter(_NameFilter):
    """Is a member of a collection of this name."""

    chip: ClassVar[str] = "collection"

    @property
    def says(self) -> str:
        """As a chip shows it."""
        return f"in {self.name}"


@dataclass(frozen=True, slots=True)
class OrientationFilter:
    """Is wider than high, higher than wide, or about as wide as high (one of `ORIENTATIONS`)."""

    chip: ClassVar[str] = "orientation"
    orientation: str
    negated: bool = False

    @property
    def written(self) -> str:
        """As it is typed."""
        return f"orientation:{self.orientation}"

    @property
    def says(self) -> str:
        """As a chip shows it."""
        return f"{self.orientation} format"


@dataclass(frozen=True, slots=True)
class ColourFilter:
    """A good part of the picture has this colour, one of `COLOURS`."""

    chip: ClassVar[str] = "colour"
    colour: str
    negated: bool = False

    @property
    def written(self) -> str:
        """As it is typed."""
        return f"colour:{self.colour}"

    @property
    def says(self) -> str:
        """As a chip shows it."""
        return f"colour {self.colour}"


@dataclass(frozen=True, slots=True)
class RightsFilter:
    """What the metadata say of rights, one of `RIGHTS_STATES`.

    `free` is a licence that lets everybody use and change the work, or no copyright at all.
    `restricted` is any other word on rights. `unknown` is none.
    """

    chip: ClassVar[str] = "rights"
    state: str
    negated: bool = False

    @property
    def written(self) -> str:
        """As it is typed."""
        return f"rights:{self.state}"

    @property
    def says(self) -> str:
        """As a chip shows it."""
        return f"rights {self.state}"


@dataclass(frozen=True, slots=True)
class FieldFilter:
    """A field of the metadata says these words, one after the other.

    Case, accents and punctuation do not count; inflections do: `dog` is not `dogs`. An umlaut is
    found as `ü`, `u` and `ue`. Where people contradict each other about the field, a search heeds
    all that they say of it.

    Attributes:
        field: one of `TEXT_FIELDS`.
        words: with a `*` behind, the last may go on; `*` alone asks for any value at all.
    """

    chip: ClassVar[str] = "field"
    field: str
    words: str
    negated: bool = False

    @property
    def written(self) -> str:
        """As it is typed."""
        return f"{self.field}:{quoted(self.words)}"

    @property
    def says(self) -> str:
        """As a chip shows it."""
        if self.words == ANYTHING:
            return f"has a {self.field}"
        return f"{self.field} “{self.words.replace(ANYTHING, '…')}”"
