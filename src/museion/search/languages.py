"""The language of a text: which stemmers its words are given to.

Nobody says in which language a caption or a query is, and a stemmer of the wrong one makes equal
what is not: the German one takes `corner` for an inflection of `corn`. So a text is given to the
stemmers of all languages that it may be in, and function words (`the`, `und`) tell which it is not
in. A word alone, as most keywords are, tells nothing and may be of any.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType

from museion.search.words import Word

STEMMED = frozenset(
    """
    arabic danish dutch english finnish french german greek hungarian italian norwegian portuguese
    romanian russian spanish swedish tamil turkish
    """.split()  # noqa: SIM905 (a list literal would hide the words behind quotes)
)
"""Languages with a stemmer. Words come without accents, which some of them would like to see."""

DEFAULT_LANGUAGES = ("english", "german")
"""What texts are taken to be in where nobody declares other languages."""

_TELLING = MappingProxyType(
    {
        "english": frozenset(
            """
            the a of and on at is are with from by for to his her their its this that these those
            into under over who which while through without not
            """.split()  # noqa: SIM905
        ),
        "german": frozenset(
            """
            der dem des und ist sind mit auf fuer im ein eine einen einem einer eines zum zur bei
            beim nach aus vor auch nicht ueber unter vom am wird werden ohne zwischen
            """.split()  # noqa: SIM905
        ),
    }
)
"""Words that tell a language and hardly occur in the others of this table; umlauts spelt out."""
_CLEARLY = 3
"""The language with so many times more telling words than another excludes it."""


def languages_of(words: Sequence[Word], among: Sequence[str]) -> tuple[str, ...]:
    """Return the languages that a text may be in, in the order of `among`; never none of them.

    A language is left out if another tells itself clearly: by telling words, and three times as
    many different ones. Languages without a list of telling words are never left out.

    Args:
        words: of the text.
        among: languages to choose from.
    """
    if len(among) < 2:
        return tuple(among)
    spoken = {word.spelt_out for word in words}
    told = {language: _count(spoken, _TELLING.get(language)) for language in among}
    most = max((count for count in told.values() if count), default=0)
    if not most:
        return tuple(among)
    return tuple(
        language for language, count in told.items() if count is None or count * _CLEARLY > most
    )


def _count(spoken: set[str], telling: frozenset[str] | None) -> int | None:
    return None if telling is None else len(spoken & telling)
