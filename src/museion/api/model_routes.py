"""Models over HTTP: which a site knows, which it searches with, and changing that."""

from __future__ import annotations

import secrets
from typing import Annotated, Any

from litestar import Router, delete, get, post
from litestar.connection import ASGIConnection
from litestar.di import Provide
from litestar.exceptions import PermissionDeniedException
from litestar.handlers import BaseRouteHandler
from litestar.params import Dependency, Parameter

from museion.api.model_schemas import Models, ModelWanted
from museion.api.openapi import problems
from museion.api.site_routes import ADMIN_HEADER
from museion.archive.model_rows import ModelRow

TheModels = Annotated[Models, Dependency(skip_validation=True)]  # a protocol cannot be checked
Name = Annotated[str, Parameter(description="Name of a model, as `museion models list` prints it.")]


def model_router(models: Models) -> Router:
    """Return the routes below `/api/models`; what changes something needs the admin token."""

    def provide_models() -> Models:
        return models

    def require_admin(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        given, token = connection.headers.get(ADMIN_HEADER, ""), models.admin_token
        if not token or not secrets.compare_digest(given.encode(), token.encode()):
            raise PermissionDeniedException(
                "Models are changed on the site's own machine: use `museion models`."
            )

    changing = Router("/", route_handlers=[use_model, remove_model], guards=[require_admin])
    return Router(
        "/api/models",
        route_handlers=[list_models, changing],
        dependencies={"models": Provide(provide_models, sync_to_thread=False)},
    )


@get("/", summary="The models that the site knows, and how far each has come")
async def list_models(models: TheModels) -> list[ModelRow]:
    """One is `current`; another may be `coming`: its embeddings are being computed."""
    return await models.rows()


@post(
    "/use",
    summary="Search with another model",
    status_code=202,
    responses=problems(400, 403, 404, 422, 503),
)
async def use_model(models: TheModels, data: ModelWanted) -> ModelRow:
    """Begin in the background; the present one is searched until the other is complete."""
    return await models.use(data.name)


@delete(
    "/{name:str}", summary="Remove a model and its index", responses=problems(400, 403, 404, 409)
)
async def remove_model(models: TheModels, name: Name) -> None:
    """A built-in model loses its index only. Embeddings stay in the log."""
    await models.remove(name)
