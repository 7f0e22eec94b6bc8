"""The plain page: what is wrong, what is silenced, how this worker is, what to type next."""

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import Response

from engine.alerts import SilenceMatcher
from engine.api.context import Context
from engine.api.deps import NotifierView
from engine.api.listing import matches
from engine.api.matcher_text import MATCHER_BYTES_MAX, MATCHERS_MAX
from engine.api.timestamp import to_text
from engine.api.views import AlertView, RuleAlertView, SilenceView
from engine.api.wire import silence_state
from engine.series import Matcher, MatcherTextError, Selector, parse_matchers

ALERTS_SHOWN_MAX = 200
SILENCES_SHOWN_MAX = 100
_REFRESH_S_MAX = 300
_HOUR_MS = 3_600_000
_TONES = frozenset({"critical", "page", "warning", "info"})
_PLAIN = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.:/-]*")
_CSP = "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; " \
       "frame-ancestors 'none'"  # fmt: skip
_TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True, slots=True)
class _Row:
    """An alert as the page shows it."""

    name: str
    severity: str
    tone: str  # the class that colours it
    summary: str
    description: str
    labels: Sequence[tuple[str, str]]
    values: Sequence[tuple[str, str]]
    since: str
    since_text: str
    quiet: str  # why nobody hears of it, "" where somebody does
    receivers: str
    rule: str
    link: str  # only http(s)
    runbook: str
    command: str
    curl: str


@dataclass(frozen=True, slots=True)
class _SilenceRow:
    """A silence as the page shows it."""

    id: str
    state: str
    matchers: Sequence[str]
    until: str
    until_text: str
    created_by: str
    comment: str
    expire: str


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip


async def style(_request: Request, _context: Context) -> Response:
    """GET /page.css."""
    return Response(
        _style(), media_type="text/css", headers={"Cache-Control": "public, max-age=300"}
    )


@cache
def _style() -> bytes:
    return (_TEMPLATES / "page.css").read_bytes()


async def show(request: Request, context: Context) -> Response:
    """GET /: works without the notifier too, and says so."""
    deps = context.deps
    now_ms = deps.now_ms()
    view = deps.notifier()
    base = (deps.settings.external_url or str(request.base_url)).rstrip("/")
    secured = deps.settings.tokens is not None
    wanted, problem = _filter(request, context)
    alerts = [a for a in _sorted_alerts(view, now_ms) if matches(wanted, a.labels)]
    example = _equal({"alertname": "NAME", "service": "NAME"})
    silences = _sorted_silences(view, now_ms)
    pending = [a for a in view.rule_alerts(now_ms) if a.state == "pending"] if view else []
    rules = deps.rules()
    html = _environment().get_template("page.html").render(
        version=deps.settings.version,
        instance=deps.settings.instance_id,
        now=to_text(now_ms)[:19].replace("T", " ") + " UTC",
        refresh_s=_refresh_s(request),
        has_notifier=view is not None,
        obstacles=context.obstacles(),
        worker=deps.worker(),
        alerts=[_row(alert, base, secured, now_ms) for alert in alerts[:ALERTS_SHOWN_MAX]],
        alerts_total=len(alerts),
        quiet_total=sum(bool(_quiet(alert)) for alert in alerts),
        pending=[_pending(alert, now_ms) for alert in pending[:ALERTS_SHOWN_MAX]],
        pending_total=len(pending),
        silences=[_silence_row(s, base, secured, now_ms) for s in silences[:SILENCES_SHOWN_MAX]],
        silences_total=len(silences),
        rules_total=len(rules.rules),
        load=rules.load,
        load_bad=rules.load.failed_at_ms > rules.load.loaded_at_ms,
        uptime=_span(now_ms - deps.settings.started_ms),
        shards=_ranges(deps.worker().shards),
        wanted=[str(matcher) for matcher in wanted],
        filter_problem=problem,
        command=silence_command(base, wanted or example),
        curl=silence_curl(base, wanted or example, now_ms, secured),
    )  # fmt: skip
    headers = {"Content-Security-Policy": _CSP}
    return Response(html, headers=headers, media_type="text/html")


def _filter(request: Request, context: Context) -> tuple[Selector, str]:
    """Read `filter`, as the link "Silence" of a message has it; what is wrong with it, or ""."""
    text = request.query_params.get("filter", "")
    try:
        if len(text) > MATCHER_BYTES_MAX:
            raise MatcherTextError("too long")
        found = parse_matchers(text, context.deps.settings.matcher_parsing)
        if len(found) > MATCHERS_MAX:
            raise MatcherTextError("too many matchers")
    except MatcherTextError as error:
        return (), str(error)
    return found, ""


def _equal(labels: Mapping[str, str]) -> Selector:
    return tuple(Matcher(name, "=", value) for name, value in sorted(labels.items()))


def silence_curl(base: str, matchers: Selector, now_ms: int, secured: bool) -> str:
    """Return a command line that silences exactly this for an hour, safe to paste."""
    body = {
        "matchers": [
            {
                "name": matcher.name,
                "value": matcher.value,
                "isRegex": matcher.operator in ("=~", "!~"),
                **({} if matcher.operator in ("=", "=~") else {"isEqual": False}),
            }
            for matcher in matchers
        ],
        "startsAt": to_text(now_ms),
        "endsAt": to_text(now_ms + _HOUR_MS),
        "createdBy": "me",
        "comment": "why",
    }
    words = ["curl", "-sS", *_token_words(secured), "-H", "'Content-Type: application/json'"]
    words += [shlex.quote(f"{base}/api/v2/silences"), "-d"]
    words.append(shlex.quote(json.dumps(body, ensure_ascii=False)))
    return " ".join(words)


