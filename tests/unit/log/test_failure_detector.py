"""When a link counts as available or not, and what is said about it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from joined_endpoints import world

from museion.log.replication.endpoint_settings import BadEndpointSettings, EndpointSettings
from museion.log.replication.failure_detector import (
    Availability,
    FailureDetector,
    LinkAvailable,
    LinkUnavailable,
)
from museion.log.replication.protocol import Application
from museion.testing.event_loop import in_event_loop, until

LIMIT_S = 0.05


@in_event_loop
async def test_the_first_success_and_the_first_after_a_failure_are_reported_once() -> None:
    reports: list[Availability] = []
    detector = FailureDetector("b", "log", LIMIT_S, reports.append)
    detector.succeeded()
    detector.succeeded()
    assert reports == [LinkAvailable("b", "log")]
    await until(lambda: len(reports) == 2)
    detector.succeeded()
    detector.succeeded()
    assert reports[2:] == [LinkAvailable("b", "log")]
    detector.close()


@in_event_loop
async def test_unavailable_is_reported_at_the_limit_after_the_last_success() -> None:
    loop = asyncio.get_running_loop()
    reports: list[tuple[Availability, float]] = []
    detector = FailureDetector("b", "", LIMIT_S, lambda report: reports.append((report, now())))
    now = loop.time
    await asyncio.sleep(LIMIT_S / 2)
    detector.succeeded()
    last_success_s = now()
    await until(lambda: len(reports) == 2)
    assert reports[1][1] - last_success_s == pytest.approx(LIMIT_S, abs=LIMIT_S / 2)
    detector.close()


@in_event_loop
async def test_it_carries_the_causes_since_the_last_report() -> None:
    reports: list[Availability] = []
    detector = FailureDetector("b", "", LIMIT_S, reports.append)
    detector.failed("of the past")
    detector.succeeded()
    for cause in ("time-out", "time-out", "read failure at the source"):
        detector.failed(cause)
    await until(lambda: len(reports) == 2)
    detector.failed("incompatible version")
    await until(lambda: len(reports) == 3)
    assert reports[1:] == [
        LinkUnavailable("b", "", ("time-out", "read failure at the source")),
        LinkUnavailable("b", "", ("incompatible version",)),
    ]
    detector.close()


@in_event_loop
async def test_it_keeps_a_few_causes_only() -> None:
    detector = FailureDetector("b", "", LIMIT_S, lambda _: None)
    for number in range(100):
        detector.failed(str(number))
    assert detector.causes == tuple(str(number) for number in range(92, 100))
    detector.close()


@in_event_loop
async def test_a_closed_detector_reports_nothing() -> None:
    reports: list[Availability] = []
    FailureDetector("b", "", 0.001, reports.append).close()
    await asyncio.sleep(0.01)
    assert reports == []


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"failure_detection_limit_s": 14.9}, "remote_read_timeout_s . retry_delay_s = 15"),
        ({"first_retry_delay_s": 6.0}, "first_retry_delay_s <= retry_delay_s"),
        ({"reads_ahead": 0}, "1 or more"),
        ({"max_batch_bytes": 0}, "1 or more"),
        ({"wait_s": 61.0}, "wait_s from 0"),
        ({"remote_read_timeout_s": 0.0}, "above 0"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(
    settings: dict[str, float], expected: str
) -> None:
    with pytest.raises(BadEndpointSettings, match=expected):
        EndpointSettings(**settings)  # type: ignore[arg-type]  # numbers of both types


@in_event_loop
async def test_each_log_of_each_remote_endpoint_is_watched() -> None:
    settings = EndpointSettings(
        retry_delay_s=0.02,
        first_retry_delay_s=0.005,
        remote_read_timeout_s=0.05,
        wait_s=0.05,
        failure_detection_limit_s=0.15,
    )
    reports: list[Availability] = []
    each = {"a": {"on_availability": reports.append}}
    async with world("a", "b", "c", log_names=("x", "y"), settings=settings, each=each) as sites:
        await sites.read("a", "b")
        await sites.read("a", "c")
        await until(lambda: len(reports) == 4)
        assert set(reports) == {LinkAvailable(r, n) for r in "bc" for n in "xy"}
        sites.lines["a", "c"].cut()
        await until(lambda: len(reports) >= 6)
        assert {(type(r), r.remote_id, r.log_name) for r in reports[4:6]} == {
            (LinkUnavailable, "c", "x"),
            (LinkUnavailable, "c", "y"),
        }
        report = reports[4]
        assert isinstance(report, LinkUnavailable)
        assert report.causes == ("c does not answer: the line is cut. " + _REMEDY,)
        status = {each.remote_id: each for each in sites["a"].status().connections}
        assert status["c"].condition == "unavailable"
        assert status["b"].condition == "up to date"
        sites.lines["a", "c"].mend()
        await until(lambda: LinkAvailable("c", "x") in reports[6:])


@in_event_loop
async def test_a_target_that_is_too_old_is_reported_unavailable_with_that_cause() -> None:
    settings = EndpointSettings(
        retry_delay_s=0.02,
        first_retry_delay_s=0.005,
        remote_read_timeout_s=0.05,
        failure_detection_limit_s=0.07,
    )
    reports: list[Availability] = []
    each: dict[str, dict[str, Any]] = {
        "a": {"application": Application("m", 1, 1)},
        "b": {"application": Application("m", 1, 0), "on_availability": reports.append},
    }
    async with world("a", "b", settings=settings, each=each) as sites:
        await sites.read("b", "a")
        await until(lambda: bool(reports))
        (report,) = reports
        assert isinstance(report, LinkUnavailable)
        assert "Expected m 1.1 or newer at the target, got 1.0" in report.causes[0]


_REMEDY = "Work goes on here; it is tried again. Check the line and the remote site."
