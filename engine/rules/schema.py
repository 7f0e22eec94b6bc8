"""The JSON Schema of rule files, for editors: made of the same tables that the loader reads by.

It accepts whatever loads, and refuses what can be seen without reading expressions, selectors and
templates: keys, kinds of values, durations, choices. Draft 7, which editors' YAML plug-ins speak.
"""

from collections.abc import Collection, Mapping
from typing import Any

from engine.document import DURATION_PATTERN
from engine.rules.compute import FUNCTIONS
from engine.rules.groups import GROUP_KEYS
from engine.rules.native import RULE_KEYS
from engine.rules.prom import PROM_RULE_KEYS
from engine.series import METRIC_NAME

Schema = dict[str, Any]

_NAME = "^[A-Za-z_][A-Za-z0-9_]*$"
_TEXT: Schema = {"type": ["string", "number", "boolean"], "minLength": 1}
_DURATION: Schema = {
    "anyOf": [{"type": "string", "pattern": DURATION_PATTERN}, {"enum": [0]}, {"type": "null"}],
    "description": "A duration as Prometheus writes it: 500ms, 15s, 5m, 1h30m.",
}
_ZERO: Schema = {
    "anyOf": [{"type": "string", "pattern": "^(0+(y|w|d|h|m|s|ms))+$|^0$"},
              {"enum": [0]}, {"type": "null"}],
}  # fmt: skip
_TEXTS: Schema = {
    "type": ["object", "null"],
    "propertyNames": {"minLength": 1},
    "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
}
_LABELS: Schema = {**_TEXTS, "propertyNames": {"minLength": 1, "not": {"enum": [METRIC_NAME]}}}
_NATIVE_LABELS: Schema = {
    "type": ["object", "null"],
    "propertyNames": {"pattern": "^(?!__)(?!alertname$)[A-Za-z_][A-Za-z0-9_]*$"},
    "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
    "maxProperties": 40,
}
_BY: Schema = {
    "type": "string",
    "pattern": "^(?!__)(?!(alertname|severity)$)[A-Za-z_][A-Za-z0-9_]*$",
}

_MEANING: Mapping[str, str] = {
    "alert": "The alert's name.",
    "record": "The metric that the result is written to.",
    "expr": "What it watches, in PromQL.",
    "metrics": "A PromQL selector: what a native rule reads.",
    "logs": "A LogQL selector and line filters: what a native rule reads.",
    "window": "Over which time, in which steps.",
    "by": "The labels that tell alerts of this rule apart.",
    "compute": "Numbers over the window, by name.",
    "when": "The condition, or conditions by level, from mild to severe.",
    "recover": "The condition that ends a firing alert.",
    "for": "How long the condition must hold before the alert fires.",
    "keep_firing_for": "How long the alert goes on after its end.",
    "evaluate": "At each step, or also when a record arrives.",
    "no_data": "What an empty window does: ok ends the alert, keep leaves it.",
    "labels": "More labels; texts are templates.",
    "annotations": "Texts for people; they are templates.",
    "id": "Keeps the rule's identity when it or its group is renamed.",
    "tenant": "Whose rule it is.",
    "name": "The group's name, unique in its file.",
    "interval": "How often the rules are evaluated; the step of sliding windows.",
    "limit": "How many alerts or series a rule may give; 0: any number.",
    "query_offset": "How far in the past the rules look.",
    "rules": "The rules, evaluated in this order.",
}


