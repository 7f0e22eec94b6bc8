"""How much a selector leaves open: what a silence for nearly everything is known by."""

from engine.series.matcher import Matcher, Selector

_PROBES = ("a", "0", "Zq7-_/ \u00fcn\u00ef", "x" * 40, "\n\u2603", "zZ.")
"""Values that nobody names: what takes all of them takes any."""
_EVERYBODYS = frozenset({"alertname"})
"""Labels that every alert has."""


def breadth(selector: Selector) -> str:
    """Say what a selector takes where none of its matchers names anything, else return "".

    `alertname=~".+"` takes "every alert", `severity!="info"` "every alert but those with
    severity="info"". One matcher that takes only some values makes a selector narrow.
    """
    if not all(_is_open(matcher) for matcher in selector):
        return ""
    needed = [m.name for m in selector if not m.matches({}) and m.name not in _EVERYBODYS]
    excepted = [m for m in selector if m.operator in ("!=", "!~") and m.value]
    said = "every alert"
    if needed:
        plural = "s" if len(set(needed)) > 1 else ""
        said += f" that has the label{plural} {', '.join(dict.fromkeys(needed))}"
    if excepted:
        said += " but those with " + " or ".join(map(_excepted, excepted))
    return said


def names_nothing(selector: Selector) -> bool:
    """Say whether a selector asks for no label at all: a silence of it is refused.

    As in Alertmanager `a!="b"` counts as asking, although a label set without `a` passes.
    """
    return all(m.operator in ("=", "=~") and m.matches({}) for m in selector)


def _excepted(matcher: Matcher) -> str:
    return str(Matcher(matcher.name, "=" if matcher.operator == "!=" else "=~", matcher.value))


def _is_open(matcher: Matcher) -> bool:
    return all(matcher.matches({matcher.name: probe}) for probe in _PROBES)
