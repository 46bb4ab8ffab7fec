"""The HTTP application of one archive: routes, OpenAPI, problems, and the web UI."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from urllib.parse import urlsplit

from litestar import Litestar, get
from litestar.config.compression import CompressionConfig
from litestar.datastructures import MutableScopeHeaders
from litestar.di import Provide
from litestar.exceptions import HTTPException, PermissionDeniedException
from litestar.handlers import HTTPRouteHandler
from litestar.types import Message, Scope

from museion.api import (
    asset_routes,
    change_routes,
    collection_routes,
    conflict_routes,
    duplicate_routes,
    edit_routes,
    judgement_routes,
    model_routes,
    moment_routes,
    openapi,
    page_routes,
    search_routes,
    site_routes,
    static,
    upload_routes,
    why_routes,
)
from museion.api.model_schemas import Models
from museion.api.problems import AnyRequest, on_defect, on_http_error, on_museion_error
from museion.api.schemas import EncoderNotice, SiteStatus
from museion.api.site_schemas import Network
from museion.archive.archive import Archive
from museion.archive.document_pages import DocumentPages
from museion.archive.moment_frames import MomentFrames
from museion.archive.regions import PictureRegions
from museion.base.errors import MuseionError
from museion.base.version import VERSION

_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")
"""Names of this machine for itself."""
_SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data: blob:; object-src 'none';"
    " frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}

Trouble = Callable[[], str | None]
"""Returns what the site's processors wait for, or None when they can go on."""
Settled = Callable[[], bool]
"""Tells whether everything that was ingested so far is enriched and can be found."""


def create_app(
    archive: Archive,
    *,
    trouble: Trouble,
    settled: Settled,
    hosts: Iterable[str] = LOOPBACK_HOSTS,
    network: Network | None = None,
    models: Models | None = None,
) -> Litestar:
    """Return the application that serves an open archive.

    Args:
        archive: stays open while the application runs; the caller closes it afterwards.
        trouble, settled: asked for the status page.
        hosts: names under which the site may be addressed, all if empty. They refuse a page of
            another origin that makes a browser resolve its own name to this machine.
        network: the other sites, where this one can exchange with any.
        models: the encoders that the site can search with, where it can change that.
    """

    def provide_archive() -> Archive:
        return archive

    return Litestar(
        [
            _status_route(archive, trouble, settled),
            *(asset_routes.list_assets, asset_routes.layout, asset_routes.timeline),
            *(asset_routes.show_asset, asset_routes.original, asset_routes.blob),
            *(search_routes.search, search_routes.similar, search_routes.search_like),
            search_routes.suggestions,
            *(upload_routes.upload, upload_routes.quarantine, upload_routes.retry),
            change_routes.changes,
            moment_routes.moment_router(MomentFrames(archive.pool)),
            page_routes.page_router(DocumentPages(archive.pool)),
            *(edit_routes.edit, edit_routes.edit_many, edit_routes.undo),
            *(edit_routes.trash, edit_routes.restore, edit_routes.comment),
            *(conflict_routes.list_conflicts, conflict_routes.show_conflict),
            *(conflict_routes.resolve, collection_routes.list_collections),
            *(collection_routes.show_collection, collection_routes.make_collection),
            *(collection_routes.change_collection, collection_routes.add_members),
            *(collection_routes.move_members, collection_routes.remove_members),
            *([] if network is None else [site_routes.site_router(network)]),
            *([] if models is None else [model_routes.model_router(models)]),
            *duplicate_routes.routes(),
            *judgement_routes.routes(),
            why_routes.why_router(PictureRegions(archive.pool)),
            *static.routes(),
        ],
        dependencies={
            "archive": Provide(provide_archive, sync_to_thread=False),
            **duplicate_routes.dependencies(archive),
            **judgement_routes.dependencies(archive),
        },
        exception_handlers={
            MuseionError: on_museion_error,
            HTTPException: on_http_error,
            Exception: on_defect,
        },
        before_request=partial(_refuse_foreign, frozenset(hosts)),
        before_send=[_secure],
        compression_config=CompressionConfig(backend="gzip", exclude=_UNCOMPRESSED),
        openapi_config=openapi.configuration(),
        logging_config=None,
    )


# Pictures are compressed already, and an event stream must not wait for a compressor's buffer.
_UNCOMPRESSED = ["/api/blobs", "/api/changes", "/api/assets/.*/(original|frame)", "/assets"]


def _status_route(archive: Archive, trouble: Trouble, settled: Settled) -> HTTPRouteHandler:
    @get("/api/site", summary="What the site holds and how far it has come", sync_to_thread=True)
    def status() -> SiteStatus:
        counts = archive.catalog.counts()
        card = archive.searcher.checkpoint.card
        return SiteStatus(
            id=archive.log.log_id,
            name=archive.name,
            version=VERSION,
            assets=counts.assets,
            kinds=archive.catalog.kinds(),
            position=counts.position,
            pending=counts.pending,
            quarantined=counts.quarantined,
            encoder=EncoderNotice(card.name, card.dimension, card.licence),
            trouble=trouble(),
            settled=settled(),
            conflicts=archive.catalog.people.conflict_count(),
        )

    return status


def _refuse_foreign(hosts: frozenset[str], request: AnyRequest) -> None:
    """Refuse what pages of other origins make a visitor's browser send."""
    host = request.headers.get("host", "")
    if hosts and urlsplit(f"//{host}").hostname not in hosts:
        raise PermissionDeniedException(f"This site is not served under the name {host!r}.")
    origin = request.headers.get("origin")
    if request.method in _SAFE_METHODS or origin is None:
        return
    if urlsplit(origin).netloc != host:
        raise PermissionDeniedException(f"Writes from {origin} are refused here.")


async def _secure(message: Message, _scope: Scope) -> None:
    """Add the headers that every answer carries, unless the answer has its own."""
    if message["type"] == "http.response.start":
        headers = MutableScopeHeaders.from_message(message)
        for name, value in _SECURITY_HEADERS.items():
            headers.setdefault(name, value)
