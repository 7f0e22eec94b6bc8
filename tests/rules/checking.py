"""Write rule files in tests, and compare findings as `code: what is underlined`."""

from engine.rules import NativeRule, RuleSet, load

_BASE = {
    "alert": "A",
    "metrics": "errors",
    "window": "{tumbling: 1m}",
    "compute": "{v: sum()}",
    "when": "v > 1",
}


def one(**keys: str | None) -> str:
    """A file with one rule: a plain metric rule with some keys replaced, or None: removed."""
    if "logs" in keys and "metrics" not in keys:
        keys["metrics"] = None
        keys.setdefault("compute", "{v: count()}")
    merged = {**_BASE, **keys}
    lines = [f"{name.rstrip('_')}: {text}" for name, text in merged.items() if text is not None]
    return "groups:\n- name: g\n  rules:\n  - " + "\n    ".join(lines) + "\n"


def underlined(text: str) -> list[str]:
    lines = text.split("\n")
    return [
        f"{f.code}: {lines[f.line - 1][f.column - 1 : f.column - 1 + f.length]}"
        for f in load({"r.yml": text})[1]
    ]


def check(text: str, *expected: str) -> None:
    """All findings, in reading order, each as `code: underlined`."""
    assert underlined(text) == list(expected)


def good(text: str) -> RuleSet:
    rules, findings = load({"r.yml": text})
    assert rules is not None, findings
    return rules


def rule(text: str) -> NativeRule:
    (found,) = good(text).rules
    return found
