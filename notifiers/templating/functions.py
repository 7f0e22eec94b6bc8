"""What Alertmanager's functions do, with the one that needs the data of a notification."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from engine.template import go
from notifiers.templating.model import Data


@dataclass(slots=True)
class Expansion:
    """What functions know of the expansion that runs: the time, the data, how to expand a text.

    `expanding` holds the names of route labels that are being expanded.
    """

    now_ms: int
    data: go.Value  # Data, wherever there are labels of a route
    compile: Callable[[str], go.Template]
    expanding: list[str] = field(default_factory=list)


def _route_labels(run: go.Run, name: str) -> str:
    """Expand a label of the route, which may be a template itself."""
    expansion: Expansion = run.context
    data = expansion.data
    text = data.parts["RouteLabels"].data.get(name, "") if isinstance(data, Data) else ""
    if "{{" not in text:
        return str(text)
    if name in expansion.expanding:
        raise go.Failure(f"the route label {name!r} refers to itself")
    expansion.expanding.append(name)
    try:
        template = expansion.compile(text)
        return template.expand(
            expansion.data, expansion, output_bytes_max=run.left, budget=run.budget
        )
    except go.TemplateError as error:
        raise go.Failure(f"in the route label {name!r}: {error}") from None
    finally:
        expansion.expanding.pop()


FUNCTIONS: Mapping[str, go.Function] = {
    **go.ALERTMANAGER,
    "routeLabels": go.Function(_route_labels, ("string",)),
}
"""Functions by name, beside those of text/template."""
