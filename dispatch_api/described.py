"""The OpenAPI description, with every error that a route may answer in the shape that it has."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI

from dispatch_api.accounts.access import DeclaredRoute
from dispatch_api.problems import PROBLEM_JSON, Problem

_FASTAPIS_OWN = ("HTTPValidationError", "ValidationError")
_METHODS = frozenset({"get", "post", "put", "patch", "delete"})


@dataclass(frozen=True, kw_only=True)
class ErrorShape:
    """How the errors below some address look.

    Attributes:
        content: The `content` of each error's response object.
        invalid: The status for a request that makes no sense.
        schemas: Schemas that `content` refers to, by name.
    """

    content: Mapping[str, Any]
    invalid: int = 422
    schemas: Mapping[str, Any]


PROBLEMS = ErrorShape(
    content={PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    schemas={"Problem": Problem.model_json_schema()},
)


def describe_errors(
    app: FastAPI, routes: Iterable[DeclaredRoute], shapes: Mapping[str, ErrorShape] | None = None
) -> None:
    """Let `app.openapi()` name the errors of each route, by its rule, its path and its body.

    Args:
        app: The service.
        routes: Its routes with their rules.
        shapes: By the beginning of an address, errors in another shape than problem+json.
    """
    rules = {(route.method.lower(), route.path): route for route in routes}
    plain: Callable[[], dict[str, Any]] = app.openapi

    def described() -> dict[str, Any]:
        known = app.openapi_schema is not None
        schema = plain()
        if not known:
            for path, item in schema["paths"].items():
                shape = next((one for start, one in (shapes or {}).items() if path.startswith(start)), PROBLEMS)
                for method in _METHODS & set(item):
                    _add_errors(item[method], rules.get((method, path)), path, method, shape)
                schema["components"].setdefault("schemas", {}).update(shape.schemas)
            for name in _FASTAPIS_OWN:
                schema["components"]["schemas"].pop(name, None)
        return schema

    app.openapi = described  # type: ignore[method-assign]


def _add_errors(
    operation: dict[str, Any], route: DeclaredRoute | None, path: str, method: str, shape: ErrorShape
) -> None:
    responses = operation["responses"]
    responses.pop("422", None)
    for status in _statuses(operation, route, path, method) | {shape.invalid}:
        responses.setdefault(str(status), {"description": HTTPStatus(status).phrase})
    for status, response in responses.items():
        if int(status) >= HTTPStatus.BAD_REQUEST:
            response.setdefault("content", dict(shape.content))


def _statuses(operation: dict[str, Any], route: DeclaredRoute | None, path: str, method: str) -> set[int]:
    statuses = {503}
    if route is None or not route.access.anybody:
        statuses |= {401, 403}
    if "{" in path:
        statuses.add(404)
    if method != "get":
        # A change of something that was never there, or no longer allowed, or for which there is no room.
        statuses |= {401, 403, 404, 409, 412, 413, 429, 507}
    if "requestBody" in operation:
        statuses |= {400, 413}
    return statuses
