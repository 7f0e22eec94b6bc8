"""HTML templates: what an action writes is escaped, but for what is HTML already."""

from engine.template.go.quoting import html
from engine.template.go.run import Run
from engine.template.go.values import HTML, Value
from engine.template.go.verbs import text_of


def shown(run: Run, value: Value) -> str:
    """Return what an action writes in an HTML template: nothing for nil."""
    if value is None:
        return ""
    if type(value) is HTML:
        return str(value)
    return html(text_of(value, run.budget))
