"""POST /api/v1/silences/preview: what a silence would mute, before it is set. Changes nothing."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from engine.alerts import SilenceMatcher
from engine.api.body import as_json, decode_json, read_plain, require_json
from engine.api.context import Context
from engine.api.silences import PostableMatcher, checked_matchers
from engine.api.timestamp import to_text
from engine.api.views import AlertView, RuleAlertView, RuleView
from engine.series import Selector, breadth, selects

SHOWN_MAX: Final = 100
"""Alerts that are listed; all are counted."""
NAMES_MAX: Final = 100
"""Names of rules and receivers that are listed; all are counted."""


class Wanted(msgspec.Struct, frozen=True):
    """What is asked: matchers as API v2 has them in a silence."""

    matchers: list[PostableMatcher]


_decoder = msgspec.json.Decoder(Wanted)


async def preview(request: Request, context: Context) -> Response:
    """Count and list the alerts that a silence with these matchers would mute now."""
    require_json(request, "matchers")
    body = await read_plain(
        request, context.deps.settings.limits.silence_bytes_max, "silence_bytes_max"
    )
    selector = _selector(checked_matchers(decode_json(body, _decoder).matchers, context))
    view = context.deps.notifier()
    if view is None:  # only the owner knows the alerts
        return await context.proxy.forward(request, context.deps, body)
    now_ms = context.deps.now_ms()
    muted = [alert for alert in view.alerts(now_ms) if selects(selector, alert.labels)]
    pending = [
        alert
        for alert in view.rule_alerts(now_ms)
        if alert.state == "pending" and selects(selector, alert.labels)
    ]
    data = {
        "matchers": [str(matcher) for matcher in selector],
        "warning": _warning(selector),
        **_about(muted, pending),
        **_could(selector, context.deps.rules().rules),
    }
    return as_json({"status": "success", "data": data})


def _selector(matchers: Sequence[SilenceMatcher]) -> Selector:
    return tuple(matcher.as_matcher() for matcher in matchers)


def _warning(selector: Selector) -> str:
    what = breadth(selector)
    return f"this silence mutes {what}" if what else ""


def _about(muted: Sequence[AlertView], pending: Sequence[RuleAlertView]) -> dict[str, Any]:
    rules = sorted({alert.labels.get("alertname", alert.rule) for alert in muted})
    receivers = sorted({name for alert in muted for name in alert.receivers})
    muted = sorted(muted, key=lambda alert: (sorted(alert.labels.items()), alert.fingerprint))
    return {
        "alerts": len(muted),
        "alreadySilenced": sum(bool(alert.silenced_by) for alert in muted),
        "pending": len(pending),
        "alertnames": {"number": len(rules), "names": rules[:NAMES_MAX]},
        "receivers": {"number": len(receivers), "names": receivers[:NAMES_MAX]},
        "shown": [_alert(alert) for alert in muted[:SHOWN_MAX]],
    }


def _alert(alert: AlertView) -> dict[str, Any]:
    return {
        "labels": alert.labels,
        "fingerprint": alert.fingerprint,
        "startsAt": to_text(alert.starts_at_ms),
        "receivers": alert.receivers,
        "silencedBy": alert.silenced_by,
        "rule": alert.rule,
    }


def _could(selector: Selector, rules: Sequence[RuleView]) -> dict[str, Any]:
    """Count the rules whose alerts could be muted: nothing that their file says rules it out."""
    alerting = [rule for rule in rules if rule.kind == "alerting"]
    names = [
        rule.name for rule in alerting if _may(selector, {**rule.labels, "alertname": rule.name})
    ]
    return {
        "rules": {
            "number": len(names),
            "of": len(alerting),
            "names": sorted(set(names))[:NAMES_MAX],
        }
    }


def _may(selector: Selector, written: Mapping[str, str]) -> bool:
    """Say whether an alert with these written labels, and any others, may pass."""
    for matcher in selector:
        value = written.get(matcher.name)
        if value is not None and "{{" not in value and not matcher.matches(written):
            return False
    return True
