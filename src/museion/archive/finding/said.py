"""What a text field says, answered from the lexical index for all assets at once.

The same as `catalog.said_words` tells of single ones, in a hundredth of the time; what this site
just learned is found once it is indexed. Where people contradict each other about a field, all that
they say of it counts here.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from museion.search.filters import ANYTHING, FieldFilter, Filter
from museion.search.lexical import LexicalIndex
from museion.search.selection import Numbers, Selection
from museion.search.word_asking import Said

_FIELDS: Final = MappingProxyType(
    {each: each for each in ("title", "caption", "creator", "credit", "keyword", "filename")}
)
"""Field of a filter -> field of the lexical index that has the same text."""


def said(lexical: LexicalIndex, filter_: Filter, over: Numbers) -> Selection | None:
    """Return the assets that say what a filter asks for, whether it is negated or not.

    None where the lexical index does not know the field, or any text will do.
    """
    if not isinstance(filter_, FieldFilter) or filter_.words == ANYTHING:
        return None
    field = _FIELDS.get(filter_.field)
    if field is None:
        return None
    how: Said = "prefix" if filter_.words.endswith(ANYTHING) else "phrase"
    return lexical.select_with(field, filter_.words.removesuffix(ANYTHING), over, how=how)
