"""Errors as problem documents (RFC 9457): what was expected, what came, what to do."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException

from museion.base.errors import Conflict, Damaged, InvalidInput, MuseionError, NotFound, Unavailable
from museion.media.errors import EmptyFile, UnknownMedia

_STATUS: tuple[tuple[type[MuseionError], HTTPStatus], ...] = (
    (UnknownMedia, HTTPStatus.UNSUPPORTED_MEDIA_TYPE),
    (EmptyFile, HTTPStatus.UNPROCESSABLE_ENTITY),
    (InvalidInput, HTTPStatus.BAD_REQUEST),
    (NotFound, HTTPStatus.NOT_FOUND),
    (Conflict, HTTPStatus.CONFLICT),
    (Damaged, HTTPStatus.UNPROCESSABLE_ENTITY),
    (Unavailable, HTTPStatus.SERVICE_UNAVAILABLE),
)
AnyRequest = Request[Any, Any, Any]
"""A request; users and sessions come with rights."""

_LOGGER = logging.getLogger(__name__)


class Problem(msgspec.Struct, frozen=True):
    """A problem document."""

    title: str
    status: int
    detail: str
    remedy: str = ""
    type: str = "about:blank"


def on_museion_error(_request: AnyRequest, error: MuseionError) -> Response[Problem]:
    """Answer with the family's status and the error's own words."""
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), None)
    status = status or HTTPStatus.INTERNAL_SERVER_ERROR
    return _answer(Problem(_title(error), status, error.message, error.remedy))


def on_http_error(_request: AnyRequest, error: HTTPException) -> Response[Problem]:
    """Answer what the framework refuses, such as a number that is none."""
    title = HTTPStatus(error.status_code).phrase
    extra = getattr(error, "extra", None)
    named = "; ".join(f"{e.get('key')}: {e.get('message')}" for e in extra) if extra else ""
    return _answer(Problem(title, error.status_code, named or error.detail or title))


def on_defect(request: AnyRequest, error: Exception) -> Response[Problem]:
    """Answer a defect without its insides; they go to the server's own log."""
    _LOGGER.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return _answer(
        Problem(
            "Internal Server Error",
            HTTPStatus.INTERNAL_SERVER_ERROR,
            "The server met a defect.",
            "Try again; if it stays, report it with the server's log.",
        )
    )


def _answer(problem: Problem) -> Response[Problem]:
    return Response(problem, status_code=problem.status, media_type="application/problem+json")


def _title(error: MuseionError) -> str:
    name = type(error).__name__
    return "".join(f" {c.lower()}" if c.isupper() and i else c for i, c in enumerate(name))
