"""Rules and their alerts in the form of Prometheus' API, so that Grafana and scripts read them.

GET /api/v1/rules, /api/v1/alerts and what clients ask first, /api/v1/status/buildinfo. What
Prometheus does not have stands beside its fields: file, line, id, version, and how loading went.
"""

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from engine.api.body import as_json, unavailable
from engine.api.context import Context
from engine.api.listing import matches
from engine.api.standing import Together
from engine.api.timestamp import to_text
from engine.api.views import RuleAlertView, RulesView, RuleView
from engine.series import Matcher, MatcherTextError, parse_matchers

PROMETHEUS_COMPATIBLE_WITH = "3.15.0"
"""The Prometheus whose rules API this is. Grafana chooses by the version of buildinfo."""

_TRUE = frozenset({"true", "1", "t", "T", "TRUE", "True"})
_TYPES = {"alert": "alerting", "record": "recording"}


class _Bad(Exception):  # noqa: N818  # an answer, not a failure
    """A parameter that cannot be read."""


async def list_rules(request: Request, context: Context) -> Response:
    """GET /api/v1/rules: type, rule_name[], rule_group[], file[], match[], exclude_alerts."""
    try:
        asked = _Asked(request)
    except _Bad as bad:
        return _refuse(str(bad))
    rules, known = context.deps.rules(), await context.asking.everywhere(request)
    groups = _groups(rules, known, asked)
    try:
        page, token = asked.page(groups)
    except _Bad as bad:
        return _refuse(str(bad))
    data: dict[str, Any] = {"groups": page, "load": _load(rules)}
    if token:
        data["groupNextToken"] = token
    return _succeed(data, known.warnings)


async def list_alerts(request: Request, context: Context) -> Response:
    """GET /api/v1/alerts: what is pending or firing by our own rules."""
    known = await context.asking.everywhere(request)
    if not known.told:
        raise unavailable("the notifier is moving between workers; try again")
    return _succeed({"alerts": [_alert(each) for each in known.alerts]}, known.warnings)


async def standing(_request: Request, context: Context) -> Response:
    """GET /api/v1/rules/standing: what this worker alone knows; workers ask each other."""
    return as_json(await context.asking.here())


async def build_info(_request: Request, context: Context) -> Response:
    """GET /api/v1/status/buildinfo."""
    version = f"{PROMETHEUS_COMPATIBLE_WITH}+tocsin.{context.deps.settings.version}"
    names = ("revision", "branch", "buildUser", "buildDate", "goVersion")
    return as_json({"status": "success", "data": {"version": version, **dict.fromkeys(names, "")}})


def _succeed(data: Mapping[str, Any], warnings: Sequence[str]) -> Response:
    shown = {"status": "success", "data": data}
    return as_json({**shown, "warnings": warnings} if warnings else shown)


def _refuse(text: str) -> Response:
    return as_json({"status": "error", "errorType": "bad_data", "error": text}, 400)


class _Asked:
    """What a request wants to see."""

    def __init__(self, request: Request) -> None:
        params = request.query_params
        kind = params.get("type", "").lower()
        if kind and kind not in _TYPES:
            raise _Bad(
                f'invalid parameter "type": not supported value "{kind}"; use alert or record'
            )
        self.kind = _TYPES.get(kind, "")
        self.names = frozenset(params.getlist("rule_name[]"))
        self.groups = frozenset(params.getlist("rule_group[]"))
        self.files = frozenset(params.getlist("file[]"))
        self.exclude_alerts = params.get("exclude_alerts", "") in _TRUE
        self.selectors = [_selector(text) for text in params.getlist("match[]")]
        self.limit = _number(params.get("group_limit", ""))
        self.token = params.get("group_next_token", "")
        if self.token and not self.limit:
            raise _Bad('invalid parameter "group_limit": needed with group_next_token')

    def wants(self, rule: RuleView) -> bool:
        """Say whether a rule passes every filter."""
        return (
            (not self.kind or rule.kind == self.kind)
            and (not self.names or rule.name in self.names)
            and (not self.groups or rule.group in self.groups)
            and (not self.files or rule.file in self.files)
            and (not self.selectors or any(matches(s, rule.labels) for s in self.selectors))
        )

    def page(self, groups: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], str]:
        """Return the groups of the page asked for and the token of the next one."""
        if not self.limit:
            return groups, ""
        first = 0
        if self.token:
            tokens = [_token(group) for group in groups]
            if self.token not in tokens:
                raise _Bad(
                    f'invalid parameter "group_next_token": no group {self.token!r} any more'
                )
            first = tokens.index(self.token)
        rest = groups[first:]
        token = _token(rest[self.limit]) if len(rest) > self.limit else ""
        return rest[: self.limit], token


