"""Plain words of a query, in the order typed, and which of them have been understood."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from museion.search.analysis.lexing import core_of
from museion.search.analysis.meanings import Meaning
from museion.search.words import fold

_LETTERS_OF_A_WORD = 3
_ENDS = (",", ";", "!", "?", ":")


@dataclass(frozen=True, slots=True)
class TypedWord:
    """A word as it was typed.

    Attributes:
        typed: with all that surrounds it, up to the spaces.
        text: what it says: `typed` without the backslash that keeps it a word.
        start: where it begins in the query.
        end: where it ends.
        is_kept: it is not to be understood.
        core: from its first letter or digit to its last.
        folded: the core without case and accents, or what was typed where there is none.
        opens: a parenthesis sets it off from what comes before.
        closes: a comma or the like sets off what follows.
    """

    typed: str
    text: str
    start: int
    end: int
    is_kept: bool
    core: str
    folded: str
    opens: bool
    closes: bool

    @classmethod
    def of(cls, typed: str, text: str, start: int, *, is_kept: bool) -> TypedWord:
        """Return a word that begins at a place of the query."""
        core = core_of(text)
        if typed.endswith("."):
            closes = len(core) > _LETTERS_OF_A_WORD and not core.isdigit()
        else:
            closes = typed.endswith((*_ENDS, ")"))
        return cls(
            typed=typed,
            text=text,
            start=start,
            end=start + len(typed),
            is_kept=is_kept,
            core=core,
            folded=fold(core) or text,
            opens=typed.startswith("("),
            closes=closes,
        )

    @property
    def is_capitalised(self) -> bool:
        """It begins with a capital letter."""
        return self.core[:1].isupper()


@dataclass(frozen=True, slots=True)
class Finding:
    """Words from `start` up to `end` (excluded) that were understood; places are of words."""

    start: int
    end: int
    meaning: Meaning


class Sentence:
    """Words that stand together, and what was found in them; findings never overlap.

    Attributes:
        words: as typed.
    """

    def __init__(self, words: Sequence[TypedWord]) -> None:
        self.words = words
        self._found: list[Finding | None] = [None] * len(words)

    def __len__(self) -> int:
        return len(self.words)

    def folded(self, place: int) -> str:
        """Return a word, empty where there is none or it is not to be understood."""
        return self.words[place].folded if self.is_free(place) else ""

    def is_free(self, place: int) -> bool:
        """Tell whether a word is there that may be understood, and has not been yet."""
        if not 0 <= place < len(self.words):
            return False
        return self._found[place] is None and not self.words[place].is_kept

    def finding(self, place: int) -> Finding | None:
        """Return what was found at a word."""
        return self._found[place] if 0 <= place < len(self.words) else None

    def is_set_off(self, place: int) -> bool:
        """Tell whether a comma stands before a word; it need not be there."""
        if 0 < place <= len(self.words) and self.words[place - 1].closes:
            return True
        return 0 < place < len(self.words) and self.words[place].opens

    def is_edge(self, place: int) -> bool:
        """Tell whether a comma, the end of the words, or something understood is before a word."""
        if place in (0, len(self.words)) or self.is_set_off(place):
            return True
        return (self._found[place - 1] is None) != (self._found[place] is None)

    def together(self, place: int, most: int) -> list[str]:
        """Return free words from a place up to the next comma or finding, folded, at most `most`.

        A comma between the day of a month and a year does not count.
        """
        return [self.words[at].folded for at in range(place, self.end_of(place, most))]

    def end_of(self, place: int, most: int) -> int:
        """Return the place behind the words that `together` returns."""
        end = place
        while end < place + most and self.is_free(end):
            end += 1
            if self.is_set_off(end) and not self._is_date_comma(end):
                break
        return end

    def claim(self, start: int, end: int, meaning: Meaning) -> bool:
        """Note what words mean, in place of what was found in them before.

        Returns:
            False where half of a pair of parentheses stands among them; then nothing is noted.
        """
        typed = "".join(each.typed for each in self.words[start:end])
        if typed.count("(") != typed.count(")") or any(w.is_kept for w in self.words[start:end]):
            return False
        while end < len(self.words) and self.words[end].typed in _ENDS and self.is_free(end):
            end += 1
        self._found[start:end] = [Finding(start, end, meaning)] * (end - start)
        return True

    def pieces(self) -> Iterator[Finding | tuple[int, int]]:
        """Yield findings, and from where to where words are left, in order."""
        place = 0
        while place < len(self.words):
            finding = self._found[place]
            if finding is not None:
                yield finding
                place = finding.end
                continue
            start = place
            while place < len(self.words) and self._found[place] is None:
                place += 1
            yield start, place

    def _is_date_comma(self, place: int) -> bool:
        day, year = self.words[place - 1].folded, self.folded(place)
        is_day = day[:1].isdigit() and len(day) <= len("31st")
        return is_day and len(year) == len("2020") and year.isdigit()
