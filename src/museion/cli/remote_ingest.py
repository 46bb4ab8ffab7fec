"""Ingest into a site that another process serves: files go in by HTTP, as uploads do."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime
from pathlib import Path

import httpx

from museion.archive.asset import AssetId
from museion.archive.catalog.records import Counts, QuarantineEntry
from museion.archive.folders import find_files
from museion.archive.ingest import Ingested, Outcome, display_name
from museion.archive.source_file import SourceFile, UnreadableFile, open_source
from museion.base.errors import InvalidInput, Unavailable
from museion.blobs.blob_store import Digest
from museion.cli.ingest_report import IngestReport
from museion.node.pipeline import Follower

_AT_ONCE = 4
_LOOK_S = 0.3
_TROUBLE_LIMIT_S = 30.0
_LIMITS = httpx.Timeout(60.0, read=600.0)


class ServerGone(Unavailable):
    """The process that serves the site does not answer."""

    def __init__(self, url: str, reason: Exception) -> None:
        super().__init__(
            f"The site is served at {url}, but it does not answer: {reason}.",
            remedy="Start `museion serve` again, then repeat the command: it goes on.",
        )


class ServerInTrouble(Unavailable):
    """The process that serves the site cannot keep anything now."""

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason, remedy=remedy)


async def ingest_remotely(
    url: str, paths: Sequence[Path], *, retry: bool, wait: bool, report: IngestReport
) -> None:
    """Send files to the server at `url`, at most four at a time, and report as ingest does."""
    started = time.time()
    try:
        async with httpx.AsyncClient(base_url=url, timeout=_LIMITS, trust_env=False) as client:
            with report:
                if retry:
                    await _retry(client, report, since=started)
                else:
                    await _send_all(client, paths, report)
                if wait:
                    await _settle(client, report)
            report.quarantined(await _quarantine(client), since=started)
    except httpx.TransportError as reason:
        raise ServerGone(url, reason) from reason
    except httpx.HTTPStatusError as reason:
        raise ServerInTrouble(*_told(reason.response)) from reason


async def _send_all(client: httpx.AsyncClient, paths: Sequence[Path], report: IngestReport) -> None:
    unlisted: list[Ingested] = []

    def note(folder: Path, reason: OSError) -> None:
        unlisted.append(_refused(folder, UnreadableFile(reason)))

    files = list(find_files(paths, on_error=note))
    report.expect(len(files) + len(unlisted))
    waiting = iter(files)
    try:
        async with asyncio.TaskGroup() as tasks:
            for _ in range(_AT_ONCE):
                tasks.create_task(_send_some(client, waiting, report))
    except BaseExceptionGroup as errors:
        raise errors.exceptions[0] from None  # the others met the same server
    for refused in unlisted:
        report.add(refused)


async def _send_some(
    client: httpx.AsyncClient, files: Iterable[Path], report: IngestReport
) -> None:
    for path in files:
        report.add(await _send(client, path))


async def _send(client: httpx.AsyncClient, path: Path) -> Ingested:
    name = display_name(path)
    try:
        with open_source(path) as source:
            answer = await client.post(
                "/api/assets", params={"filename": name}, content=_chunks(source)
            )
    except InvalidInput as error:
        return _refused(path, error)
    if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
        raise ServerInTrouble(*_told(answer))
    if answer.is_error:
        reason, remedy = _told(answer)
        return Ingested(Outcome.REFUSED, name, path, reason=reason, remedy=remedy)
    told = answer.json()
    return Ingested(
        Outcome(told["outcome"]),
        name,
        path,
        AssetId(told["id"]),
        Digest(told["digest"]),
        source.size_bytes,
    )


async def _chunks(source: SourceFile) -> AsyncIterator[bytes]:
    for chunk in source.chunks():
        yield chunk


def _told(answer: httpx.Response) -> tuple[str, str]:
    """Return the reason and the remedy that an error answer states."""
    try:
        problem = answer.json()
        return problem["detail"], problem.get("remedy", "")
    except (ValueError, KeyError, TypeError):
        return f"The server answered {answer.status_code} {answer.reason_phrase}.", ""


async def _retry(client: httpx.AsyncClient, report: IngestReport, *, since: float) -> None:
    """Let the server try again, and name the files that it refused once more."""
    (await client.post("/api/quarantine/retry")).raise_for_status()
    for entry in await _quarantine(client):
        is_new = datetime.fromisoformat(entry.time).timestamp() >= int(since)
        if is_new and entry.asset_id is None:
            report.add(
                Ingested(
                    Outcome.REFUSED,
                    entry.filename,
                    Path(entry.place) if entry.place else None,
                    reason=entry.reason,
                    remedy=entry.remedy,
                )
            )


async def _settle(client: httpx.AsyncClient, report: IngestReport) -> None:
    """Watch the server until everything can be found, or something is in the way for too long."""
    troubled_since: float | None = None
    while True:
        status = (await client.get("/api/site")).raise_for_status().json()
        keys = ("position", "assets", "pending", "quarantined")
        report.enriched(Counts(*(status[key] for key in keys)))
        if status["settled"]:
            return
        now = time.monotonic()
        troubled_since = (troubled_since or now) if status["trouble"] else None
        if troubled_since is not None and now - troubled_since > _TROUBLE_LIMIT_S:
            report.stuck([Follower("the server", status["position"], status["trouble"])])
            return
        await asyncio.sleep(_LOOK_S)


async def _quarantine(client: httpx.AsyncClient) -> list[QuarantineEntry]:
    answer = (await client.get("/api/quarantine")).raise_for_status().json()
    return [
        QuarantineEntry(
            filename=entry["filename"],
            reason=entry["reason"],
            remedy=entry["remedy"],
            time=entry["time"],
            place=entry["path"],
            asset_id=entry["asset_id"],
        )
        for entry in answer
    ]


def _refused(path: Path, error: InvalidInput) -> Ingested:
    return Ingested(
        Outcome.REFUSED, display_name(path), path, reason=error.message, remedy=error.remedy
    )
