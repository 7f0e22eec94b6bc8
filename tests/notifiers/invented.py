"""Made-up configuration files, right and wrong, to compare two verdicts by."""

import copy
import random
import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from notifiers.fields import Field
from notifiers.receiver_types import GLOBAL_FIELDS, TYPES


def plain(text: str) -> str:
    """Mark a text that is to stand in the file without quotes."""
    return f"@@{text}@@"


GOOD: Mapping[str, list[Any]] = {
    "string": ["x", "a b"], "secret": ["s3"], "url": ["http://x/", "https://h.example/p"],
    "secret_url": ["https://h.example/s"], "proxy_url": ["http://p:3128", "socks5://p:1"],
    "bool": [True, False, plain("yes"), plain("off")], "int": [1, 10], "float": [0.5],
    "duration": ["5m", "1h30m"], "go_duration": ["5m", "1.5h"], "go_duration_text": ["1m"],
    "file": ["f"], "path": ["f"], "host_port": ["h:25"], "strings": [["a", "b"], []],
    "secrets": [["a"]], "files": [["f"]], "string_map": [{"a": "b"}],
    "secrets_map": [{"A": ["b"]}], "any_map": [{"a": [1, "x"]}],
    "template": ["x", "{{ .Status }}", "5"], "html": ["<b>x</b>"],
    "template_map": [{"a": "{{ .Status }}"}], "templates": [["a"]], "template_url": ["http://x"],
    "secret_template": ["k"], "secret_template_url": ["http://x", "http://{{ .X }}"],
    "json_template": [{"a": "b"}, 1], "json_template_map": [{"a": {"b": 1}}],
}  # fmt: skip
ANYTHING: list[Any] = [
    "", None, plain("yes"), plain("off"), 12, 0, -1, 1.5, "5m", "1d", "1.5h", "x", "http://x",
    "ftp://x", "http://", "http://u:p@h:80/%zz", "http://a:b:80/", "h:25", "a:b:25", [], {}, ["a"],
    [None], {"a": "b"}, {"a": None}, "{{ .Status }}", True, "true", "<secret>", plain("0x10"),
    plain("1_000"), "TLS12", "TLS9", "HTML", "basic", "team", "daily", "a=~\"(\"", "foo=bar",
    "https://slack.com/api/chat.postMessage", "monday:friday", "09:00", "Nowhere/X", "...",
]  # fmt: skip
KEYS = sorted({*GLOBAL_FIELDS, *(name for kind in TYPES.values() for name in kind.fields), "foo",
               "matchers", "match_re", "labels", "group_by", "authorization", "bearer_token",
               "mute_time_intervals", "equal", "credentials", "password_file"})  # fmt: skip


def text(document: Any) -> str:
    """Write a document; what is marked as plain is."""
    return re.sub(r"'?@@(.*?)@@'?", r"\1", yaml.safe_dump(document, sort_keys=False))


def value(rng: random.Random, field: Field, depth: int = 0) -> Any:
    """Return something that a field takes."""
    if field.choices:
        return rng.choice(field.choices)
    if field.kind in ("map", "maps", "map_of_maps"):
        made = entry(rng, field.fields, depth + 1)
        return made if field.kind == "map" else [made] if field.kind == "maps" else {"X-A": made}
    return copy.deepcopy(rng.choice(GOOD[field.kind]))


def entry(rng: random.Random, fields: Mapping[str, Field], depth: int = 0) -> dict[str, Any]:
    """Return an entry with some of the fields."""
    share = rng.choice((0.05, 0.2, 0.5)) / (1 + depth)
    return {
        name + ("_file" if field.file and rng.random() < 0.3 else ""): value(rng, field, depth)
        for name, field in fields.items()
        if field.required or rng.random() < share
    }


def document(rng: random.Random) -> dict[str, Any]:
    """Return a configuration that is mostly right."""
    kind = rng.choice(list(TYPES))
    receiver = {"name": "a", f"{kind}_configs": [entry(rng, TYPES[kind].fields)]}
    route: dict[str, Any] = {"receiver": "a", "routes": [
        {"matchers": ["a=b", 'c=~"d.*"'], "group_by": ["x"], "group_wait": "5s",
         "continue": True, "mute_time_intervals": ["t"], "routes": [{"match": {"a": "b"}}]},
    ]}  # fmt: skip
    interval = {"times": [{"start_time": "09:00", "end_time": "17:00"}], "weekdays": ["monday"],
                "months": ["january"], "days_of_month": ["1:15"], "years": [2030]}  # fmt: skip
    rule = {"source_matchers": ["a=b"], "target_match_re": {"c": "d|e"}, "equal": ["x"]}
    return {
        "global": entry(rng, GLOBAL_FIELDS),
        "route": route,
        "receivers": [receiver, {"name": "b"}],
        "inhibit_rules": [rule],
        "time_intervals": [{"name": "t", "time_intervals": [interval]}],
    }


def _places(node: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield before
    pairs = (
        node.items()
        if isinstance(node, dict)
        else enumerate(node)
        if isinstance(node, list)
        else ()
    )
    for key, child in pairs:
        yield from _places(child, (*before, key))


def mutate(rng: random.Random, made: Any) -> None:
    """Change one thing anywhere in a document."""
    *way, last = rng.choice([place for place in _places(made) if place])
    parent = made
    for key in way:
        parent = parent[key]
    dice = rng.random()
    there = parent[last]
    if dice < 0.3:
        del parent[last]
    elif dice < 0.5 and isinstance(there, dict):
        there[rng.choice(KEYS)] = copy.deepcopy(rng.choice(ANYTHING))
    elif dice < 0.5 and isinstance(there, list):
        there.append(copy.deepcopy(rng.choice([*ANYTHING, *there])))
    else:
        parent[last] = copy.deepcopy(rng.choice(ANYTHING))
