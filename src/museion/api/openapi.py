"""How the routes are described at /schema/openapi.json beyond what their types say."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus

from litestar.datastructures import ResponseHeader
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import OpenAPIMediaType, Operation, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIFormat, OpenAPIType

from museion.api.problems import Problem
from museion.base.version import VERSION

Answers = dict[int, ResponseSpec]
"""Status -> what is answered with it."""

_WHY = {
    400: "Something in the request cannot be read; `detail` says what was expected.",
    403: "Only who holds the admin token of the site may do that.",
    404: "There is nothing of that name.",
    409: "It cannot be done now; `remedy` says when.",
    415: "It is no medium that the archive takes.",
    422: "It is a medium, but empty or broken.",
    503: "It cannot be done now (a full disk, a cut line), or the blob is not here yet.",
}


def problems(*statuses: int) -> Answers:
    """Describe the problem documents that a route answers with."""
    return {
        status: ResponseSpec(
            Problem,
            generate_examples=False,
            description=_WHY[status],
            media_type="application/problem+json",
        )
        for status in statuses
    }


def contents(media_type: str, *statuses: int) -> Answers:
    """Describe answers whose body is bytes or text of a media type, not JSON."""
    return {
        status: ResponseSpec(
            str,
            generate_examples=False,
            description=HTTPStatus(status).description,
            media_type=media_type,
        )
        for status in statuses
    }


def header(name: str, description: str) -> ResponseHeader:
    """Describe a header that a route sets by itself."""
    return ResponseHeader(name=name, description=description, documentation_only=True)


@dataclass
class TakesFile(Operation):
    """Describes a route whose request body is the bytes of a file."""

    def __post_init__(self) -> None:
        schema = Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY)
        self.request_body = RequestBody(
            content={"application/octet-stream": OpenAPIMediaType(schema=schema)},
            description="The bytes of the file, as they are.",
            required=True,
        )


def configuration() -> OpenAPIConfig:
    """Return what the document says of the API as a whole."""
    return OpenAPIConfig(
        title="Museion",
        version=VERSION,
        summary="A media archive: ingest, search, look at assets, follow changes.",
        path="/schema",
        render_plugins=[JsonRenderPlugin()],
        use_handler_docstrings=True,
    )
