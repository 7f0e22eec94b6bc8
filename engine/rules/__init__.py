"""Rules: what a rule file says, checked and turned into frozen values.

`load` reads texts and gives a `RuleSet` or every finding at once; `read_paths` is the only part
that touches the file system. rules/README.md is the language's reference.

**Invariant:** loading never raises on what a user wrote, and a set with an error is never used.
Native rules and Prometheus' own stand in the same files and groups: `RuleSet.rules`, `.prom`.
What promtool accepts loads, with the same meaning; rules/README.md lists the differences.

**Invariant:** equal `version` means equal decisions; where a rule stands is no part of it.
Absent: evaluation, time, alert state.
"""

from engine.rules.backtracking import may_explode
from engine.rules.codes import RULE_CODES
from engine.rules.compile import compile_plan, plan_text, read_plan_text
from engine.rules.compute import FUNCTIONS
from engine.rules.condition import parse_condition
from engine.rules.files import find_paths, read_paths
from engine.rules.groups import GROUP_KEYS
from engine.rules.lint import LINT_CODES, lint
from engine.rules.load import load
from engine.rules.model import (
    INTERVAL_MS,
    Compute,
    Input,
    Level,
    LineFilter,
    NativeRule,
    RuleSet,
    Window,
)
from engine.rules.native import RULE_KEYS
from engine.rules.prom import PROM_RULE_KEYS
from engine.rules.schema import schema

__all__ = [
    "FUNCTIONS",
    "GROUP_KEYS",
    "INTERVAL_MS",
    "LINT_CODES",
    "PROM_RULE_KEYS",
    "RULE_CODES",
    "RULE_KEYS",
    "Compute",
    "Input",
    "Level",
    "LineFilter",
    "NativeRule",
    "RuleSet",
    "Window",
    "compile_plan",
    "find_paths",
    "lint",
    "load",
    "may_explode",
    "parse_condition",
    "plan_text",
    "read_paths",
    "read_plan_text",
    "schema",
]
