"""Templates of Prometheus rules: its functions, and what labels and annotations may read."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from engine.limits import DEFAULT_LIMITS
from engine.template.go import humanize, network, words
from engine.template.go.errors import Failure, TemplateError
from engine.template.go.expressions import find, replace
from engine.template.go.quoting import url_query
from engine.template.go.template import Dialect
from engine.template.go.values import HTML, Function, GoObject, StringMap, Value, clean

if TYPE_CHECKING:
    from engine.template.go.run import Run

Query = Callable[[str], Sequence[tuple[Mapping[str, str], float]]]
"""Evaluates PromQL now: (labels with __name__, value) of each series."""


class QueryFailure(Exception):  # noqa: N818 - raised by callers' queries to say why
    """A query in a template failed; its text goes into the template's error."""


@dataclass(frozen=True, slots=True)
class AlertContext:
    """What the templates of one alert see. `query` is None where queries are not possible."""

    labels: Mapping[str, str]
    value: float
    external_labels: Mapping[str, str]
    external_url: str
    now_ms: int
    query: Query | None = None


class Sample(GoObject):
    """One row of a query's result."""

    __slots__ = ("labels", "value")
    go_type = "*template.sample"
    go_kind = "pointer"

    def __init__(self, labels: Mapping[str, str], value: float) -> None:
        self.labels = StringMap(labels)
        self.value = value

    def go_field(self, name: str) -> Value:
        """Return Labels or Value."""
        return self.go_parts()[name]

    def go_parts(self) -> Mapping[str, Value]:
        """Return the fields."""
        return {"Labels": self.labels, "Value": self.value}

    def go_key(self) -> object:
        """Return who it is: Go compares pointers."""
        return id(self)


class Samples(list[Sample]):
    """A query's result."""

    __slots__ = ()
    go_type = "template.queryResult"


class _Alert(GoObject):
    """The data `.` of an alert's templates."""

    __slots__ = ("parts",)
    go_type = (
        "struct { Labels map[string]string; ExternalLabels map[string]string; ExternalURL string; "
        "Value interface {} }"
    )

    def __init__(self, context: AlertContext) -> None:
        self.parts: dict[str, Value] = {
            "Labels": StringMap(context.labels),
            "ExternalLabels": StringMap(context.external_labels),
            "ExternalURL": context.external_url,
            "Value": context.value,
        }

    def go_field(self, name: str) -> Value:
        """Return a field."""
        return self.parts[name]

    def go_parts(self) -> Mapping[str, Value]:
        """Return the fields."""
        return self.parts


def _query(run: "Run", text: str) -> Value:
    query: Query | None = getattr(run.context, "query", None)
    if query is None:
        raise Failure("queries are not possible here")
    run.budget.spend(100)
    try:
        rows = query(text)
    except QueryFailure as failure:
        raise Failure(str(failure)) from None
    run.budget.spend(len(rows))
    return Samples(Sample(labels, value) for labels, value in rows)


def _first(_run: "Run", samples: Value) -> Value:
    if not samples:
        raise Failure("the query found nothing (use `with query … | first` only behind a check)")
    return samples[0]


def _sample(sample: Value) -> Sample:
    if not isinstance(sample, Sample):
        raise Failure("a sample is wanted")
    return sample


def _sorted(run: "Run", label: str, samples: Value) -> Value:
    run.budget.spend(len(samples or ()))
    return Samples(sorted(samples or (), key=lambda sample: sample.labels.data.get(label, "")))


def _text(call: Callable[[str], Value]) -> Function:
    return Function(lambda _run, text: call(text), ("string",))


def _number(call: Callable[[Value], Value]) -> Function:
    return Function(lambda _run, value: call(value), ("any",))


def _path(run: "Run") -> Value:
    return urlsplit(run.context.external_url).path


def _link(tab: int) -> Function:
    return _text(lambda text: f"/graph?g0.expr={url_query(text)}&g0.tab={tab}")


FUNCTIONS: Mapping[str, Function] = {
    "args": Function(
        lambda _run, *values: {f"arg{at}": value for at, value in enumerate(values)}, (), "any"
    ),
    "externalURL": Function(lambda run: run.context.external_url),
    "first": Function(_first, ("template.queryResult",)),
    "graphLink": _link(0),
    "humanize": _number(humanize.humanize),
    "humanize1024": _number(humanize.humanize1024),
    "humanizeDuration": _number(humanize.humanize_duration),
    "humanizePercentage": _number(humanize.humanize_percentage),
    "humanizeTimestamp": _number(humanize.humanize_timestamp),
    "label": Function(
        lambda _run, name, sample: _sample(sample).labels.data.get(name, ""),
        ("string", "*template.sample"),
    ),
    "match": Function(
        lambda run, pattern, text: find(pattern, text, run.budget), ("string", "string")
    ),
    "now": Function(lambda run: run.context.now_ms / 1000.0),
    "parseDuration": _text(humanize.parse_duration),
    "pathPrefix": Function(_path),
    "query": Function(_query, ("string",)),
    "reReplaceAll": Function(
        lambda run, pattern, by, text: replace(pattern, by, text, run.budget),
        ("string", "string", "string"),
    ),
    "safeHtml": _text(HTML),
    "sortByLabel": Function(_sorted, ("string", "template.queryResult")),
    "stripDomain": _text(network.without_domain),
    "stripPort": _text(network.without_port),
    "strvalue": Function(
        lambda _run, sample: _sample(sample).labels.data.get("__value__", ""),
        ("*template.sample",),
    ),
    "tableLink": _link(1),
    "title": _text(words.title),
    "toDuration": _number(humanize.to_duration),
    "toLower": _text(words.lower),
    "toTime": _number(humanize.to_time),
    "toUpper": _text(words.upper),
    "urlQueryEscape": _text(url_query),
    "value": Function(lambda _run, sample: _sample(sample).value, ("*template.sample",)),
}
"""Prometheus's functions by name, beside those of text/template."""

TMPL = Function(lambda run, name, data: HTML(run.captured(name, data)), ("string", "any"))
"""`tmpl` of HTML templates: a template whose name is made when it runs."""

ALERT = Dialect(
    FUNCTIONS,
    ("$labels", "$externalLabels", "$externalURL", "$value"),
    lambda data: (
        data.parts["Labels"], data.parts["ExternalLabels"], data.parts["ExternalURL"],
        data.parts["Value"],
    ),
)  # fmt: skip
"""Labels and annotations of alerting rules."""


def expand(
    text: str,
    context: AlertContext,
    *,
    output_bytes_max: int = DEFAULT_LIMITS.template_output_bytes_max,
) -> str:
    """Return a label's or annotation's text for one alert. Raises TemplateError."""
    if "{{" not in text and len(text) * 4 <= output_bytes_max:
        return clean(text)
    template = ALERT.compile(text)
    return template.expand(_Alert(context), context, output_bytes_max=output_bytes_max)


@lru_cache(maxsize=8_192)
def check(text: str) -> TemplateError | None:
    """Return what keeps a template from being read, or None; Prometheus's own check at load."""
    if "{{" not in text:
        return None
    try:
        ALERT.parse(text)
    except TemplateError as error:
        return error
    return None
