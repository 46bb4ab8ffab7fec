"""Reads what is inside assets: shots, passages, recognised text, speech, colours."""

from __future__ import annotations

import json

import msgspec

from museion.archive.asset import AssetId
from museion.archive.catalog.connections import Connections

_OF_ASSET = "asset_nr = (SELECT nr FROM asset WHERE id = ?) ORDER BY rowid"


class ShotRecord(msgspec.Struct, frozen=True):
    """A stretch of a film between two cuts, and the frame that stands for it; in seconds."""

    start_s: float
    end_s: float
    at_s: float


class PassageRecord(msgspec.Struct, frozen=True):
    """A stretch of a document's text, and the page on which it begins, from 1."""

    page: int
    text: str


class DocumentRecord(msgspec.Struct, frozen=True):
    """How much there is of a document, and what of its text was not read and why."""

    pages: int
    left_out: str


class TextLineRecord(msgspec.Struct, frozen=True):
    """A line of text in a picture; its box is left, top, width, height as shares in [0, 1]."""

    text: str
    box: tuple[float, float, float, float]
    score: float


class UtteranceRecord(msgspec.Struct, frozen=True):
    """What is said from one second to another."""

    start_s: float
    end_s: float
    text: str


class ColourRecord(msgspec.Struct, frozen=True):
    """A named colour and the share of the picture that has it, in [0, 1]."""

    name: str
    share: float


class ContentReader:
    """Reads what machines found inside assets; an unknown asset has nothing inside."""

    def __init__(self, read: Connections) -> None:
        self._read = read

    def shots(self, asset_id: AssetId) -> list[ShotRecord]:
        """Return the shots of a film in order."""
        sql = f"SELECT start_s, end_s, at_s FROM shot WHERE {_OF_ASSET}"  # noqa: S608
        return [ShotRecord(*row) for row in self._read.all(sql, (asset_id,))]

    def moment_starts(self, asset_id: AssetId, space: str) -> list[float]:
        """Return when the moments begin that any answer about a film told, also an earlier one."""
        sql = (
            "SELECT starts FROM moment_starts JOIN asset ON nr = asset_nr"
            " WHERE id = ? AND space = ?"
        )
        row = self._read.one_or_none(sql, (asset_id, space))
        return [] if row is None else [float(each) for each in json.loads(row[0])]

    def passages(self, asset_id: AssetId) -> list[PassageRecord]:
        """Return the passages of a document in reading order."""
        sql = f"SELECT page, text FROM passage WHERE {_OF_ASSET}"  # noqa: S608
        return [PassageRecord(*row) for row in self._read.all(sql, (asset_id,))]

    def document(self, asset_id: AssetId) -> DocumentRecord | None:
        """Return what is known of a document as a whole, None where nothing has read it."""
        sql = f"SELECT pages, left_out FROM document WHERE {_OF_ASSET}"  # noqa: S608
        row = self._read.one_or_none(sql, (asset_id,))
        return None if row is None else DocumentRecord(*row)

    def text_lines(self, asset_id: AssetId) -> list[TextLineRecord]:
        """Return the lines of text in a picture, as they were recognised."""
        sql = f"SELECT text, box, score FROM text_line WHERE {_OF_ASSET}"  # noqa: S608
        rows = self._read.all(sql, (asset_id,))
        return [TextLineRecord(text, tuple(json.loads(box)), score) for text, box, score in rows]

    def utterances(self, asset_id: AssetId) -> list[UtteranceRecord]:
        """Return what is said in a film or recording, in order."""
        sql = f"SELECT start_s, end_s, text FROM utterance WHERE {_OF_ASSET}"  # noqa: S608
        return [UtteranceRecord(*row) for row in self._read.all(sql, (asset_id,))]

    def colours(self, asset_id: AssetId) -> list[ColourRecord]:
        """Return the colours of a picture, the largest share first."""
        sql = f"SELECT name, share FROM colour WHERE {_OF_ASSET}"  # noqa: S608
        return [ColourRecord(*row) for row in self._read.all(sql, (asset_id,))]
