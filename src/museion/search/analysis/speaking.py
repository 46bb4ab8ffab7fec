"""The words of a query as an encoder should read them: without what was typed around them.

Encoders have learned sentences. A bracket, a stray hyphen or the ending of a file name moves an
embedding further than a wrong word does: `(dog` would find no dog well.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_AROUND: Final = "()[]{}<>*\"'„“”‚‘’«»‹›–—-_/\\|~^=+#;:"
_SIGNS_ALONE: Final = re.compile(r"[!-%'-/:-@\[-`{-~]+")
"""ASCII without letters and digits, and without `&`, which is read as a word."""
_ENDING: Final = re.compile(r"(?<=\w)\.(?:jpe?g|png|tiff?|heic|webp|mp4|mov)$", re.IGNORECASE)


def as_spoken(text: str) -> str:
    """Return a text without what is no part of a sentence; as it is where nothing else is left."""
    words = (_spoken(token) for token in unicodedata.normalize("NFKC", text).split())
    return " ".join(word for word in words if word) or text


def _spoken(token: str) -> str:
    bare = _ENDING.sub("", token.strip(_AROUND))
    return "" if _SIGNS_ALONE.fullmatch(bare) else bare
