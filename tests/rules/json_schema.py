"""A plain reading of the JSON Schema keywords that engine.rules.schema uses (draft 7)."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

_TYPES: Mapping[str, Any] = {
    "object": dict, "array": list, "string": str, "boolean": bool, "null": type(None),
    "number": (int, float),
}  # fmt: skip
KNOWN = {
    "$schema", "title", "description", "definitions", "$ref", "type", "enum", "const", "anyOf",
    "oneOf", "not", "if", "then", "else", "properties", "required", "additionalProperties",
    "propertyNames", "minProperties", "maxProperties", "items", "uniqueItems", "minLength",
    "pattern",
}  # fmt: skip


class Validator:
    """Says what is wrong with a value: texts of the form `path: keyword`."""

    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._root = schema

    def errors(self, value: Any) -> list[str]:
        return list(self._all(value, self._root, ""))

    def _fits(self, value: Any, schema: Any) -> bool:
        return not list(self._all(value, schema, ""))

    def _all(self, value: Any, schema: Any, path: str) -> Iterator[str]:
        assert set(schema) <= KNOWN, set(schema) - KNOWN
        if "$ref" in schema:
            name = schema["$ref"].removeprefix("#/definitions/")
            yield from self._all(value, self._root["definitions"][name], path)
            return
        for keyword, wanted in schema.items():
            if not self._keyword(keyword, wanted, value, schema):
                yield f"{path}: {keyword}"
        if "if" in schema:
            branch = "then" if self._fits(value, schema["if"]) else "else"
            if branch in schema:
                yield from self._all(value, schema[branch], path)
        if isinstance(value, dict):
            yield from self._members(value, schema, path)
        if isinstance(value, list) and "items" in schema:
            for index, item in enumerate(value):
                yield from self._all(item, schema["items"], f"{path}/{index}")

    def _members(self, value: dict[str, Any], schema: Any, path: str) -> Iterator[str]:
        properties = schema.get("properties", {})
        for name, member in value.items():
            if "propertyNames" in schema and not self._fits(name, schema["propertyNames"]):
                yield f"{path}/{name}: propertyNames"
            if name in properties:
                yield from self._all(member, properties[name], f"{path}/{name}")
            elif schema.get("additionalProperties") is False:
                yield f"{path}/{name}: additionalProperties"
            elif "additionalProperties" in schema:
                yield from self._all(member, schema["additionalProperties"], f"{path}/{name}")

    def _keyword(self, keyword: str, wanted: Any, value: Any, schema: Any) -> bool:
        match keyword:
            case "type":
                return any(
                    self._is(value, name)
                    for name in ([wanted] if isinstance(wanted, str) else wanted)
                )
            case "enum":
                return any(value == one and type(value) is type(one) for one in wanted)
            case "const":
                return bool(value == wanted)
            case "anyOf":
                return any(self._fits(value, one) for one in wanted)
            case "oneOf":
                return sum(self._fits(value, one) for one in wanted) == 1
            case "not":
                return not self._fits(value, wanted)
            case "required":
                return not isinstance(value, dict) or set(wanted) <= set(value)
            case "minProperties":
                return not isinstance(value, dict) or len(value) >= wanted
            case "maxProperties":
                return not isinstance(value, dict) or len(value) <= wanted
            case "uniqueItems":
                return not isinstance(value, list) or len({repr(v) for v in value}) == len(value)
            case "minLength":
                return not isinstance(value, str) or len(value) >= wanted
            case "pattern":
                return not isinstance(value, str) or re.search(wanted, value) is not None
        return True

    def _is(self, value: Any, name: str) -> bool:
        if isinstance(value, bool):
            return name == "boolean"
        return isinstance(value, _TYPES[name])
