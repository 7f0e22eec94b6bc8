"""Lints: what is allowed in a rule and is hardly ever meant. All findings are warnings.

`lint` looks at what `load` made of rule files. One function is one check; they look at the tree of
the expression, at what templates read, and at the other rules of the set. Nothing is asked of a
server. rules/README.md has the table of all lints beside those of pint.

**Invariant:** a lint never raises and never changes a verdict: `tocsin check` fails on errors only.
"""

from engine.rules.lint.run import lint
from engine.rules.lint.subject import Options
from engine.rules.lint.table import LINT_CODES, LINTS

__all__ = ["LINTS", "LINT_CODES", "Options", "lint"]
