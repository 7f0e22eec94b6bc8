"""Go's text/template, for labels and annotations of Prometheus rules.

    from engine.template import go

    go.check(text)                    what keeps it from being read: TemplateError | None
    go.references(text)               the labels, value and queries that it reads
    go.expand(text, AlertContext(…))  the text for one alert; raises TemplateError

Parsed by Go's grammar, run as closures over plain values, printed as Go's fmt prints. Compiled
templates are cached. Notifications use the same with a `Dialect` of their own: other functions,
and objects with methods (`GoObject`).

**Invariant:** a template reaches the values it was given, the methods in their tables and the
functions of its dialect, and nothing of Python; whatever it does, the only error is
TemplateError; steps, output, nesting, numbers of calls and the cost of expressions are bounded.
"""

from engine.template.go.errors import Failure, TemplateError
from engine.template.go.prometheus import (
    ALERT,
    FUNCTIONS,
    AlertContext,
    Query,
    QueryFailure,
    check,
    expand,
)
from engine.template.go.references import QueryUse, References, Use, references
from engine.template.go.template import Dialect, Template
from engine.template.go.values import HTML, Function, GoObject, StringMap

__all__ = [
    "ALERT",
    "FUNCTIONS",
    "HTML",
    "AlertContext",
    "Dialect",
    "Failure",
    "Function",
    "GoObject",
    "Query",
    "QueryFailure",
    "QueryUse",
    "References",
    "StringMap",
    "Template",
    "TemplateError",
    "Use",
    "check",
    "expand",
    "references",
]
