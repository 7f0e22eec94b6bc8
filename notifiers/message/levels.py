"""Which alert is worse, and in which order people are told of several."""

from collections.abc import Sequence

from notifiers.notification import NotifiedAlert

_LEVELS = ("critical", "page", "emergency", "error", "high", "warning", "medium", "info", "low")
"""Worst first; a level not in here stands behind `warning`."""


def without_outlived(alerts: Sequence[NotifiedAlert]) -> tuple[NotifiedAlert, ...]:
    """Return what people are told of: what fires first, the worst and newest of it leading.

    Left out is what ended only because its episode goes on at another level.
    """
    live = {alert.episode for alert in alerts if alert.status == "firing" and alert.episode}
    told = [
        alert
        for alert in alerts
        if alert.status == "firing" or not (alert.superseded or alert.episode in live)
    ]
    # Of equally urgent ones the order stays Alertmanager's.
    return tuple(sorted(told, key=_urgency))


def _urgency(alert: NotifiedAlert) -> tuple[bool, float, int]:
    return alert.status == "resolved", rank(level_of(alert)), -alert.starts_at_ms


def worst_level(alerts: Sequence[NotifiedAlert]) -> str:
    """Return the worst level of what fires, or of all where nothing does; "" without levels."""
    firing = [alert for alert in alerts if alert.status == "firing"] or alerts
    return min((level_of(alert) for alert in firing), key=rank, default="")


def level_of(alert: NotifiedAlert) -> str:
    """Return an alert's level: the rule's, else its label `severity`."""
    return alert.level or alert.labels.get("severity", "")


def rank(level: str) -> float:
    """Order levels, worst lowest; unknown ones stand behind warning, none at the end."""
    if not level:
        return len(_LEVELS)
    lowered = level.lower()
    return _LEVELS.index(lowered) if lowered in _LEVELS else _LEVELS.index("warning") + 0.5
