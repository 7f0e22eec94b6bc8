"""Go's text/template and html/template, for Prometheus rules and for notifications.

    from engine.template import go

    go.check(text)                    what keeps it from being read: TemplateError | None
    go.references(text)               the labels, value and queries that it reads
    go.expand(text, AlertContext(…))  the text for one alert; raises TemplateError

Parsed by Go's grammar, run as closures over plain values, printed as Go's fmt prints. Compiled
templates are cached. Notifications use the same with a `Dialect` of their own, Alertmanager's
functions and objects with methods (`GoObject`); a `Library` holds the templates of their files.

**Invariant:** a template reaches the values it was given, the methods in their tables and the
functions of its dialect, and nothing of Python; whatever it does, the only error is
TemplateError; steps, output, nesting, numbers of calls and the cost of expressions are bounded.
"""

from engine.template.go.alertmanager import ALERTMANAGER, TextList, joined
from engine.template.go.errors import Failure, TemplateError
from engine.template.go.layouts import parse_time
from engine.template.go.library import Foreign, Library
from engine.template.go.moments import ZERO_NS, Time
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
from engine.template.go.run import Run
from engine.template.go.template import Dialect, Template
from engine.template.go.values import HTML, Function, GoObject, StringMap, Value

__all__ = [
    "ALERT",
    "ALERTMANAGER",
    "FUNCTIONS",
    "HTML",
    "ZERO_NS",
    "AlertContext",
    "Dialect",
    "Failure",
    "Foreign",
    "Function",
    "GoObject",
    "Library",
    "Query",
    "QueryFailure",
    "QueryUse",
    "References",
    "Run",
    "StringMap",
    "Template",
    "TemplateError",
    "TextList",
    "Time",
    "Use",
    "Value",
    "check",
    "expand",
    "joined",
    "parse_time",
    "references",
]