def _selector(text: str) -> Sequence[Matcher]:
    try:
        return parse_matchers(text)
    except MatcherTextError as error:
        raise _Bad(f'invalid parameter "match[]": {error}') from error


def _number(text: str) -> int:
    if not text:
        return 0
    if not text.isdecimal() or int(text) < 1:
        raise _Bad(f'invalid parameter "group_limit": {text!r} is no number above 0')
    return int(text)


def _token(group: Mapping[str, Any]) -> str:
    return hashlib.sha1(f"{group['file']};{group['name']}".encode()).hexdigest()  # noqa: S324


def _load(rules: RulesView) -> dict[str, Any]:
    load = rules.load
    return {
        "digest": load.digest,
        "good": bool(load.digest) and load.failed_at_ms <= load.loaded_at_ms,
        "lastGood": to_text(load.loaded_at_ms),
        "lastBad": to_text(load.failed_at_ms),
        "findings": load.findings,
    }


def _groups(rules: RulesView, known: Together, asked: _Asked) -> list[dict[str, Any]]:
    by_rule: dict[str, list[RuleAlertView]] = defaultdict(list)
    for alert in known.alerts:
        by_rule[alert.rule_id].append(alert)
    groups: dict[tuple[str, str], list[RuleView]] = defaultdict(list)
    for rule in rules.rules:
        if asked.wants(rule):
            groups[rule.file, rule.group].append(known.shown(rule))
    return [
        {
            "name": name,
            "file": file,
            "rules": [
                _rule(rule, by_rule[rule.identity] if known.knows(rule) else None, asked)
                for rule in members
            ],
            "interval": min(rule.interval_ms for rule in members) / 1_000,
            "limit": members[0].group_limit,
            "evaluationTime": sum(rule.evaluation_s for rule in members),
            "lastEvaluation": to_text(max(rule.last_evaluation_ms for rule in members)),
        }
        for (file, name), members in groups.items()
    ]


def _rule(rule: RuleView, alerts: list[RuleAlertView] | None, asked: _Asked) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "type": rule.kind,
        "name": rule.name,
        "query": rule.query,
        "labels": rule.labels,
        "health": rule.health if rule.last_evaluation_ms or rule.health == "err" else "unknown",
        "evaluationTime": rule.evaluation_s,
        "lastEvaluation": to_text(rule.last_evaluation_ms),
        "file": rule.file,
        "line": rule.line,
        "id": rule.identity,
        "version": rule.version,
    }
    if rule.last_error:
        shown["lastError"] = rule.last_error
    if rule.kind == "recording":
        return shown
    states = {alert.state for alert in alerts or ()}
    state = next((name for name in ("firing", "pending") if name in states), "inactive")
    shown |= {
        "state": state if alerts is not None else "unknown",
        "duration": rule.for_ms / 1_000,
        "keepFiringFor": rule.keep_firing_for_ms / 1_000,
        "annotations": rule.annotations,
        "alerts": [] if asked.exclude_alerts else [_alert(alert) for alert in alerts or ()],
    }
    return shown


def _alert(alert: RuleAlertView) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "labels": alert.labels,
        "annotations": alert.annotations,
        "state": alert.state,
        "activeAt": to_text(alert.active_at_ms),
        "value": _number_text(next(iter(alert.values.values()), 0.0)),
        "level": alert.level,
        "values": alert.values,
    }
    if alert.keep_firing_since_ms:
        shown["keepFiringSince"] = to_text(alert.keep_firing_since_ms)
    return shown


def _number_text(value: float | str) -> str:
    """Write a number as Go does with the fewest digits that say it: 1e+00, 1.25e-03."""
    if isinstance(value, str):
        return value
    return next(
        (text for digits in range(17) if float(text := f"{value:.{digits}e}") == value),
        f"{value:.17e}",
    )
