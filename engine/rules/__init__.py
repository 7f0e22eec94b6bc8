"""Rules: what a rule file says, checked and turned into frozen values.

`load` reads texts and gives a `RuleSet` or every finding at once; `read_paths` is the only part
that touches the file system. rules/README.md is the language's reference.

**Invariant:** loading never raises on what a user wrote, and a set with an error is never used.
**Invariant:** equal `version` means equal decisions; where a rule stands is no part of it.
Absent: evaluation, time, alert state.
"""

from engine.rules.codes import RULE_CODES
from engine.rules.compile import compile_plan, plan_text
from engine.rules.compute import FUNCTIONS
from engine.rules.condition import parse_condition
from engine.rules.files import find_paths, read_paths
from engine.rules.load import load
from engine.rules.model import Compute, Input, Level, LineFilter, NativeRule, RuleSet, Window
from engine.rules.native import RULE_KEYS

__all__ = [
    "FUNCTIONS",
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
    "load",
    "parse_condition",
    "plan_text",
    "read_paths",
]
