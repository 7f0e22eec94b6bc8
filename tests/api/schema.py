"""Check JSON against a Swagger 2.0 schema: as much of it as Alertmanager's file uses."""

from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

_KNOWN = {
    "$ref", "type", "properties", "required", "items", "allOf", "enum", "format", "minItems",
    "additionalProperties", "description", "default",
}  # fmt: skip
_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str, "object": dict, "array": list, "boolean": bool, "integer": int,
}  # fmt: skip


def check(spec: Any, schema: Any, value: Any, where: str) -> None:
    """Assert that a value has the form of a schema."""
    if "$ref" in schema:
        target = spec
        for part in schema["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        check(spec, target, value, where)
        return
    unknown = schema.keys() - _KNOWN
    assert not unknown, f"this check does not know {unknown}"
    for part in schema.get("allOf", ()):
        check(spec, part, value, where)
    if "type" in schema:
        assert isinstance(value, _TYPES[schema["type"]]), f"{where}: {value!r}"
    if "enum" in schema:
        assert value in schema["enum"], f"{where}: {value!r}"
    _check_format(schema.get("format"), value, where)
    if isinstance(value, dict):
        _check_object(spec, schema, value, where)
    if isinstance(value, list):
        assert len(value) >= schema.get("minItems", 0), where
        for index, element in enumerate(value):
            check(spec, schema.get("items", {}), element, f"{where}[{index}]")


def _check_object(spec: Any, schema: Any, value: dict[str, Any], where: str) -> None:
    for name in schema.get("required", ()):
        assert name in value, f"{where}: no {name}"
    for name, element in value.items():
        if name in schema.get("properties", {}):
            check(spec, schema["properties"][name], element, f"{where}.{name}")
        elif isinstance(schema.get("additionalProperties"), dict):
            check(spec, schema["additionalProperties"], element, f"{where}.{name}")


def _check_format(form: str | None, value: Any, where: str) -> None:
    if form == "date-time":
        assert value[10:11] == "T", f"{where}: {value!r}"
        assert value.endswith("Z"), f"{where}: {value!r}"
        try:
            datetime.fromisoformat(value)
        except ValueError as error:
            raise AssertionError(f"{where}: {value!r}") from error
    elif form == "uri":
        assert urlsplit(value).scheme, f"{where}: {value!r}"
