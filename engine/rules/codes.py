"""Every finding code of rule files; rules/README.md explains each (a test compares them)."""

from collections.abc import Mapping

RULE_CODES: Mapping[str, str] = {
    "rules-limit": "More rules, levels or computed columns than the limits allow.",
    "group-duplicate": "Two groups of one file have the same name.",
    "rule-duplicate": "Two rules have the same identity: the same `id`, or group and alert name.",
    "rule-input": "A rule has neither or both of `metrics` and `logs`.",
    "rule-language": "A rule in a language that is not supported yet, such as `expr:`.",
    "name": "A name with characters that its place does not allow, or a reserved one.",
    "selector": "A selector that cannot be read, or one that selects everything.",
    "line-filter": "What follows a log selector is no line filter.",
    "regex": "A regular expression that does not compile or that RE2 does not know.",
    "regex-cost": "A regular expression that may take for ever on an unlucky text.",
    "window": "`window` is none of `{tumbling: 1m}` and `{sliding: 1m, every: 5s}`.",
    "window-every": "The window is not a whole number of its steps.",
    "window-panes": "The window has more steps than the limits allow.",
    "compute": "An entry of `compute` is no known function with the arguments it takes.",
    "compute-unused": "A computed column that no condition, label or annotation reads (warning).",
    "by-duplicate": "A label is in `by` twice.",
    "condition": "A condition that cannot be read.",
    "condition-name": "A condition reads a name that `compute` does not define.",
    "condition-type": "A number stands where a condition must be, or the other way round.",
    "condition-constant": "A condition that reads no computed column never changes.",
    "condition-limit": "A condition that is too long or too deep.",
    "severity-fixed": "`labels.severity` beside levels, which set that label themselves.",
    "label-name": "A label name that is not allowed, or one that Tocsin sets itself.",
    "template": "A Jinja2 template that does not compile.",
    "template-name": "A template reads a name that does not exist.",
}
