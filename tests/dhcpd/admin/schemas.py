"""As much of JSON Schema as the OpenAPI description uses: does a value fit, and a strategy for values that do."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

TYPES: dict[str, Any] = {
    "string": str, "integer": int, "boolean": bool, "array": list, "object": dict, "null": type(None),
}  # fmt: skip


def check(value: Any, schema: dict[str, Any], description: dict[str, Any], where: str = "answer") -> None:
    """Fail where a value does not fit."""
    if "$ref" in schema:
        schema = description["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if "anyOf" in schema:
        assert any(_fits(value, one, description) for one in schema["anyOf"]), f"{where}: {value!r}"
        return
    assert type(value) is TYPES[schema["type"]], f"{where}: {value!r} is no {schema['type']}"
    if schema["type"] == "array":
        for number, one in enumerate(value):
            check(one, schema["items"], description, f"{where}[{number}]")
    elif schema["type"] == "object":
        _check_object(value, schema, description, where)


def _check_object(value: dict[str, Any], schema: dict[str, Any], description: dict[str, Any], where: str) -> None:
    known = schema.get("properties", {})
    assert set(schema.get("required", ())) <= set(value), f"{where} lacks members"
    others = schema.get("additionalProperties", True)
    for name, one in value.items():
        if name in known:
            check(one, known[name], description, f"{where}.{name}")
        elif isinstance(others, dict):
            check(one, others, description, f"{where}.{name}")
        else:
            assert others, f"{where}.{name} is not described"


def _fits(value: Any, schema: dict[str, Any], description: dict[str, Any]) -> bool:
    try:
        check(value, schema, description)
    except AssertionError:
        return False
    return True


def texts(schema: dict[str, Any]) -> st.SearchStrategy[str]:
    """Texts for a parameter of this schema; one without further rules is something that there is, or anything."""
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if schema["type"] == "integer":
        return st.integers(schema["minimum"], schema["maximum"]).map(str)
    if schema["type"] == "boolean":
        return st.sampled_from(["true", "false"])
    if schema.get("format") == "ipv4":
        return st.integers(0x0A000000, 0x0A000A00).map(lambda one: f"10.0.{one >> 8 & 255}.{one & 255}")
    if "pattern" in schema:
        return st.binary(min_size=2, max_size=8).map(lambda one: one.hex(":"))
    known = st.sampled_from(["fixed", "odd", "six", "10.0.1.5", "02:00:00:00:00:07", "10.0.0.0/16", "host-1"])
    return known | st.text(st.characters(codec="utf-8"), min_size=1, max_size=30).filter(str.isprintable)