def schema() -> Schema:
    """Return the schema of a rule file."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Rules of Tocsin and Prometheus",
        "if": {"type": "object", "required": ["apiVersion"]},
        "then": {"$ref": "#/definitions/object"},
        "else": {"anyOf": [{"type": "null"}, {"$ref": "#/definitions/file"}]},
        "definitions": {
            "file": _file(),
            "object": _object(),
            "group": _group(),
            "rule": _rule(),
            "alerting": _prometheus("alert", {"for": _DURATION, "keep_firing_for": _DURATION,
                                              "annotations": _TEXTS}),
            "recording": _prometheus("record", {"for": _ZERO, "keep_firing_for": _ZERO,
                                                "annotations": {**_TEXTS, "maxProperties": 0}}),
            "native": _native(),
        },
    }  # fmt: skip


def _mapping(properties: Mapping[str, Schema], required: Collection[str]) -> Schema:
    described = {
        name: {**value, "description": _MEANING[name]} if name in _MEANING else value
        for name, value in properties.items()
    }
    return {"type": "object", "properties": described, "required": sorted(required),
            "additionalProperties": False}  # fmt: skip


def _list_of(name: str) -> Schema:
    item = {"anyOf": [{"type": "null"}, {"$ref": f"#/definitions/{name}"}]}
    return {"type": ["array", "null"], "items": item}


def _file() -> Schema:
    filled = _mapping({"groups": _list_of("group")}, ["groups"])
    return {"anyOf": [filled, {"type": "object", "maxProperties": 0}]}


def _object() -> Schema:
    rules = _mapping(
        {"apiVersion": {"type": "string"}, "kind": {"const": "PrometheusRule"},
         "metadata": {}, "spec": _file(), "status": {}},
        ["apiVersion", "kind", "spec"],
    )  # fmt: skip
    kinds = {"enum": ["PrometheusRuleList", "List"]}
    items = {"type": "array", "items": {"$ref": "#/definitions/object"}}
    several = {"type": "object", "properties": {"kind": kinds, "items": items},
               "required": ["kind", "items"]}  # fmt: skip
    return {"anyOf": [rules, several]}


def _group() -> Schema:
    properties: dict[str, Schema] = {
        "name": _TEXT, "interval": _DURATION, "limit": {"type": ["number", "null"]},
        "query_offset": _DURATION, "labels": _LABELS, "tenant": _TEXT, "rules": _list_of("rule"),
    }  # fmt: skip
    assert set(properties) == set(GROUP_KEYS), "a key of groups has no schema"
    return _mapping(properties, ["name"])


def _rule() -> Schema:
    """Tell the three kinds apart as the loader does, so that an editor says what is meant."""
    ours = [{"required": [key]} for key in ("metrics", "logs", "window", "compute", "when")]
    theirs = [{"required": [key]} for key in ("expr", "record")]
    return {
        "if": {"anyOf": ours, "not": {"anyOf": theirs}},
        "then": {"$ref": "#/definitions/native"},
        "else": {
            "if": {"required": ["record"]},
            "then": {"$ref": "#/definitions/recording"},
            "else": {"$ref": "#/definitions/alerting"},
        },
    }


def _prometheus(kind: str, only: Mapping[str, Schema]) -> Schema:
    name = {**_TEXT, "pattern": "^[^{}]+$"} if kind == "record" else _TEXT
    properties = {
        kind: name, "expr": _TEXT, "labels": _LABELS,
        "id": {"type": ["string", "number", "boolean", "null"]}, **only,
    }  # fmt: skip
    other = "alert" if kind == "record" else "record"
    assert {*properties, other} == set(PROM_RULE_KEYS), "a key of Prometheus rules has no schema"
    return _mapping(properties, [kind, "expr"])


def _native() -> Schema:
    window = {
        "oneOf": [
            _mapping({"tumbling": _DURATION}, ["tumbling"]),
            _mapping({"sliding": _DURATION, "every": _DURATION}, ["sliding"]),
        ]
    }
    call = {"type": "string", "pattern": rf"^\s*({'|'.join(FUNCTIONS)})\s*\((.|\n)*\)\s*$"}
    level = {"pattern": "^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"}
    levels = {"type": "object", "minProperties": 1, "propertyNames": level,
              "additionalProperties": _TEXT}  # fmt: skip
    properties: dict[str, Schema] = {
        "alert": _TEXT, "metrics": {"type": "string", "minLength": 1},
        "logs": {"type": "string", "minLength": 1}, "window": window,
        "by": {"anyOf": [_BY, {"type": "array", "items": _BY, "uniqueItems": True}]},
        "compute": {"type": "object", "propertyNames": {"pattern": _NAME},
                    "additionalProperties": {"anyOf": [call, {"type": "null"}]}},
        "when": {"anyOf": [_TEXT, levels]}, "recover": _TEXT, "for": _DURATION,
        "keep_firing_for": _DURATION, "evaluate": {"enum": ["tick", "arrival"]},
        "no_data": {"enum": ["ok", "keep"]}, "labels": _NATIVE_LABELS,
        "annotations": {**_TEXTS, "maxProperties": 40}, "id": _TEXT, "tenant": _TEXT,
    }  # fmt: skip
    assert set(properties) == set(RULE_KEYS), "a key of native rules has no schema"
    found = _mapping(properties, ["alert", "window", "compute", "when"])
    return {**found, "oneOf": [{"required": ["metrics"]}, {"required": ["logs"]}]}
