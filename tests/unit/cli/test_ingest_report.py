"""What an ingest tells: a line for each problem, a summary, and whether all was well."""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from museion.archive.asset import AssetId
from museion.archive.catalog.records import Counts, QuarantineEntry
from museion.archive.ingest import Ingested, Outcome
from museion.archive.quarantine import one_each
from museion.blobs.blob_store import Digest
from museion.cli.ingest_report import IngestReport
from museion.node.pipeline import Follower

_GOOD = Ingested(
    Outcome.INGESTED, "a.jpg", Path("/p/a.jpg"), AssetId("id"), Digest("ab"), size_bytes=7
)
_BAD = Ingested(
    Outcome.REFUSED, "b.jpg", Path("/p/b.jpg"), reason="It is text.", remedy="Leave it."
)


def _entry(processor: str, *, age_s: float = 0.0, asset: str = "id") -> QuarantineEntry:
    moment = datetime.fromtimestamp(time.time() - age_s, UTC)
    return QuarantineEntry(
        filename="c.jpg",
        place="/p/c.jpg",
        reason=f"{processor} failed.",
        remedy="Mend it.",
        time=moment.isoformat(timespec="seconds"),
        asset_id=AssetId(asset),
        processor=processor,
    )


def _report(capsys: pytest.CaptureFixture[str], *, as_json: bool = False) -> IngestReport:
    del capsys  # it must be there before the report looks for a terminal
    return IngestReport(as_json=as_json)


def test_a_run_without_problems_says_what_it_did_and_no_more(
    capsys: pytest.CaptureFixture[str],
) -> None:
    report = _report(capsys)
    with report:
        report.expect(2)
        report.add(_GOOD)
        report.add(_GOOD)
        report.enriched(Counts(5, 2, 0, 0))
    report.finish()

    out, err = capsys.readouterr()
    assert out.startswith("2 ingested in ")
    assert err == ""
    assert report.problems == 0


def test_each_problem_has_a_line_with_what_why_and_what_to_do(
    capsys: pytest.CaptureFixture[str],
) -> None:
    report = _report(capsys)
    with report:
        report.add(_BAD)
    report.quarantined([_entry("renditions")], since=time.time() - 5)
    report.stuck([Follower("catalog", 3, "The disk is full.")])
    report.finish()

    out, err = capsys.readouterr()
    assert err.splitlines() == [
        "refused: /p/b.jpg: It is text. Leave it.",
        "quarantined: /p/c.jpg: renditions failed. Mend it.",
        "waiting: catalog: The disk is full.",
    ]
    assert "1 refused" in out
    assert "museion ingest --retry" in out
    assert report.problems == 3


def test_what_was_in_quarantine_before_is_not_told_again(
    capsys: pytest.CaptureFixture[str],
) -> None:
    report = _report(capsys)
    report.quarantined([_entry("renditions", age_s=60)], since=time.time() - 5)

    assert capsys.readouterr().err == ""
    assert report.problems == 0


def test_a_file_that_failed_twice_is_one_problem(capsys: pytest.CaptureFixture[str]) -> None:
    report = _report(capsys)
    report.quarantined([_entry("metadata"), _entry("renditions")], since=time.time() - 5)

    assert capsys.readouterr().err == "quarantined: /p/c.jpg: renditions failed. Mend it.\n"
    assert report.problems == 1


def test_a_cleared_file_is_told_but_is_no_problem(capsys: pytest.CaptureFixture[str]) -> None:
    report = _report(capsys)
    report.add(Ingested(Outcome.CLEARED, "d.jpg", Path("/p/d.jpg"), reason="It is gone."))

    assert capsys.readouterr().err == "cleared: /p/d.jpg: It is gone.\n"
    assert report.problems == 0


def test_json_is_one_object_a_line_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    strange = Path(os.fsdecode(b"/p/caf\xe9\n.jpg"))
    report = _report(capsys, as_json=True)
    with report:
        report.add(_GOOD)
        report.add(Ingested(Outcome.REFUSED, "caf\ufffd\n.jpg", strange, reason="No.", remedy=""))
    report.quarantined([_entry("renditions")], since=time.time() - 5)
    report.finish()

    out, err = capsys.readouterr()
    rows = [json.loads(line) for line in out.splitlines()]
    assert [row["outcome"] for row in rows] == ["ingested", "refused", "quarantined"]
    assert rows[1]["path"] == "/p/caf\ufffd\n.jpg"
    assert rows[1]["remedy"] is None
    assert (rows[2]["path"], rows[2]["processor"]) == ("/p/c.jpg", "renditions")
    assert len(err.splitlines()) == 2


def test_every_asset_and_refused_file_is_one_entry() -> None:
    refused = QuarantineEntry(filename="x", path=b"/x", reason="r", remedy="", time="t")
    entries = [_entry("metadata"), refused, _entry("renditions"), _entry("embedding", asset="b")]

    told = [(entry.asset_id, entry.processor) for entry in one_each(entries)]

    assert told == [("id", "renditions"), (None, None), ("b", "embedding")]
