"""Vectors: PromQL expressions evaluated on columns over series and over time steps.

Invariant: what an expression gives does not depend on how often it was evaluated before; label
work is done once a row and kept, numbers are numpy columns of (rows, steps). No clock, no I/O:
samples come from a `Source`.
"""

from engine.vector.evaluate import DEFAULT_STEP_MS, Evaluator
from engine.vector.invariance import Tree
from engine.vector.labelling import Finisher, finish, rows, without_metadata
from engine.vector.labels import Labels, LabelSet, label_set
from engine.vector.leaves import COUNTER_FUNCTIONS, COUNTER_SUFFIXES, NAME_KEEPING
from engine.vector.matrix import (
    Annotations,
    EvaluationError,
    Exchanged,
    Floats,
    Mask,
    Matrix,
    Scalar,
    Source,
    Text,
    Times,
    Value,
)
from engine.vector.partial import PARTIAL, Part, PartialMerge, memo_of, merge_partials, partial
from engine.vector.wording import SAME_LABELSET

__all__ = [
    "COUNTER_FUNCTIONS",
    "COUNTER_SUFFIXES",
    "DEFAULT_STEP_MS",
    "NAME_KEEPING",
    "PARTIAL",
    "SAME_LABELSET",
    "Annotations",
    "EvaluationError",
    "Evaluator",
    "Exchanged",
    "Finisher",
    "Floats",
    "LabelSet",
    "Labels",
    "Mask",
    "Matrix",
    "Part",
    "PartialMerge",
    "Scalar",
    "Source",
    "Text",
    "Times",
    "Tree",
    "Value",
    "finish",
    "label_set",
    "memo_of",
    "merge_partials",
    "partial",
    "rows",
    "without_metadata",
]
