"""The description of what can be asked, in OpenAPI 3.1, made from the routes and the shapes of their answers."""

from __future__ import annotations

import inspect
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Final, Union, get_args, get_origin, get_type_hints, is_typeddict

from .. import __version__

if TYPE_CHECKING:
    from .parameters import Parameter
    from .routes import Route, Routes

_PLAIN: Final[dict[Any, str]] = {str: "string", int: "integer", bool: "boolean", float: "number", NoneType: "null"}
_PROBLEM: Final[dict[str, Any]] = {
    "type": "object",
    "description": "A request that is refused, and what to do about it (RFC 9457).",
    "properties": {
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "advice": {"type": "string"},
    },
    "required": ["title", "status", "detail"],
}


def description(routes: Routes) -> dict[str, Any]:
    """The whole, as plain data."""
    schemas: dict[str, Any] = {"Problem": _PROBLEM}
    paths: dict[str, Any] = {}
    for route in routes.routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "dhcpd",
            "version": __version__,
            "summary": "Questions to the running DHCP server, and changes of what it has",
        },
        "paths": paths,
        "components": {"schemas": schemas},
    }


def _operation(route: Route, schemas: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {"summary": route.summary, "operationId": _name(route)}
    given = [_parameter(one, "path") for one in route.within] + [_parameter(one, "query") for one in route.query]
    if given:
        made["parameters"] = given
    if route.body:
        made["requestBody"] = {"required": True, "content": {"application/json": {"schema": _object(route.body)}}}
    answer: dict[str, Any] = {} if route.answers is None else {"schema": schema_of(route.answers, schemas)}
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    made["responses"] = {
        "200": {"description": "The answer.", "content": {route.content_type: answer}},
        "default": {"description": "The request is refused.", "content": problem},
    }
    return made


def _name(route: Route) -> str:
    words = [one.strip("{}") for one in route.parts if one != "v1"]
    return "_".join([route.method.lower(), *words]).replace(".", "_")


def _parameter(one: Parameter, where: str) -> dict[str, Any]:
    made: dict[str, Any] = {
        "name": one.name, "in": where, "description": one.doc, "schema": _schema(one), "required": one.required,
    }  # fmt: skip
    return made


def _schema(one: Parameter) -> dict[str, Any]:
    return dict(one.kind.schema) if one.default is None else {**one.kind.schema, "default": one.default}


def _object(fields: tuple[Parameter, ...]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {one.name: {**_schema(one), "description": one.doc} for one in fields},
        "required": [one.name for one in fields if one.required],
        "additionalProperties": False,
    }


def schema_of(hint: Any, schemas: dict[str, Any]) -> dict[str, Any]:
    """The schema of a type; that of a TypedDict is entered in `schemas`, and named."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return {**schema_of(arguments[0], schemas), "description": arguments[1]}
    if hint in _PLAIN:
        return {"type": _PLAIN[hint]}
    if origin is list:
        return {"type": "array", "items": schema_of(arguments[0], schemas)}
    if origin is dict:
        return {"type": "object", "additionalProperties": schema_of(arguments[1], schemas)}
    if origin in (Union, UnionType):
        return {"anyOf": [schema_of(one, schemas) for one in arguments]}
    assert is_typeddict(hint), f"no schema is known for {hint}"
    if hint.__name__ not in schemas:
        schemas[hint.__name__] = {}
        hints = get_type_hints(hint, include_extras=True)
        schemas[hint.__name__] = {
            "type": "object",
            "description": inspect.getdoc(hint),
            "properties": {name: schema_of(one, schemas) for name, one in hints.items()},
            "required": list(hints),
            "additionalProperties": False,
        }
    return {"$ref": f"#/components/schemas/{hint.__name__}"}
