"""The fields of lexical records, and how a record lies in the index.

A text field becomes several inverted fields: its words as they are written, with places for
phrases, and their stems in each language. An umlaut's second spelling stands at the same place as
the first. A keyword field becomes one, of whole values. A field of trigrams becomes two: its words,
and all runs of three letters and digits, whatever stands between them. Two more inverted fields
hold what is asked across fields: every word of the text fields, and which fields say anything.
Beside them each record stores its id, a key made of it, and its distinct words, from which a hit
tells what matched.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from types import MappingProxyType
from typing import Literal, TypeAlias

import msgspec
import tantivy

from museion.base.errors import InvalidInput
from museion.search.languages import DEFAULT_LANGUAGES, STEMMED, languages_of
from museion.search.lexical_errors import UnfitRecordId
from museion.search.words import Word, fold, split_words, stem

ID_FIELD = "id"
KEY_FIELD = "key"
SEEN_FIELD = "seen"
EVERY_FIELD = "every__words"
"""Inverted field of every word in any text field."""
SAYS_FIELD = "says__fields"
"""Inverted field of the names of the fields that say anything."""
_LONGEST_VALUE_BYTES = 1000
_KEY_BYTES = 8
_TOKENIZER = "whitespace"  # words come divided and folded

Texts: TypeAlias = str | Sequence[str]
"""What a field of a record says: one text, or several that do not run into each other."""


class Seen(msgspec.Struct, frozen=True, array_like=True):
    """What a record holds.

    Attributes:
        words: by field, its distinct folded words, or folded values, one a line; in a field of
            trigrams also each text without what stands between its letters and digits. One text
            a field, because it is read for each hit and mostly searched through in vain.
        languages: by text field, the languages that it may be in, where these are not all that
            are declared.
    """

    words: dict[str, str] = {}
    languages: dict[str, tuple[str, ...]] = {}


@dataclass(frozen=True, slots=True)
class Field:
    """One field of the records.

    Attributes:
        name: ASCII letters, digits and underscores.
        weight: how much a word found in it counts, above 0; 1 is usual.
        kind: "text" is found by its words, "keyword" by its whole values only, "trigrams" by its
            words and, less certainly, by any four or more letters in a row, spaces aside: for text
            that a machine has read, which lacks spaces.
        is_certain: what it says is known, not guessed by a model. Only words found in certain
            fields make a hit exact.
        languages: what a text field may be in; inflections are found in these.
    """

    name: str
    weight: float = 1.0
    kind: Literal["text", "keyword", "trigrams"] = "text"
    is_certain: bool = True
    languages: tuple[str, ...] = DEFAULT_LANGUAGES

    @property
    def words_field(self) -> str:
        """The inverted field of words, or of whole values."""
        return f"{self.name}__{'keyword' if self.kind == 'keyword' else 'text'}"

    @property
    def trigrams_field(self) -> str:
        """The inverted field of trigrams; only where `kind` says so."""
        return f"{self.name}__trigrams"

    def stems_field(self, language: str) -> str:
        """Return the inverted field of stems in a language; text fields only."""
        return f"{self.name}__{language}"


class BadFields(InvalidInput):
    """Fields cannot be declared like this."""

    def __init__(self, came: str) -> None:
        super().__init__(
            "Expected fields with different names of ASCII letters, digits and underscores, weights"
            f" above 0 and languages among {', '.join(sorted(STEMMED))}; came {came}.",
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
        BadFields: none, a name twice, an unfit name, weight or language.
    """
    listed = list(fields)
    by_name = {field.name: field for field in listed}
    for field in listed:
        if not (field.name.isidentifier() and field.name.isascii() and field.weight > 0):
            raise BadFields(f"{field.name!r} with weight {field.weight}")
        if not field.languages or not STEMMED.issuperset(field.languages):
            raise BadFields(f"{field.name!r} in {', '.join(field.languages) or 'no language'}")
    if not listed or len(by_name) < len(listed):
        raise BadFields(f"{[field.name for field in listed]}")
    return by_name


def build_schema(fields: Iterable[Field]) -> tantivy.Schema:
    """Return the form of the index files for these fields; weights are no part of it."""
    builder = tantivy.SchemaBuilder()
    builder.add_text_field(ID_FIELD, stored=True, tokenizer_name="raw", index_option="basic")
    builder.add_unsigned_field(KEY_FIELD, fast=True)
    builder.add_bytes_field(SEEN_FIELD, stored=True)
    builder.add_text_field(EVERY_FIELD, tokenizer_name=_TOKENIZER, index_option="basic")
    builder.add_text_field(SAYS_FIELD, tokenizer_name="raw", index_option="basic")
    for field in fields:
        if field.kind == "keyword":
            builder.add_text_field(field.words_field, tokenizer_name="raw", index_option="basic")
            continue
        builder.add_text_field(field.words_field, tokenizer_name=_TOKENIZER)
        if field.kind == "trigrams":
            builder.add_text_field(field.trigrams_field, tokenizer_name=_TOKENIZER)
            continue
        for language in field.languages:
            name = field.stems_field(language)
            builder.add_text_field(name, tokenizer_name=_TOKENIZER, index_option="freq")
    return builder.build()


