"""Templates in files that end in .j2: Jinja2, called from any field by the file's name.

    {{ template "summary.j2" . }}

They see plain values under names of their own: lower case, times as seconds since 1970.
"""

from collections.abc import Mapping

from engine.template import ExpansionError, FileTemplate, go
from notifiers.templating.model import KV, Alert, Data

SOURCE_CHARS_MAX = 262_144
"""The length of one .j2 file."""


def jinja(source: str) -> go.Foreign:
    """Return a file's template. Raises go.TemplateError where it cannot be read."""
    template = FileTemplate(source, SOURCE_CHARS_MAX)
    problem = template.problem
    if problem is not None:
        start, length = problem.place(source)
        raise go.TemplateError(problem.message, start, start + length, source)

    def run_text(run: go.Run, dot: go.Value) -> int:
        return _run(template, run, dot, escapes=False)

    def run_html(run: go.Run, dot: go.Value) -> int:
        return _run(template, run, dot, escapes=True)

    return go.Foreign(run_text, run_html)


def _run(template: FileTemplate, run: go.Run, dot: go.Value, *, escapes: bool) -> int:
    values = _values(run, run.context.data if dot is None else dot)
    try:
        run.write(template.expand(values, run.budget, escapes=escapes))
    except ExpansionError as error:
        raise go.TemplateError(str(error), 0, 1) from None
    return 0


def _values(run: go.Run, dot: go.Value) -> dict[str, object]:
    now = {"now": run.context.now_ms / 1000.0}
    if isinstance(dot, Data):
        return _of_data(dot) | now
    if isinstance(dot, Alert):
        return _of_alert(dot) | now
    return {"value": _plain(dot)} | now


def _of_data(data: Data) -> dict[str, object]:
    parts = data.parts
    alerts = [_of_alert(alert) for alert in parts["Alerts"]]
    return {
        "receiver": parts["Receiver"],
        "status": parts["Status"],
        "reason": parts["NotificationReason"],
        "alerts": alerts,
        "firing": [alert for alert in alerts if alert["status"] == "firing"],
        "resolved": [alert for alert in alerts if alert["status"] == "resolved"],
        "group_labels": _labels(parts["GroupLabels"]),
        "common_labels": _labels(parts["CommonLabels"]),
        "common_annotations": _labels(parts["CommonAnnotations"]),
        "route_labels": _labels(parts["RouteLabels"]),
        "external_url": parts["ExternalURL"],
    }


def _of_alert(alert: Alert) -> dict[str, object]:
    parts, origin = alert.parts, alert.origin
    return {
        "status": parts["Status"],
        "labels": _labels(parts["Labels"]),
        "annotations": _labels(parts["Annotations"]),
        "starts_at": _seconds(parts["StartsAt"]),
        "ends_at": _seconds(parts["EndsAt"]),
        "generator_url": parts["GeneratorURL"],
        "fingerprint": parts["Fingerprint"],
        "level": origin.level if origin else "",
        "values": dict(origin.values) if origin else {},
        "values_at_firing": dict(origin.values_at_firing) if origin else {},
        "lines": list(origin.lines) if origin else [],
    }


def _labels(labels: KV) -> Mapping[str, str]:
    return {pair.name: pair.value for pair in labels.sorted_pairs()}


def _seconds(time: go.Time) -> float:
    """Return seconds since 1970; 0 for a time that was never set."""
    return max(time.nanoseconds, 0) / 1e9


def _plain(value: go.Value) -> object:
    """Return any value of Go's templates as one of Jinja2's."""
    if isinstance(value, Data | Alert):
        return _of_data(value) if isinstance(value, Data) else _of_alert(value)
    if isinstance(value, go.Time):
        return _seconds(value)
    if isinstance(value, KV):
        return _labels(value)
    if isinstance(value, dict):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, go.GoObject):
        text = value.go_text()
        return str(text) if text is not None else \
            {name.lower(): _plain(each) for name, each in value.go_parts().items()}  # fmt: skip
    if isinstance(value, str):
        return str(value)
    return value if value is None or isinstance(value, bool | int | float) else str(value)
