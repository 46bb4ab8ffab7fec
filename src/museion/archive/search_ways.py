"""Ways to search an archive, written as `key=value`, so that two can be measured beside each other.

Keys: `mode`, `model`, `cut` (`off` shows what fits less than weakly, too), and the numbers of
`FusionSettings` with hyphens, as `words-weight`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import get_args

from museion.archive.finding.ranker import Asking
from museion.archive.finding.ranking import Mode
from museion.base.errors import InvalidInput
from museion.search.fusion import DEFAULT_SETTINGS, FusionSettings

_MODES: tuple[Mode, ...] = get_args(Mode)
_CUTS = {"on": True, "off": False}
_NUMBERS = {each.name.replace("_", "-"): each.name for each in fields(FusionSettings)}


class BadWay(InvalidInput):
    """A text does not say how to search."""

    def __init__(self, text: str) -> None:
        keys = ", ".join(f"{key}=NUMBER" for key in _NUMBERS)
        super().__init__(
            f"Expected mode={'|'.join(_MODES)}, model=NAME, cut=on|off, or {keys};"
            f" came {text!r:.100}.",
            remedy="Repeat the option for several of them.",
        )


@dataclass(frozen=True, slots=True)
class Way:
    """How to search.

    Attributes:
        asking: what the ranking listens to, and how much; look-alikes are not collapsed.
        model: name of the checkpoint; None for the one in use.
    """

    asking: Asking
    model: str | None = None

    @property
    def words(self) -> str:
        """The way in words: the mode, and all that is not as usual."""
        changed = [
            f"{key}={_shown(getattr(self.asking.fusion, name))}"
            for key, name in _NUMBERS.items()
            if getattr(self.asking.fusion, name) != getattr(DEFAULT_SETTINGS, name)
        ]
        model = [f"model={self.model}"] if self.model else []
        cut = [] if self.asking.cuts else ["cut=off"]
        return " ".join([f"mode={self.asking.mode}", *model, *cut, *changed])


def read_way(texts: Iterable[str], *, fusion: FusionSettings = DEFAULT_SETTINGS) -> Way:
    """Return the way that texts as `mode=words` say; the last of a key counts.

    Args:
        texts: each `key=value`.
        fusion: how much signals count where no text says so.

    Raises:
        BadWay: a text is none of them, or a number is out of its range.
    """
    given = dict(_split(text) for text in texts)
    model = given.pop("model", None)
    wanted, cut = given.pop("mode", "all"), given.pop("cut", "on")
    mode = next((each for each in _MODES if each == wanted), None)
    if mode is None:
        raise BadWay(f"mode={wanted}")
    if cut not in _CUTS:
        raise BadWay(f"cut={cut}")
    numbers = _fusion(given, fusion)
    return Way(Asking(mode=mode, collapses=False, cuts=_CUTS[cut], fusion=numbers), model)


def _split(text: str) -> tuple[str, str]:
    key, _, value = text.partition("=")
    if not value or key not in {"mode", "model", "cut", *_NUMBERS}:
        raise BadWay(text)
    return key, value


def _fusion(given: Mapping[str, str], usual: FusionSettings) -> FusionSettings:
    numbers: dict[str, float] = {}
    for key, value in given.items():
        try:
            numbers[_NUMBERS[key]] = int(value) if key == "offset" else float(value)
        except ValueError as reason:
            raise BadWay(f"{key}={value}") from reason
    return replace(usual, **numbers)  # type: ignore[arg-type]  # the offset is an int


def _shown(number: float) -> str:
    return f"{number:g}"
