"""The fields of lexical records, and how a record lies in the index.

A text field becomes two inverted fields: its words as they are written, with places for phrases,
and their stems. An umlaut's second spelling stands at the same place as the first. A keyword field
becomes one, of whole values. Beside them each record stores its id and its distinct words, from
which a hit tells what matched.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import msgspec
import tantivy

from museion.base.errors import InvalidInput
from museion.search.words import fold, split_words, stem

ID_FIELD = "id"
SEEN_FIELD = "seen"
_LONGEST_VALUE_BYTES = 1000
_TOKENIZER = "whitespace"  # words come divided and folded

Texts: TypeAlias = str | Sequence[str]
"""What a field of a record says: one text, or several that do not run into each other."""

Seen: TypeAlias = Mapping[str, Sequence[str]]
"""What a record holds in each field: distinct folded words, or folded values."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the records.

    Attributes:
        name: ASCII letters, digits and underscores.
        weight: how much a word found in it counts, above 0; 1 is usual.
        kind: "text" is found by its words, "keyword" by its whole values only.
        is_certain: what it says is known, not guessed by a model. Only words found in certain
            fields make a hit exact.
    """

    name: str
    weight: float = 1.0
    kind: Literal["text", "keyword"] = "text"
    is_certain: bool = True

    @property
    def words_field(self) -> str:
        """The inverted field of words, or of whole values."""
        return f"{self.name}__{self.kind}"

    @property
    def stems_field(self) -> str:
        """The inverted field of stems; text fields only."""
        return f"{self.name}__stems"


class BadFields(InvalidInput):
    """Fields cannot be declared like this."""

    def __init__(self, came: str) -> None:
        super().__init__(
            "Expected fields with different names of ASCII letters, digits and underscores and "
            f"weights above 0; came {came}.",
            remedy="Mend the declaration of the fields.",
        )


class UnknownField(InvalidInput):
    """A record speaks of a field that the index does not have."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__(
            f"Expected fields among {', '.join(known)}; came {name!r}.",
            remedy="Declare the field when the index is opened.",
        )


def checked_fields(fields: Iterable[Field]) -> dict[str, Field]:
    """Return fields by name.

    Raises:
        BadFields: none, a name twice, an unfit name or weight.
    """
    listed = list(fields)
    by_name = {field.name: field for field in listed}
    for field in listed:
        if not (field.name.isidentifier() and field.name.isascii() and field.weight > 0):
            raise BadFields(f"{field.name!r} with weight {field.weight}")
    if not listed or len(by_name) < len(listed):
        raise BadFields(f"{[field.name for field in listed]}")
    return by_name


def build_schema(fields: Iterable[Field]) -> tantivy.Schema:
    """Return the form of the index files for these fields; weights are no part of it."""
    builder = tantivy.SchemaBuilder()
    builder.add_text_field(ID_FIELD, stored=True, tokenizer_name="raw", index_option="basic")
    builder.add_bytes_field(SEEN_FIELD, stored=True)
    for field in fields:
        if field.kind == "text":
            builder.add_text_field(field.words_field, tokenizer_name=_TOKENIZER)
            builder.add_text_field(
                field.stems_field, tokenizer_name=_TOKENIZER, index_option="freq"
            )
        else:
            builder.add_text_field(field.words_field, tokenizer_name="raw", index_option="basic")
    return builder.build()


def build_record(
    entry_id: str, texts: Mapping[str, Texts], fields: Mapping[str, Field]
) -> tantivy.Document:
    """Return a record as it lies in the index.

    Raises:
        UnknownField: a text is for a field that is not declared.
    """
    record = tantivy.Document()
    record.add_text(ID_FIELD, entry_id)
    seen: dict[str, list[str]] = {}
    for name, said in texts.items():
        field = fields.get(name)
        if field is None:
            raise UnknownField(name, fields)
        each = [said] if isinstance(said, str) else said
        add = _add_text if field.kind == "text" else _add_values
        seen[name] = sorted({found for text in each for found in add(record, field, text)})
    record.add_bytes(SEEN_FIELD, msgspec.msgpack.encode(seen))
    return record


def read_record(record: tantivy.Document) -> tuple[str, Seen]:
    """Return a record's id and what it holds."""
    entry_id: str = record.get_first(ID_FIELD)  # type: ignore[assignment]  # stored by build_record
    stored: bytes = record.get_first(SEEN_FIELD)  # type: ignore[assignment]  # by build_record
    return entry_id, msgspec.msgpack.decode(stored, type=dict[str, list[str]])


def folded_value(text: str) -> str:
    """Return the form under which a whole value is found; long ones are cut."""
    return fold(text).encode()[:_LONGEST_VALUE_BYTES].decode(errors="ignore")


def _add_text(record: tantivy.Document, field: Field, text: str) -> Iterable[str]:
    words = split_words(text)
    folded = [word.folded for word in words]
    spelt_out = [word.spelt_out for word in words]
    if folded == spelt_out:
        record.add_text(field.words_field, " ".join(folded))
    else:
        placed = [(place, form) for place, word in enumerate(words) for form in word.forms]
        tokens = [tantivy.Token(form, place, 0) for place, form in placed]
        record.add_pre_tokenized_text(field.words_field, tantivy.PreTokenizedString("", tokens))
    record.add_text(field.stems_field, " ".join(map(stem, folded)))
    return {*folded, *spelt_out}


def _add_values(record: tantivy.Document, field: Field, text: str) -> Iterable[str]:
    value = folded_value(text)
    record.add_text(field.words_field, value)
    return (value,)
