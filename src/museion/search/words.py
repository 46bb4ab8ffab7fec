"""Texts into words: the one place that says which spellings count as the same word.

Index and query go through the same functions, so what one folds the other folds. Letters lose
their case and accents; a German umlaut is found as `ü`, `u` and `ue`; a word is also found by its
stem in each language that its text may be in (`languages`). Scripts without spaces are kept in the
runs in which they are written.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tantivy

FEWEST_LETTERS_OF_A_PART = 4
"""Shorter words are not looked for within others: `art` is in every party."""
_LONGEST_WORD = 255
_WORD = re.compile(r"[^\W_]+")
_POSSESSIVE = re.compile(r"(?<=[^\W_])['’]s\b", re.IGNORECASE)
_COMBINING = re.compile("[\u0300-\u036f]")
_PLAIN_LETTERS = str.maketrans(
    {"æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "ł": "l", "þ": "th", "ı": "i", "ß": "ss"}
)
_SPELT_OUT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})

STOP_WORDS = frozenset(
    """
    a an the this that these those and or of in on at to from by for with into onto over under up
    is are was were be been being am it its as i me my you your he him his she her we us our they
    them their there here who whom which what some any do does did has have had
    der die das den dem des ein eine einen einem einer eines und oder von vom im am an auf aus bei
    beim mit nach zu zum zur fuer ueber unter ist sind war waren wird es er sie wir ihr ich du
    jpg jpeg png tif tiff heic webp mp4 mov
    """.split()  # noqa: SIM905 (a list literal would hide the words behind quotes)
)
"""Words that say too little to be searched for while a query has others (English and German).

Endings of file names are among them, since every file has one. Umlauts are spelt out, so that
`für` is one and `fur` is not.
"""


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a text under the forms by which it is found.

    Attributes:
        folded: without case and accents; never empty.
        spelt_out: with umlauts as `ae`, `oe`, `ue`; equal to `folded` where it has none.
    """

    folded: str
    spelt_out: str

    @property
    def forms(self) -> tuple[str, ...]:
        """The one or two different spellings."""
        return (self.folded,) if self.folded == self.spelt_out else (self.folded, self.spelt_out)


def fold(text: str) -> str:
    """Return `text` without case, accents and ligatures, and with single spaces.

    Folding twice changes nothing more. Two texts that a reader takes for the same spelling fold to
    the same text.
    """
    return " ".join(_plain(_lower(text)).split())


def split_words(text: str) -> list[Word]:
    """Return the words of `text` in their order; punctuation, symbols and underscores divide words.

    A possessive `'s` is dropped. Words over 255 letters are cut.
    """
    if "'" in text or "’" in text:
        text = _POSSESSIVE.sub("", text)
    return [_word(word) for word in _WORD.findall(_lower(text))]


def content_words(words: Sequence[Word]) -> list[Word]:
    """Return the words that are not stop words, or all of them where nothing else is left."""
    return [word for word in words if word.spelt_out not in STOP_WORDS] or list(words)


def stems(words: Iterable[str], language: str = "english") -> set[str]:
    """Return the stems of folded words in one language."""
    return {stem(word, language) for word in words}


@functools.lru_cache(maxsize=200_000)
def stem(word: str, language: str = "english") -> str:
    """Return the stem of a folded word: `dogs` and `dog` have one, in German `häuser` and `haus`.

    Args:
        word: folded; the German stemmer reads `ae`, `oe`, `ue` as umlauts.
        language: English name, in lower case, of one of `languages.STEMMED`.

    Source: the Snowball stemmers, as tantivy ships them.
    """
    analysed = _stemmer(language).analyze(word)
    return analysed[0] if analysed else word


def _lower(text: str) -> str:
    if text.isascii():
        return text.lower()
    # NOTE: case folding can undo composition and the other way round, so both are done twice.
    once = unicodedata.normalize("NFKC", text).casefold()
    return unicodedata.normalize("NFKC", once).casefold()


def _plain(lower: str) -> str:
    if lower.isascii():
        return lower
    bare = _COMBINING.sub("", unicodedata.normalize("NFKD", lower))
    return unicodedata.normalize("NFC", bare.translate(_PLAIN_LETTERS))


@functools.lru_cache(maxsize=100_000)
def _word(lower: str) -> Word:
    cut = lower[:_LONGEST_WORD]
    folded = _plain(cut)
    return Word(folded, _plain(cut.translate(_SPELT_OUT)) if not cut.isascii() else folded)


@functools.cache
def _stemmer(language: str) -> tantivy.TextAnalyzer:
    import tantivy

    builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.raw())
    return builder.filter(tantivy.Filter.stemmer(language)).build()
