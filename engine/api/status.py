"""Status, receivers, rules: what is loaded and how it goes."""

from collections import defaultdict
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from engine.api.body import as_json
from engine.api.context import Context
from engine.api.listing import matchers, matches
from engine.api.timestamp import to_text
from engine.api.views import RuleAlertView, RulesView, RuleView
from engine.api.wire import receiver_json, receiver_labels

API_COMPATIBLE_WITH = "0.34.2"
"""The Alertmanager whose API v2 this is. Karma and Grafana choose by `versionInfo.version`."""


async def get_status(_request: Request, context: Context) -> Response:
    """GET /api/v2/status."""
    settings = context.deps.settings
    return as_json(
        {
            "cluster": {"status": "disabled", "peers": []},
            "config": {"original": context.view().config_text()},
            "uptime": to_text(settings.started_ms),
            "versionInfo": {
                "version": f"{API_COMPATIBLE_WITH}+tocsin.{settings.version}",
                "revision": "",
                "branch": "",
                "buildUser": "",
                "buildDate": "",
                "goVersion": "",
            },
        }
    )


async def list_receivers(request: Request, context: Context) -> Response:
    """GET /api/v2/receivers."""
    selector = matchers(request, "receiver_matchers")
    found = [
        view for view in context.view().receivers() if matches(selector, receiver_labels(view))
    ]
    return as_json([receiver_json(view) for view in found])


async def list_rules(_request: Request, context: Context) -> Response:
    """GET /api/v1/rules, in Prometheus' form with file, line, version and the state of loading."""
    rules = context.deps.rules()
    view = context.deps.notifier()
    alerts = list(view.rule_alerts(context.deps.now_ms())) if view is not None else None
    return as_json(
        {
            "status": "success",
            "data": {"groups": _groups(rules, alerts), "load": _load(rules)},
        }
    )


def _load(rules: RulesView) -> dict[str, Any]:
    load = rules.load
    return {
        "digest": load.digest,
        "good": bool(load.digest) and load.failed_at_ms <= load.loaded_at_ms,
        "lastGood": to_text(load.loaded_at_ms),
        "lastBad": to_text(load.failed_at_ms),
        "findings": load.findings,
    }


def _groups(rules: RulesView, alerts: list[RuleAlertView] | None) -> list[dict[str, Any]]:
    by_rule: dict[str, list[RuleAlertView]] = defaultdict(list)
    for alert in alerts or ():
        by_rule[alert.rule_id].append(alert)
    groups: dict[tuple[str, str], list[RuleView]] = defaultdict(list)
    for rule in rules.rules:
        groups[rule.file, rule.group].append(rule)
    return [
        {
            "name": name,
            "file": file,
            "interval": min(rule.interval_ms for rule in members) / 1_000,
            "rules": [
                _rule(rule, by_rule[rule.identity] if alerts is not None else None)
                for rule in members
            ],
        }
        for (file, name), members in groups.items()
    ]


def _rule(rule: RuleView, alerts: list[RuleAlertView] | None) -> dict[str, Any]:
    states = {alert.state for alert in alerts or ()}
    state = next((name for name in ("firing", "pending") if name in states), "inactive")
    return {
        "type": "alerting",
        "name": rule.name,
        "file": rule.file,
        "line": rule.line,
        "id": rule.identity,
        "version": rule.version,
        "query": rule.query,
        "duration": rule.for_ms / 1_000,
        "keepFiringFor": rule.keep_firing_for_ms / 1_000,
        "labels": rule.labels,
        "annotations": rule.annotations,
        "alerts": [_alert(alert) for alert in alerts or ()],
        "state": state if alerts is not None else "unknown",
        "health": rule.health,
        "lastError": rule.last_error,
        "lastEvaluation": to_text(rule.last_evaluation_ms),
    }


def _alert(alert: RuleAlertView) -> dict[str, Any]:
    return {
        "labels": alert.labels,
        "annotations": alert.annotations,
        "state": alert.state,
        "activeAt": to_text(alert.active_at_ms),
        "level": alert.level,
        "values": alert.values,
    }
