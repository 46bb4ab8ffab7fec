"""Judged queries are read line by line; a bad line is told and ends nothing."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from museion.search.judgements import read_judgements

LAW = settings(max_examples=100, deadline=None, derandomize=True)
GAINS = st.dictionaries(st.text(max_size=5), st.floats(0, 9), max_size=4)
QUERIES = st.text(min_size=1, max_size=10).filter(lambda text: bool(text.strip()))


@LAW
@given(st.lists(st.tuples(QUERIES, GAINS), max_size=5))
def test_what_is_written_is_read(rows: list[tuple[str, dict[str, float]]]) -> None:
    lines = [json.dumps({"query": query, "judgements": gains}) for query, gains in rows]
    told = read_judgements(lines)

    assert [(each.query, each.gains) for each in told.queries] == rows
    assert [each.line for each in told.queries] == list(range(1, len(rows) + 1))
    assert not told.bad


@LAW
@given(st.lists(st.binary(max_size=30).filter(lambda line: b"\n" not in line), max_size=5))
def test_no_bytes_end_the_reading(lines: list[bytes]) -> None:
    good = b'{"query": "a", "relevant": ["x"], "note": "passed over"}'
    told = read_judgements([*lines, good])

    assert told.queries[-1].relevant == {"x"}
    assert told.queries[-1].line == len(lines) + 1


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"query": "a"', "truncated"),
        ('{"query": "a"}', "either"),
        ('{"query": "a", "relevant": ["x"], "judgements": {"x": 1}}', "either"),
        ('{"query": " ", "relevant": ["x"]}', "blank"),
        ('{"relevant": ["x"]}', "query"),
        ('{"query": "a", "judgements": {"x": -1}}', ">= 0"),
        ('{"query": "a", "relevant": "x"}', "array"),
        ("[]", "object"),
    ],
)
def test_a_line_that_is_no_good_is_named_with_its_reason(line: str, reason: str) -> None:
    told = read_judgements(["", line, '{"query": "b", "relevant": []}'])

    assert [(each.line, reason in each.reason) for each in told.bad] == [(2, True)], told.bad
    assert [each.query for each in told.queries] == ["b"]