def silence_command(base: str, matchers: Selector) -> str:
    """Return the same for Tocsin's own command."""
    words = ["tocsin", "silence", "add", "--comment", "why"]
    if base != "http://127.0.0.1:9093":
        words += ["--url", shlex.quote(base)]
    for matcher in matchers:
        name, value = (
            text if _PLAIN.fullmatch(text) else json.dumps(text, ensure_ascii=False)
            for text in (matcher.name, matcher.value)
        )
        words.append(shlex.quote(f"{name}{matcher.operator}{value}"))
    return " ".join(words)


def _token_words(secured: bool) -> list[str]:
    return ["-H", '"Authorization: Bearer $TOCSIN_TOKEN"'] if secured else []


def _refresh_s(request: Request) -> int:
    text = request.query_params.get("refresh", "")
    return min(int(text), _REFRESH_S_MAX) if text.isdecimal() and len(text) < 5 else 0


def _sorted_alerts(view: NotifierView | None, now_ms: int) -> list[AlertView]:
    """Heard ones first, the newest on top."""
    if view is None:
        return []
    return sorted(
        view.alerts(now_ms), key=lambda a: (bool(_quiet(a)), -a.starts_at_ms, a.fingerprint)
    )


def _sorted_silences(view: NotifierView | None, now_ms: int) -> list[SilenceView]:
    if view is None:
        return []
    live = [s for s in view.silences() if silence_state(s, now_ms) != "expired"]
    return sorted(live, key=lambda s: (s.ends_at_ms, s.id))


def _quiet(alert: AlertView) -> str:
    if alert.silenced_by:
        return "silenced"
    if alert.inhibited_by:
        return "inhibited"
    if alert.muted_by:
        return "muted"
    return "" if alert.state != "suppressed" else "suppressed"


def _row(alert: AlertView, base: str, secured: bool, now_ms: int) -> _Row:
    labels = {k: v for k, v in alert.labels.items() if k not in ("alertname", "severity")}
    # Without the level, so that the silence still holds when the level changes.
    matched = {k: v for k, v in alert.labels.items() if k != "severity"} or alert.labels
    annotations = alert.annotations
    return _Row(
        name=alert.labels.get("alertname", "(no name)"),
        severity=alert.labels.get("severity", ""),
        tone=_tone(alert.labels.get("severity", "")),
        summary=annotations.get("summary", ""),
        description=annotations.get("description", ""),
        labels=sorted(labels.items()),
        values=[(name, _number(value)) for name, value in alert.values.items()],
        since=_span(now_ms - alert.starts_at_ms),
        since_text=to_text(alert.starts_at_ms),
        quiet=_quiet(alert),
        receivers=", ".join(alert.receivers),
        rule=alert.rule,
        link=_web(alert.generator_url),
        runbook=_web(annotations.get("runbook_url", "")),
        command=silence_command(base, _equal(matched)),
        curl=silence_curl(base, _equal(matched), now_ms, secured),
    )


def _pending(alert: RuleAlertView, now_ms: int) -> _Row:
    labels = {k: v for k, v in alert.labels.items() if k not in ("alertname", "severity")}
    return _Row(
        name=alert.labels.get("alertname", ""),
        severity=alert.labels.get("severity", alert.level),
        tone=_tone(alert.labels.get("severity", alert.level)),
        summary=alert.annotations.get("summary", ""),
        description="",
        labels=sorted(labels.items()),
        values=[(name, _number(value)) for name, value in alert.values.items()],
        since=_span(now_ms - alert.active_at_ms),
        since_text=to_text(alert.active_at_ms),
        quiet="", receivers="", rule="", link="", runbook="", command="", curl="",
    )  # fmt: skip


def _silence_row(view: SilenceView, base: str, secured: bool, now_ms: int) -> _SilenceRow:
    state = silence_state(view, now_ms)
    words = ["curl", "-sS", *_token_words(secured), "-X", "DELETE"]
    words.append(shlex.quote(f"{base}/api/v2/silence/{view.id}"))
    edge_ms = view.starts_at_ms if state == "pending" else view.ends_at_ms
    return _SilenceRow(
        id=view.id,
        state=state,
        matchers=[matcher_text(matcher) for matcher in view.matchers],
        until=("starts in " if state == "pending" else "ends in ") + _span(edge_ms - now_ms),
        until_text=to_text(edge_ms),
        created_by=view.created_by,
        comment=view.comment,
        expire=" ".join(words),
    )


def matcher_text(matcher: SilenceMatcher) -> str:
    """Show a matcher as it is typed."""
    operator = ("=~" if matcher.is_equal else "!~") if matcher.is_regex else (
        "=" if matcher.is_equal else "!="
    )  # fmt: skip
    return f"{matcher.name}{operator}{json.dumps(matcher.value, ensure_ascii=False)}"


def _tone(severity: str) -> str:
    return severity.lower() if severity.lower() in _TONES else "other"


def _ranges(numbers: Sequence[int]) -> str:
    """Show 0, 1, 2, 5 as "0–2, 5"."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(f"{a}" if a == b else f"{a}–{b}" for a, b in runs)


def _number(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.6g}"


def _span(span_ms: int) -> str:
    """Show a duration in its two largest units."""
    seconds = max(span_ms, 0) // 1_000
    for size, unit, small_size, small in (
        (86_400, "d", 3_600, "h"), (3_600, "h", 60, "min"), (60, "min", 1, "s")
    ):  # fmt: skip
        if seconds >= size:
            rest = seconds % size // small_size
            return f"{seconds // size} {unit}" + (f" {rest} {small}" if rest else "")
    return f"{seconds} s"


def _web(url: str) -> str:
    """Return a URL only if following it cannot run anything."""
    return url if url.startswith(("http://", "https://")) else ""
