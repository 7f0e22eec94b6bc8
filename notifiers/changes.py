"""What the last message of a group told, in a few bytes, and what is different now.

`told` travels in the far_id that comes back with the group's next notification, so a channel
can say "now critical, was warning" after any restart without remembering anything itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from notifiers.notification import NotifiedAlert

TOLD_ALERTS_MAX = 40
"""Beyond it nothing is kept (the notification log must stay small) and no change is told."""

_ID_CHARACTERS = 8


@dataclass(frozen=True, slots=True)
class Change:
    """What is different from the last message."""

    new: tuple[NotifiedAlert, ...]
    resolved: tuple[NotifiedAlert, ...]
    levels: tuple[tuple[str, str], ...]  # (before, now) of those that fire on at another level


def told(alerts: Sequence[NotifiedAlert]) -> str:
    """Return what a message about these alerts tells: `1f3a9c02=critical,...`, `-` for ended."""
    if len(alerts) > TOLD_ALERTS_MAX:
        return ""
    return ",".join(f"{_id(alert)}={_state(alert)}" for alert in alerts)


def changes(alerts: Sequence[NotifiedAlert], known: str | None) -> Change | None:
    """Compare with what was told; None where nothing was, or it was too much to be kept."""
    if not known:
        return None
    before = dict(pair.split("=", 1) for pair in known.split(",") if "=" in pair)
    new, resolved, levels = [], [], []
    for alert in alerts:
        was = before.get(_id(alert), "-")
        if alert.status == "resolved":
            if was != "-":
                resolved.append(alert)
        elif was == "-":
            new.append(alert)
        elif was != _state(alert):
            levels.append((was, _state(alert)))
    return Change(tuple(new), tuple(resolved), tuple(levels))


def _id(alert: NotifiedAlert) -> str:
    return (alert.episode or alert.fingerprint)[:_ID_CHARACTERS]


def _state(alert: NotifiedAlert) -> str:
    """Return its level without our separators, cut; "-" where it has ended."""
    if alert.status == "resolved":
        return "-"
    level = alert.level or alert.labels.get("severity", "")
    return "".join(c for c in level if c.isalnum() or c in "_.")[:20]
