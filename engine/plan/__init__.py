"""Plans: what is asked of the streams, in one form for every rule language."""

from engine.plan.expression import (
    Binary,
    Column,
    Expression,
    Name,
    Negate,
    Not,
    Number,
    comparisons,
    evaluate,
    names,
)
from engine.plan.model import (
    EMPTY_PLAN,
    ComputedColumn,
    Feed,
    Leaf,
    Plan,
    Predicate,
    RuleLevel,
    RulePlan,
    Store,
)

__all__ = [
    "EMPTY_PLAN",
    "Binary",
    "Column",
    "ComputedColumn",
    "Expression",
    "Feed",
    "Leaf",
    "Name",
    "Negate",
    "Not",
    "Number",
    "Plan",
    "Predicate",
    "RuleLevel",
    "RulePlan",
    "Store",
    "comparisons",
    "evaluate",
    "names",
]
