"""Alerts in Alertmanager's v2 form: list, list by group, post."""

import re
from collections.abc import Callable

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from engine.alerts import PostedAlert
from engine.api import timestamp
from engine.api.body import Refusal, decode_json, read_plain, require_json
from engine.api.context import Context
from engine.api.labels import annotations_problem, labels_problem
from engine.api.listing import ReceiverFilter, answer, flag, matchers, matches
from engine.api.settle import append_entries
from engine.api.views import AlertView, GroupView
from engine.api.wire import alert_json, group_json
from engine.metrics import counter

_URI = re.compile(r"/|[a-zA-Z][a-zA-Z0-9+.-]*:")
RECEIVED = counter("tocsin_alerts_received_total", "Alerts that were posted.", ["status"])


class PostableAlert(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """`postableAlert`; null is Go's empty text."""

    labels: dict[str, str | None]
    annotations: dict[str, str | None] | None = None
    starts_at: str | None = None
    ends_at: str | None = None
    generator_url: str | None = msgspec.field(default=None, name="generatorURL")


_decoder = msgspec.json.Decoder(list[PostableAlert] | None)


async def list_alerts(request: Request, context: Context) -> Response:
    """GET /api/v2/alerts."""
    wanted = _alert_filter(request, context)
    receivers = ReceiverFilter(request, context)
    view, now_ms = context.view(), context.deps.now_ms()
    names = receivers.names(view)
    found = [
        alert
        for alert in view.alerts(now_ms)
        if (names is None or not names.isdisjoint(alert.receivers)) and wanted(alert, now_ms)
    ]
    found.sort(key=lambda alert: alert.fingerprint)
    return answer(request, [alert_json(alert) for alert in found])


async def list_groups(request: Request, context: Context) -> Response:
    """GET /api/v2/alerts/groups. Of a muted group that is left out the receiver is still named."""
    wanted = _alert_filter(request, context)
    receivers = ReceiverFilter(request, context)
    muted = flag(request, "muted")
    view, now_ms = context.view(), context.deps.now_ms()
    names = receivers.names(view)
    found: list[tuple[GroupView, list[AlertView]]] = []
    told: dict[str, list[str]] = {}  # by fingerprint: the receivers of the groups that were found
    for group in view.groups(now_ms):
        if names is not None and group.receiver not in names:
            continue
        alerts = [alert for alert in group.alerts if wanted(alert, now_ms)]
        if alerts:
            found.append((group, alerts))
        for alert in alerts:
            told.setdefault(alert.fingerprint, []).append(group.receiver)
    receivers_of = {mark: tuple(sorted(each)) for mark, each in told.items()}
    return answer(
        request,
        [
            group_json(group, alerts, receivers_of)
            for group, alerts in found
            if muted or not group.muted
        ],
    )


async def post_alerts(request: Request, context: Context) -> Response:
    """POST /api/v2/alerts: valid ones are taken even where others are not, as Alertmanager does."""
    require_json(request, "alerts")
    limits = context.deps.settings.limits
    posted = decode_json(await read_plain(request, limits.request_bytes_max), _decoder) or []
    if len(posted) > limits.alerts_per_request_max:
        raise Refusal(
            413, f"{len(posted)} alerts in one request "
            f"(limits.alerts_per_request_max: {limits.alerts_per_request_max})"
        )  # fmt: skip
    now_ms = context.deps.now_ms()
    taken: list[PostedAlert] = []
    problems: list[str] = []
    for alert in posted:
        try:
            taken.append(_taken(alert, context, now_ms))
        except ValueError as error:
            problems.append(str(error))
    await append_entries(request, context.deps, context.proxy, taken)
    firing = sum(entry.ends_at_ms > now_ms for entry in taken)
    for status, number in (
        ("firing", firing), ("resolved", len(taken) - firing), ("invalid", len(problems)),
    ):  # fmt: skip
        RECEIVED.labels(status).inc(number)
    if problems:
        raise Refusal(400, "\n".join(problems[:100]))
    return Response(status_code=200)


def _alert_filter(request: Request, context: Context) -> Callable[[AlertView, int], bool]:
    selector = matchers(request, context)
    active, silenced = flag(request, "active"), flag(request, "silenced")
    inhibited = flag(request, "inhibited")

    def wanted(alert: AlertView, now_ms: int) -> bool:
        if alert.ends_at_ms and alert.ends_at_ms < now_ms:
            return False
        if not matches(selector, alert.labels):
            return False
        if not active and not alert.silenced_by and not alert.inhibited_by:
            return False  # one that a time interval mutes is active here, as with Alertmanager
        return (silenced or not alert.silenced_by) and (inhibited or not alert.inhibited_by)

    return wanted


def _taken(alert: PostableAlert, context: Context, now_ms: int) -> PostedAlert:
    """Return what is appended for an alert. Raises ValueError with Alertmanager's words."""
    settings = context.deps.settings
    starts_at_ms = timestamp.parse(alert.starts_at or "")
    ends_at_ms = timestamp.parse(alert.ends_at or "")
    starts_at_ms = starts_at_ms or ends_at_ms or now_ms
    timeout = ends_at_ms == 0
    if timeout:
        ends_at_ms = now_ms + context.deps.resolve_timeout_ms()
    if ends_at_ms < starts_at_ms:
        raise ValueError("start time must be before end time")
    labels = {name: value for name, value in alert.labels.items() if value}
    if not labels:
        raise ValueError("at least one label pair required")
    problem = labels_problem(labels, settings)
    if problem:
        raise ValueError(f"invalid label set: {problem}")
    annotations = {name: value or "" for name, value in (alert.annotations or {}).items()}
    problem = annotations_problem(annotations, settings)
    if problem:
        raise ValueError(f"invalid annotations: {problem}")
    generator_url = alert.generator_url or ""
    if not _is_uri(generator_url, settings.limits.message_bytes_max):
        raise ValueError("invalid generatorURL: must be of type uri")
    return PostedAlert(
        tenant=settings.tenant,
        labels=labels,
        annotations=annotations,
        generator_url=generator_url,
        starts_at_ms=starts_at_ms,
        ends_at_ms=ends_at_ms,
        timeout=timeout,
        arrival_ms=now_ms,
    )


def _is_uri(text: str, bytes_max: int) -> bool:
    """Say whether Go's `url.ParseRequestURI` would take it, roughly; "" is none."""
    if not text:
        return True
    return text.isprintable() and len(text.encode()) <= bytes_max and bool(_URI.match(text))
