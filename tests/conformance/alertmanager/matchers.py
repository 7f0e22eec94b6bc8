"""Matchers and label names in the three modes that Alertmanager has."""

from typing import Any

from engine.series import MatcherMode, MatcherTextError, Selector, parse_matcher, parse_matchers
from notifiers.config import is_label_name
from tests.conformance.alertmanager.scenes import judged, one_part, scenario
from tests.conformance.corpora import Part, Tally

_FILE = "matchers.yaml"
_LISTS: dict[str, tuple[MatcherMode, bool]] = {
    "utf8_many": ("utf8", True),
    "utf8_one": ("utf8", False),
    "fallback_one": ("fallback", False),
    "fallback_many": ("fallback", True),
    "classic_one": ("classic", False),
    "classic_many": ("classic", True),
}


def parts(only: str = "") -> list[Part]:
    """Return the cases."""
    return one_part(run, _FILE, only)


def run(only: str = "") -> Tally:
    """Judge every case."""
    found = scenario(_FILE)
    cases: dict[str, Any] = {}
    for kind, (mode, many) in _LISTS.items():
        for number, case in enumerate(found.get(kind, ())):
            cases[f"{kind} {number} {case['input'][:40]!r}"] = (_judge, (mode, many, case))
    for kind, names in found.get("label_names", {}).items():
        for name in names:
            cases[f"{kind} {name!r}"] = (_name, (kind, name))
    return judged("matchers", cases, only)


def _parsed(mode: MatcherMode, many: bool, text: str) -> Selector:
    if many:
        return parse_matchers(text, mode)
    if mode == "utf8":
        # Upstream's case asks the grammar, which knows braces; a command that takes one does not.
        found = parse_matchers(text, mode)
        if len(found) != 1:
            raise MatcherTextError(f"{len(found)} matchers")
        return found
    return (parse_matcher(text, mode),)


def _judge(given: tuple[MatcherMode, bool, Any]) -> str:
    mode, many, case = given
    if mode == "classic" and not case.get("parsers_disagree"):
        # Upstream asks its newer grammar alone here (name-with-dashes); the default mode has both.
        mode = "fallback"
    try:
        found = _parsed(mode, many, case["input"])
    except MatcherTextError as error:
        return "" if "error" in case else f"refused: {error}"
    got = [{"name": m.name, "op": m.operator, "value": m.value} for m in found]
    if "error" in case:
        return f"accepted as {got}; Alertmanager: {case['error']}"
    wanted = case.get("matchers") or []
    return "" if got == wanted else f"expected {wanted}, got {got}"


def _name(given: tuple[str, str]) -> str:
    kind, name = given
    mode, _, verdict = kind.partition("_")
    assert mode in ("classic", "utf8"), f"no mode {mode}"
    valid = is_label_name(name, mode)  # type: ignore[arg-type]
    return "" if valid == (verdict == "valid") else f"valid: {valid}"
