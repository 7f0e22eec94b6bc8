"""Templates: Jinja2 for annotations and notifications, in a sandbox with bounds.

Prometheus rules bring Go templates; `go` (its own page) reads and expands those.

`render_all` never raises: what is wrong is text in the value, "<error: …>", because a page with a
broken annotation is better than no page. Equal inputs give equal outputs, so there is no clock
here: what bounds a template is a budget of steps.

**Invariant:** a template reaches the values it was given and nothing else: no attribute of a
Python object, no import, no file. Absent: what the values mean.
"""

from engine.template import go
from engine.template.filters import FILTERS
from engine.template.go import TemplateError
from engine.template.jinja import (
    ExpansionError,
    FileTemplate,
    References,
    TemplateProblem,
    check,
    references,
    render_all,
)

__all__ = [
    "FILTERS",
    "ExpansionError",
    "FileTemplate",
    "References",
    "TemplateError",
    "TemplateProblem",
    "check",
    "go",
    "references",
    "render_all",
]
