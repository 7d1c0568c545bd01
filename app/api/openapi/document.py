"""The OpenAPI 3.1 document, written anew whenever another release becomes active."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, cast

import orjson
from apispec import APISpec
from apispec.ext.marshmallow import MarshmallowPlugin
from flask import Flask, current_app
from marshmallow import EXCLUDE, Schema, fields

from app.api.access.session import SESSION_COOKIE
from app.api.guard import API_KEY_HEADER, Guard, find_guard
from app.api.openapi.features import describe_feature
from app.api.openapi.operation import Operation, find_operation
from app.api.schemas import Problem, Rows
from app.release.manifest import Manifest
from app.runtime.loading import LoadedRelease
from app.runtime.row_fields import FeatureField
from app.runtime.rows import build_row_schema
from app.serving.formats.media_types import TABLES

OPENAPI_VERSION = "3.1.0"
CONTRACT_VERSION = "1.0"
_EXTENSION = "gluonserve.openapi"
_ROW = "Row"
_SECURITY_SCHEMES = {
    "api_key": {"type": "apiKey", "in": "header", "name": API_KEY_HEADER, "description": "An API key."},
    "token": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A token of POST /auth/token, in place of an API key.",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": SESSION_COOKIE,
        "description": "What /dashboard/sign-in gives a browser, in place of an API key.",
    },
}
_ERRORS_OF_A_BODY = (400, 413, 415, 422)
_ERRORS_OF_A_GUARD = (401, 403, 429, 503)


@dataclass(frozen=True)
class Route:
    tag: str
    path: str
    method: str
    guard: Guard
    operation: Operation


class OpenApiDocument:
    """Renders the document of some routes, and keeps the last rendering while the release stays the same."""

    def __init__(self, routes: list[Route]) -> None:
        self._routes = routes
        self._kept: tuple[Manifest | None, bytes] | None = None
        # It takes a worker tens of milliseconds: of many who ask after an activation, one has it written.
        self._rendering = threading.Lock()

    def render(self, release: LoadedRelease | None) -> bytes:
        """Return the document as JSON; without a release a row is any object."""
        # Of the release only the manifest is kept: it must not stay in memory when it is let go.
        manifest = release.manifest if release else None
        with self._rendering:
            if self._kept is None or self._kept[0] is not manifest:
                self._kept = (manifest, orjson.dumps(describe_api(self._routes, release)))
            return self._kept[1]


def attach_openapi_document(app: Flask) -> None:
    app.extensions[_EXTENSION] = OpenApiDocument(list(list_routes(app)))


def current_document() -> OpenApiDocument:
    return cast(OpenApiDocument, current_app.extensions[_EXTENSION])


def list_routes(app: Flask) -> Iterator[Route]:
    """Yield the routes that describe themselves; the pages for people do not."""
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        guard, operation = find_guard(view), find_operation(view)
        if guard is None or operation is None:
            continue
        path = re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", rule.rule)
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield Route(rule.endpoint.partition(".")[0], path, method.lower(), guard, operation)


def describe_api(routes: list[Route], release: LoadedRelease | None) -> dict[str, Any]:
    plugin = MarshmallowPlugin(schema_name_resolver=_name_schema)
    spec = APISpec(
        title="gluonserve",
        version=CONTRACT_VERSION,
        openapi_version=OPENAPI_VERSION,
        info={"description": _describe_model(release.manifest if release else None)},
        plugins=[plugin],
    )
    converter: Any = plugin.converter
    converter.add_attribute_function(_describe_own_field)
    for name, scheme in _SECURITY_SCHEMES.items():
        spec.components.security_scheme(name, scheme)
    _add_row(spec, release)
    for route in routes:
        spec.path(route.path, operations={route.method: describe_operation(route, release)})
    return spec.to_dict()


def describe_operation(route: Route, release: LoadedRelease | None) -> dict[str, Any]:
    operation, guard = route.operation, route.guard
    described: dict[str, Any] = {
        "tags": [route.tag],
        "summary": operation.summary,
        "description": f"{operation.description} {_describe_need(guard)}".strip(),
        "operationId": route.method + re.sub(r"[^0-9A-Za-z]+", "_", route.path).rstrip("_"),
        "responses": {
            **{
                str(status): _describe_answer(status, answer, operation) for status, answer in operation.answers.items()
            },
            **{str(status): _describe_problem(status) for status in sorted(_list_errors(route))},
        },
    }
    parameters = [_describe_parameter(name) for name in re.findall(r"{([^}]+)}", route.path)]
    parameters += [{"name": name, "in": "header", "schema": schema} for name, schema in operation.headers.items()]
    parameters += [{"name": name, "in": "query", "schema": schema} for name, schema in operation.arguments.items()]
    if parameters:
        described["parameters"] = parameters
    if operation.accepts is not None:
        body = _describe_body(operation.accepts, release, takes_tables=operation.takes_tables)
        described["requestBody"] = {**body, "required": not operation.body_is_optional}
    if not guard.is_public:
        taken = {"api_key": True, "token": guard.takes_tokens, "session": guard.takes_session}
        described["security"] = [{name: []} for name in _SECURITY_SCHEMES if taken[name]]
    return described


def _describe_need(guard: Guard) -> str:
    if guard.is_public:
        return "Needs no key."
    return f"Needs the permission `{guard.permission}`." if guard.permission else "Needs any valid key."


def _describe_parameter(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def _list_errors(route: Route) -> set[int]:
    errors = {500, *route.operation.errors}
    if not route.guard.is_public:
        errors.update(_ERRORS_OF_A_GUARD)
    if route.operation.accepts is not None:
        errors.update(_ERRORS_OF_A_BODY)
    return errors


def _describe_answer(status: int, answer: type[Schema] | str, operation: Operation) -> dict[str, Any]:
    phrase = HTTPStatus(status).phrase
    if isinstance(answer, str):
        return {"description": phrase, "content": {answer: {"schema": {"type": "string"}}}}
    tables = _describe_tables() if operation.gives_tables else {}
    return {"description": phrase, "content": {"application/json": {"schema": answer}, **tables}}


def _describe_tables() -> dict[str, Any]:
    """A table is no JSON; what its columns are is what the members of a row, or of an answer, are."""
    return {media_type: {"schema": {"type": "string", "format": "binary"}} for media_type in TABLES}


def _describe_problem(status: int) -> dict[str, Any]:
    phrase = HTTPStatus(status).phrase
    described: dict[str, Any] = {
        "description": phrase,
        "content": {"application/problem+json": {"schema": Problem}},
    }
    if status in (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE):
        described["headers"] = {"Retry-After": {"description": "Seconds.", "schema": {"type": "integer"}}}
    return described


def _describe_body(schema: type[Schema], release: LoadedRelease | None, *, takes_tables: bool) -> dict[str, Any]:
    content: dict[str, Any] = {"schema": schema}
    if release is not None and _has_rows(schema):
        content["example"] = {"data": [release.schema.sample_row()]}
    return {"content": {"application/json": content, **(_describe_tables() if takes_tables else {})}}


def _has_rows(schema: type[Schema]) -> bool:
    return any(isinstance(field, Rows) for field in schema().fields.values())


def _add_row(spec: APISpec, release: LoadedRelease | None) -> None:
    if release is None:
        spec.components.schema(
            _ROW, {"type": "object", "description": "One field per feature; no model is active now."}
        )
    else:
        spec.components.schema(_ROW, schema=build_row_schema(release.schema)(unknown=EXCLUDE))


def _describe_own_field(_converter: Any, field: fields.Field[Any], ret: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG001
    if isinstance(field, FeatureField):
        return describe_feature(field.feature)
    if isinstance(field, Rows):
        return {"type": "array", "minItems": 1, "items": {"$ref": f"#/components/schemas/{_ROW}"}}
    return {}


def _name_schema(schema: Any) -> str:
    return str((schema if isinstance(schema, type) else type(schema)).__name__)


def _describe_model(manifest: Manifest | None) -> str:
    if manifest is None:
        return "No model is active now: rows are described once one is."
    return f"Rows are described for the active model: {manifest.name}, version {manifest.version}."
