"""`museion judge`, `evaluate` and `tune`, from a verdict to weights in the settings."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest
from running_site import run_museion
from sample_library import LIBRARY

from museion.node.settings import read_settings
from museion.node.settings_file import write_fusion
from museion.search.fusion import FusionSettings


def _questions() -> list[dict[str, object]]:
    asked = json.loads((LIBRARY / "queries.json").read_text("utf-8"))
    return [{"query": each["query"], "relevant": each["expect"]} for each in asked]


def _write(path: Path, rows: Iterable[object]) -> Path:
    path.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    return path


def test_a_site_is_measured_by_queries_whose_photos_are_known(
    library_site: Path, tmp_path: Path
) -> None:
    nonsense = {"query": "qwertyuiop zzzz", "relevant": []}
    queries = _write(tmp_path / "queries.jsonl", [*_questions(), nonsense])
    at = ("--site", library_site)
    rows = run_museion("evaluate", queries, *at, "--json", "--per-query", "-k", 7).rows
    told = {row["figure"]: row for row in rows if "figure" in row}

    assert told["recall@7"]["value"] > 0.5
    assert told["nDCG@7"]["low"] < told["nDCG@7"]["value"] < told["nDCG@7"]["high"]
    assert told["nothing fits, rightly"]["value"] == 1
    assert len([row for row in rows if "figure" not in row]) == len(_questions()) + 1


def test_two_ways_are_compared_and_bad_lines_are_named(library_site: Path, tmp_path: Path) -> None:
    queries = _write(tmp_path / "queries.jsonl", _questions())
    first = len(_questions()) + 1
    with queries.open("a") as file:
        file.write('\n{"query": "x"\n{"query": "a", "relevant": ["nothere.jpg"]}\n')
        file.write('{"query": "after:xyz sea", "relevant": []}\n')
    done = run_museion(
        *("evaluate", queries, "--site", library_site),
        *("--with", "mode=words", "--against", "mode=all"),
        status=1,
    )

    assert "B is better by" in done.out
    assert "points of nDCG@10" in done.out
    assert [line.partition(":")[0] for line in done.err.splitlines()] == [
        f"line {first}",
        f"line {first + 1}",
        f"line {first + 1}",
        f"line {first + 2}",
    ]
    assert "'nothere.jpg' names no asset" in done.err


def test_a_verdict_becomes_a_line_that_is_measured(library_site: Path, tmp_path: Path) -> None:
    site = shutil.copytree(library_site, tmp_path / "site")
    at = ("--site", site)
    (hit,) = run_museion("search", *at, "--json", "--limit", 1, "a dog").rows
    run_museion("judge", "a dog", hit["id"], "--fits", "--by", "Ann", *at)
    assert hit["filename"] in run_museion("judgements", "list", *at).out

    export = run_museion("judgements", "export", *at).out
    (tmp_path / "queries.jsonl").write_text(export)
    figures = run_museion("evaluate", tmp_path / "queries.jsonl", *at, "--json").rows
    assert {row["figure"]: row["value"] for row in figures}["recall@1"] == 1


def test_better_weights_are_written_and_others_are_not(library_site: Path, tmp_path: Path) -> None:
    pytest.importorskip("optuna", reason="museion[tune] is not installed")
    site = shutil.copytree(library_site, tmp_path / "site")
    queries = _write(tmp_path / "queries.jsonl", _questions())
    tune = ("tune", queries, "--site", site, "--trials", 2, "--json", "--write")
    deaf = FusionSettings(meaning_weight=0.0)
    write_fusion(site, deaf)
    (told,) = run_museion(*tune).rows

    assert (told["is_better"], told["written"]) == (True, True)
    assert told["after"]["value"] > told["before"]["value"] + 0.3
    kept = read_settings(site).fusion
    assert kept.meaning_weight == 1
    (told,) = run_museion(*tune).rows
    assert (told["is_better"], told["written"]) == (False, False)
    assert read_settings(site).fusion == kept


def test_two_models_are_compared_where_the_site_has_both(tmp_path: Path) -> None:
    site, at = tmp_path / "site", ("--site", tmp_path / "site")
    run_museion("init", site)
    run_museion("ingest", *at, LIBRARY / "beach_2003.jpg")
    tiny = Path(__file__).parents[1] / "data/tiny-encoders/clip"
    run_museion("models", "add", tiny, "--name", "tiny", "--accept-licence", *at)
    asked = {"query": "a beach", "relevant": ["beach_2003.jpg"]}
    queries = _write(tmp_path / "queries.jsonl", [asked])
    compare = ("evaluate", queries, *at, "--against", "model=tiny")

    assert "museion models use tiny" in run_museion(*compare, status=2).err
    run_museion("models", "use", "tiny", *at)
    assert (
        "B: mode=all model=museion-embedded-1"
        in run_museion(*("evaluate", queries, *at, "--against", "model=museion-embedded-1")).out
    )
