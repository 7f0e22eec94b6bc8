"""Values as the escapers of HTML take them."""

from engine.template.go.run import Run
from engine.template.go.values import HTML, URL, GoObject, Value
from engine.template.go.verbs import text_of


def content(run: Run, value: Value) -> tuple[str, type]:
    """Return a value as text, and what its author says it is: str, HTML or URL."""
    kind = type(value)
    if kind in (str, HTML, URL):
        return str(value), kind
    if value is None:
        return "", str
    text = text_of(value, run.budget)
    # Pointers are followed.
    is_pointer = isinstance(value, GoObject) and value.go_kind == "pointer"
    return (text.removeprefix("&") if is_pointer else text), str
