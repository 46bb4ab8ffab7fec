"""How values between bounds are written: `4`, `>=3`, `3..5`, `3..`, `3+`, with units."""

from __future__ import annotations

import re
from collections.abc import Callable
from types import MappingProxyType
from typing import Final, TypeVar

from museion.search.filters import (
    LARGEST_RATING,
    BadFilter,
    Filter,
    NumberFilter,
    RatingFilter,
    SizeFilter,
)

N = TypeVar("N", int, float)

_SIGNED = re.compile(r"(>=|<=|>|<|=|≥|≤|)\s*([^<>=≥≤+]+?)(\+?)")
_RATING = re.compile(r"\d", re.ASCII)
_SIZE = re.compile(r"(\d{1,12})\s*(B|KB|MB|GB)?", re.ASCII | re.IGNORECASE)
_WHOLE = re.compile(r"\d{1,9}", re.ASCII)
_DECIMAL = re.compile(r"\d{1,9}(?:\.\d{1,6})?", re.ASCII)
_CLOCK = re.compile(r"(?:(\d{1,3}):)?(\d{1,3}):(\d{1,2})", re.ASCII)
_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)\s*(s|sec|min|m|h)?", re.ASCII | re.IGNORECASE)
_BYTES: Final = MappingProxyType({"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9})
_SECONDS: Final = MappingProxyType({"": 1, "s": 1, "sec": 1, "min": 60, "m": 60, "h": 3600})


def parse_rating(name: str, value: str, negated: bool) -> Filter:
    """Return a filter of stars. Raises `BadFilter`."""
    bounds = _bounds(value, _rating, step=1)
    low, high = bounds or (1, 0)
    low, high = low or 0, LARGEST_RATING if high is None else high
    if not 0 <= low <= high <= LARGEST_RATING:
        expected = f"stars from 0 to {LARGEST_RATING}, the lower first"
        raise BadFilter(name, value, expected=expected, example="3..5")
    return RatingFilter(low, high, negated)


def parse_size(name: str, value: str, negated: bool) -> Filter:
    """Return a filter of bytes; `<` and `>` include the size itself. Raises `BadFilter`."""
    bounds = _bounds(value, _size, step=0)
    if bounds is None or not _in_order(*bounds):
        expected = "a size in B, KB, MB or GB, or two, the smaller first"
        raise BadFilter(name, value, expected=expected, example="<50MB")
    return SizeFilter(*bounds, negated)


def parse_number(name: str, value: str, negated: bool) -> Filter:
    """Return a filter of the number of this name.

    `<` and `>` exclude a whole number, and include a decimal one or a duration.

    Raises:
        BadFilter: the value is no number or span of two, the smaller first.
    """
    match name:
        case "megapixels":
            bounds = _bounds(value, _decimal, step=0.0)
            expected, example = "a number, or two, the smaller first", "12..24"
        case "duration":
            bounds = _bounds(value, _duration, step=0.0)
            expected, example = "seconds, or a time such as 2min or 1:30, or two of them", "<1min"
        case _:
            bounds = _bounds(value, _whole, step=1.0)
            expected, example = "a whole number, or two, the smaller first", ">=1000"
    if bounds is None or not _in_order(*bounds):
        raise BadFilter(name, value, expected=expected, example=example)
    return NumberFilter(name, *bounds, negated)


def _bounds(
    value: str, read: Callable[[str], N | None], *, step: N
) -> tuple[N | None, N | None] | None:
    """Return the bounds meant, both included; None where nothing is meant.

    Args:
        value: what was typed.
        read: returns a number, None for what is none.
        step: how far `>` and `<` are from the number itself.
    """
    low, dots, high = value.partition("..")
    if dots:
        return _between(low.strip(), high.strip(), read)
    signed = _SIGNED.fullmatch(value)
    number = read(signed[2].strip()) if signed else None
    if signed is None or number is None or (signed[1] and signed[3]):
        return None
    return _signed_bounds(signed[1], number, step, goes_up=bool(signed[3]))


def _signed_bounds(sign: str, number: N, step: N, *, goes_up: bool) -> tuple[N | None, N | None]:
    match sign:
        case ">=" | "≥":
            return number, None
        case ">":
            return number + step, None
        case "<=" | "≤":
            return None, number
        case "<":
            return None, number - step
        case _:
            return number, None if goes_up else number


def _between(
    low: str, high: str, read: Callable[[str], N | None]
) -> tuple[N | None, N | None] | None:
    numbers = read(low) if low else None, read(high) if high else None
    for text, number in zip((low, high), numbers, strict=True):
        if text and number is None:
            return None
    return numbers if low or high else None


def _in_order(low: float | None, high: float | None) -> bool:
    return (high is None or high >= 0) and (low is None or high is None or low <= high)


def _rating(text: str) -> int | None:
    return int(text) if _RATING.fullmatch(text) else None


def _whole(text: str) -> float | None:
    return float(int(text)) if _WHOLE.fullmatch(text) else None


def _decimal(text: str) -> float | None:
    return float(text) if _DECIMAL.fullmatch(text) else None


def _size(text: str) -> int | None:
    match = _SIZE.fullmatch(text)
    return int(match[1]) * _BYTES[(match[2] or "").upper()] if match else None


def _duration(text: str) -> float | None:
    if clock := _CLOCK.fullmatch(text):
        hours, minutes, seconds = (int(part or 0) for part in clock.groups())
        return float(hours * 3600 + minutes * 60 + seconds)
    match = _DURATION.fullmatch(text)
    return round(float(match[1]) * _SECONDS[(match[2] or "").lower()], 6) if match else None
