"""The examples in the documentation of the search toolkit are true."""

from __future__ import annotations

import doctest
import importlib

import pytest


@pytest.mark.parametrize("name", ["exact_index", "lexical", "query"])
def test_the_examples_of_a_module_are_true(name: str) -> None:
    module = importlib.import_module(f"museion.search.{name}")
    told = doctest.testmod(module)
    assert told.attempted > 0
    assert told.failed == 0
