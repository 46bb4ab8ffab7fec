"""The examples in the documentation of the search toolkit are true."""

from __future__ import annotations

import doctest
import importlib

import pytest


@pytest.mark.parametrize(
    "name", ["evaluation", "exact_index", "judgements", "lexical", "query", "significance"]
)
def test_the_examples_of_a_module_are_true(name: str) -> None:
    module = importlib.import_module(f"museion.search.{name}")
    told = doctest.testmod(module)
    assert told.attempted > 0
    assert told.failed == 0
