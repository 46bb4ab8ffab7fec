"""What is inside assets as the lexical index keeps it: documents, text in pictures, speech."""

from __future__ import annotations

from museion.archive.asset import AssetId
from museion.archive.catalog.content_reader import ContentReader
from museion.archive.events import DocumentRead, SpeechRecognised, TextRecognised
from museion.search.lexical import Field, Texts

CONTENT_FIELDS = (
    # NOTE: not certain, so that a long book that has all words somewhere does not come before the
    # pictures that show what was asked for. In quotes, its words are found exactly.
    Field("document", weight=0.8, is_certain=False),
    # Trigrams, since what is read in pictures often lacks its spaces.
    Field("recognised", weight=0.8, kind="trigrams", is_certain=False),
    Field("speech", weight=0.8, is_certain=False),
)
CHANGES_CONTENT_WORDS = (DocumentRead, TextRecognised, SpeechRecognised)


def content_words(content: ContentReader, asset_id: AssetId) -> dict[str, Texts]:
    """Return the words inside an asset by lexical field; empty fields are left out."""
    texts = {
        "document": [each.text for each in content.passages(asset_id)],
        "recognised": [each.text for each in content.text_lines(asset_id)],
        "speech": [each.text for each in content.utterances(asset_id)],
    }
    return {name: said for name, said in texts.items() if said}
