"""The OpenAPI 3.1 document, made from the route table (H6)."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import version
from typing import Final

from healthpay_core import CATALOGUE, Code
from healthpay_http.checks import Schema
from healthpay_http.routes import Route
from healthpay_http.schemas import ANSWERS, body_schema, ref
from healthpay_http.statuses import STATUSES

_PARAMETERS: Final[dict[str, Schema]] = {
    "version": {"type": "integer", "minimum": 1, "maximum": 2**53 - 1},
    "at": {"type": "string", "format": "date-time"},
    "after": {"type": "integer", "minimum": 0, "maximum": 2**53 - 1},
    "limit": {"type": "integer", "minimum": 1, "maximum": 1000},
}
_KEY: Final = r'^([!#-~][!-~]{0,254}|"([!#-\[\]-~]|\\["\\]){1,255}")$'
"""Visible ASCII characters, bare or as a structured-field string (I1)."""
_HEADERS: Final[dict[str, Schema]] = {
    "IdempotencyKey": {
        "name": "Idempotency-Key",
        "in": "header",
        "required": True,
        "description": "New per intent, the same in its retries; bare or quoted.",
        "schema": {"type": "string", "pattern": _KEY},
    },
    "IfMatch": {
        "name": "If-Match",
        "in": "header",
        "description": "The ETag of the version that the caller saw.",
        "schema": {"type": "string", "pattern": '^"[1-9][0-9]{0,15}"$'},
    },
    "CorrelationId": {
        "name": "X-Correlation-Id",
        "in": "header",
        "description": "The conversation, always returned; made unless 1 to 128 visible"
        " ASCII characters are given that hold no card number.",
        "schema": {"type": "string"},
    },
    "Traceparent": {
        "name": "traceparent",
        "in": "header",
        "description": "W3C trace context; continued when valid, else ignored.",
        "schema": {"type": "string"},
    },
}


def document(routes: Iterable[Route]) -> dict[str, object]:
    """The whole document, without `servers`: they depend on the mount."""
    routes = tuple(routes)
    links = {route.operation: _link(route) for route in routes if route.resource}
    paths: dict[str, dict[str, object]] = {}
    schemas: dict[str, Schema] = dict(ANSWERS)
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(
            route, routes
        )
        if route.body is not None:
            schemas[route.body.__name__] = body_schema(route.body)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "HealthPay",
            "version": version("healthpay-http"),
            "description": "Wallets and transfers. Amounts are minor units.",
        },
        "paths": paths,
        "components": {"schemas": schemas, "parameters": _HEADERS, "links": links},
    }


def _operation(route: Route, routes: tuple[Route, ...]) -> dict[str, object]:
    operation: dict[str, object] = {
        "operationId": route.operation,
        "summary": route.summary,
        "tags": [route.path.split("/")[2] if route.scope else "operations"],
        "parameters": list(_parameters(route)),
        "responses": _responses(route, routes),
    }
    if route.scope is not None:
        operation["x-scope"] = route.scope
    if route.body is not None:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": ref(route.body.__name__)}},
        }
    return operation


def _parameters(route: Route) -> Iterable[Schema]:
    head, name = _path_parameter(route)
    if name:
        kind: Schema = {"type": "string"}
        if head.startswith("/v1/"):
            kind = {"type": "string", "format": "uuid"}
        yield {"name": name, "in": "path", "required": True, "schema": kind}
    for name in route.query:
        yield {"name": name, "in": "query", "schema": _PARAMETERS[name]}
    shared = ["CorrelationId", "Traceparent"]
    if route.body is not None:
        shared = ["IdempotencyKey", "IfMatch", *shared]
    for name in shared:
        yield {"$ref": f"#/components/parameters/{name}"}


def _path_parameter(route: Route) -> tuple[str, str]:
    """What comes before the parameter of a path, and its name if there is one."""
    head, _, rest = route.path.partition("{")
    return head, rest.partition("}")[0]


def _links(route: Route, routes: tuple[Route, ...]) -> dict[str, object]:
    """Where to go from an answer: to what became of it, and on with what it made."""
    made = route.answer.removesuffix("Committed").lower() if route.body else None
    wanted = {"command"} if route.success != 201 else {"command", made}
    onward = [r.operation for r in routes if made and r.resource in wanted]
    named = {name: {"$ref": f"#/components/links/{name}"} for name in onward}
    return {"links": named} if named else {}


def _link(route: Route) -> dict[str, object]:
    """A link to an operation, from an answer that holds what it works on."""
    _, name = _path_parameter(route)
    where = f"{route.resource}/{name}" if route.resource != "command" else name
    parameters = {name: f"$response.body#/{where}"}
    return {"operationId": route.operation, "parameters": parameters}


def _responses(route: Route, routes: tuple[Route, ...]) -> dict[str, Schema]:
    success = {**_success(route), **_links(route, routes)}
    responses: dict[str, Schema] = {str(route.success): success}
    if route.body is not None:
        responses["202"] = {
            "description": "Nobody can say yet; ask at `Location`",
            "content": {"application/json": {"schema": ref("CommandUnknown")}},
        }
    if route.operation in ("ready", "health"):
        responses["503"] = {
            "description": "Not ready",
            "content": {"application/json": {"schema": ref("Health")}},
        }
    by_status: dict[int, list[Code]] = {}
    for code in sorted(route.codes):
        by_status.setdefault(STATUSES[code], []).append(code)
    for status, codes in sorted(by_status.items()):
        responses[str(status)] = _problem(codes)
    return responses


def _success(route: Route) -> Schema:
    if route.answer == "text":
        content: Schema = {"text/plain": {"schema": {"type": "string"}}}
    elif route.answer == "html":
        content = {"text/html": {"schema": {"type": "string"}}}
    else:
        content = {"application/json": {"schema": ref(route.answer)}}
    success: dict[str, object] = {"description": route.summary, "content": content}
    if route.scope is not None and "events" not in route.path:
        names = ["ETag"] if route.resource != "command" else []
        names += ["Location"] if route.success == 201 else []
        names += ["Idempotent-Replayed"] if route.body is not None else []
        success["headers"] = {n: {"schema": {"type": "string"}} for n in names}
    return success


def _problem(codes: list[Code]) -> Schema:
    titles = "; ".join(f"`{code}` {CATALOGUE[code].title}" for code in codes)
    narrowed: Schema = {"properties": {"code": {"enum": [c.value for c in codes]}}}
    schema: Schema = {"allOf": [ref("Problem"), narrowed]}
    return {
        "description": titles,
        "content": {"application/problem+json": {"schema": schema}},
    }