def build_record(
    entry_id: str, texts: Mapping[str, Texts], fields: Mapping[str, Field]
) -> tantivy.Document:
    """Return a record as it lies in the index.

    Raises:
        UnknownField: a text is for a field that is not declared.
        UnfitRecordId: the id is empty or begins with NUL.
    """
    if not entry_id or entry_id.startswith("\x00"):
        raise UnfitRecordId(entry_id)
    record = tantivy.Document()
    record.add_text(ID_FIELD, entry_id)
    record.add_unsigned(KEY_FIELD, record_key(entry_id))
    seen, every = Seen(), set[str]()
    for name, said in texts.items():
        field = fields.get(name)
        if field is None:
            raise UnknownField(name, fields)
        each = [said] if isinstance(said, str) else said
        found = _ADD[field.kind](record, field, each, seen)
        if found:
            seen.words[name] = "\n".join(sorted(found))
            record.add_text(SAYS_FIELD, name)
        if field.kind == "text":
            every |= found
    record.add_text(EVERY_FIELD, " ".join(every))
    record.add_bytes(SEEN_FIELD, msgspec.msgpack.encode(seen))
    return record


def read_record(record: tantivy.Document) -> tuple[str, Seen]:
    """Return a record's id and what it holds."""
    entry_id: str = record.get_first(ID_FIELD)  # type: ignore[assignment]  # stored by build_record
    stored: bytes = record.get_first(SEEN_FIELD)  # type: ignore[assignment]  # by build_record
    return entry_id, msgspec.msgpack.decode(stored, type=Seen)


def record_key(entry_id: str) -> int:
    """Return a number of 64 bits for an id; that two of a million ids share one is 3 in 10^8."""
    return int.from_bytes(key_bytes(entry_id), "big")


def key_bytes(entry_id: str) -> bytes:
    """Return the eight bytes of an id's key, the most significant first."""
    return hashlib.blake2b(entry_id.encode(), digest_size=_KEY_BYTES).digest()


def folded_value(text: str) -> str:
    """Return the form under which a whole value is found; long ones are cut."""
    return fold(text).encode()[:_LONGEST_VALUE_BYTES].decode(errors="ignore")


def trigrams(joined: str) -> list[str]:
    """Return all runs of three letters of a text without spaces, in their order."""
    return [joined[start : start + 3] for start in range(len(joined) - 2)]


def _add_texts(
    record: tantivy.Document, field: Field, texts: Sequence[str], seen: Seen
) -> set[str]:
    divided = [split_words(text) for text in texts]
    for words in divided:
        _add_words(record, field, words)
    together = list(chain.from_iterable(divided))
    languages = languages_of(together, field.languages)
    if languages != field.languages:
        seen.languages[field.name] = languages
    for language in languages:
        stemmed = " ".join([stem(word.folded, language) for word in together])
        record.add_text(field.stems_field(language), stemmed)
    return _forms(together)


def _add_trigrams(
    record: tantivy.Document, field: Field, texts: Sequence[str], seen: Seen
) -> set[str]:
    divided = [split_words(text) for text in texts]
    joined = set[str]()
    for words in divided:
        _add_words(record, field, words)
        spellings = ((w.folded for w in words), (w.spelt_out for w in words))
        for spelling in dict.fromkeys(map("".join, spellings)):
            joined.add(spelling)
            record.add_text(field.trigrams_field, " ".join(trigrams(spelling)))
    return (_forms(list(chain.from_iterable(divided))) | joined) - {""}


def _add_values(
    record: tantivy.Document, field: Field, texts: Sequence[str], seen: Seen
) -> set[str]:
    values = {folded_value(text) for text in texts}
    for value in values:
        record.add_text(field.words_field, value)
    return values - {""}


_ADD = MappingProxyType({"text": _add_texts, "keyword": _add_values, "trigrams": _add_trigrams})


def _add_words(record: tantivy.Document, field: Field, words: Sequence[Word]) -> None:
    folded = [word.folded for word in words]
    if folded == [word.spelt_out for word in words]:
        record.add_text(field.words_field, " ".join(folded))
        return
    placed = ((place, form) for place, word in enumerate(words) for form in word.forms)
    tokens = [tantivy.Token(form, place, 0) for place, form in placed]
    record.add_pre_tokenized_text(field.words_field, tantivy.PreTokenizedString("", tokens))


def _forms(words: Sequence[Word]) -> set[str]:
    return {word.folded for word in words} | {word.spelt_out for word in words}
