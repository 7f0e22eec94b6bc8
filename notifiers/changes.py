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
_NOT_TOLD = ("-", "")


@dataclass(frozen=True, slots=True)
class Change:
    """What is different from the last message."""

    new: tuple[NotifiedAlert, ...]
    resolved: tuple[NotifiedAlert, ...]
    levels: tuple[tuple[str, str], ...]  # (before, now) of those that fire on at another level


def told(alerts: Sequence[NotifiedAlert], known: str | None = None) -> str:
    """Return what a message about these alerts tells: `1f3a9c02=critical/warning,...`.

    Behind the level is the one it was first told at, where that is another; `-` is for ended.
    `known` is what was told before.
    """
    if len(alerts) > TOLD_ALERTS_MAX:
        return ""
    before = _read(known)
    pairs = []
    for alert in alerts:
        state = _state(alert)
        first = before.get(_id(alert), _NOT_TOLD)[1]
        other = f"/{first}" if state != "-" and first not in ("", state) else ""
        pairs.append(f"{_id(alert)}={state}{other}")
    return ",".join(pairs)


def first_level(alert: NotifiedAlert, known: str | None) -> str:
    """Return the level that an alert was first told at; "" where nobody knows."""
    return _read(known).get(_id(alert), _NOT_TOLD)[1]


def changes(alerts: Sequence[NotifiedAlert], known: str | None) -> Change | None:
    """Compare with what was told; None where nothing was, or it was too much to be kept."""
    if not known:
        return None
    before = _read(known)
    new, resolved, levels = [], [], []
    for alert in alerts:
        was = before.get(_id(alert), _NOT_TOLD)[0]
        if alert.status == "resolved":
            if was != "-":
                resolved.append(alert)
        elif was == "-":
            new.append(alert)
        elif was != _state(alert):
            levels.append((was, _state(alert)))
    return Change(tuple(new), tuple(resolved), tuple(levels))


def _read(known: str | None) -> dict[str, tuple[str, str]]:
    """Return the level last told and the one first told, by alert."""
    found = {}
    for pair in (known or "").split(","):
        name, equals, states = pair.partition("=")
        state, _, first = states.partition("/")
        if equals:
            found[name] = (state, "" if state == "-" else first or state)
    return found


def _id(alert: NotifiedAlert) -> str:
    return (alert.episode or alert.fingerprint)[:_ID_CHARACTERS]


def _state(alert: NotifiedAlert) -> str:
    """Return its level without our separators, cut; "-" where it has ended."""
    if alert.status == "resolved":
        return "-"
    level = alert.level or alert.labels.get("severity", "")
    return "".join(c for c in level if c.isalnum() or c in "_.")[:20]
