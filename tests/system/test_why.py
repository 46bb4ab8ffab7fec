"""Which part of a picture fits a query, asked on the command line and over HTTP."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from running_site import ServedSite, run_museion

QUERY = "a dog"


def _best(site: Path) -> str:
    (hit,) = run_museion("search", "--site", site, "--json", "--limit", 1, QUERY).rows
    return str(hit["id"])


def test_the_command_shows_the_relevance_of_each_part(library_site: Path) -> None:
    asset_id = _best(library_site)

    (told,) = run_museion("why", "--site", library_site, "--json", asset_id, QUERY).rows

    relevance = np.array(told["relevance"])
    assert relevance.shape == (told["rows"], told["columns"])
    assert (relevance.min(), relevance.max()) == (0, 1)
    assert told["text"] == QUERY
    assert told["similarity"] > 0


def test_the_route_says_what_the_command_says(
    library_site: Path, library_server: ServedSite
) -> None:
    asset_id = _best(library_site)

    over_http = library_server.get(f"/api/assets/{asset_id}/why", q=QUERY)

    (told,) = run_museion("why", "--site", library_site, "--json", asset_id, QUERY).rows
    assert over_http == told


def test_the_picture_is_compared_with_the_words_that_the_search_looked_for(
    library_site: Path, library_server: ServedSite
) -> None:
    query = "an astronaut in Houston"
    understood = library_server.get("/api/search", q=query)["query"]["text"]

    told = library_server.get(f"/api/assets/{_best(library_site)}/why", q=query)

    assert told["text"] == understood
    assert "Houston" not in understood


def test_a_query_without_words_is_refused(library_site: Path) -> None:
    refused = run_museion(
        "why", "--site", library_site, _best(library_site), "type:photo", status=2
    )

    assert "Give words" in refused.err
