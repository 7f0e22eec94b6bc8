"""One alert of a message: its summary, its labels, its numbers against their thresholds."""

import operator
from collections.abc import Callable, Mapping

from notifiers import wording
from notifiers.message.levels import level_of
from notifiers.message.links import item_links
from notifiers.message.model import Item, Reading
from notifiers.notification import NotifiedAlert

SUMMARY_CHARACTERS_MAX = 400
DESCRIPTION_CHARACTERS_MAX = 2_000
LINE_CHARACTERS_MAX = 500
LABEL_CHARACTERS_MAX = 200
READINGS_MAX = 8

NOT_SCOPE = ("alertname", "severity")
"""Labels that a message shows elsewhere."""

_COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}


def item_of(alert: NotifiedAlert, shared: Mapping[str, str], fired_as: str) -> Item:
    """Return an alert as it is read, without the labels that all of the message share.

    `fired_as` is the level it fired at first; "" where that is not known.
    """
    lines = alert.lines if alert.status == "firing" else ()
    own = {name: value for name, value in alert.labels.items() if name not in shared}
    return Item(
        status=alert.status,
        level=level_of(alert),
        name=wording.one_line(alert.labels.get("alertname", "alert")),
        summary=summary_of(alert),
        description=description_of(alert.annotations),
        scope=scope_of(own),
        readings=_readings(alert, "" if fired_as == level_of(alert) else fired_as),
        since_ms=alert.starts_at_ms,
        until_ms=alert.ends_at_ms if alert.status == "resolved" else 0,
        lines=tuple(wording.cut(wording.one_line(line), LINE_CHARACTERS_MAX) for line in lines),
        links=item_links(alert.annotations, alert.generator_url),
        rule=f"{alert.rule_file}:{alert.rule_line}" if alert.rule_file else "",
    )


def summary_of(alert: NotifiedAlert) -> str:
    """Return what an alert says about itself, or its name and its labels; one line."""
    text = wording.one_line(alert.annotations.get("summary", ""))
    if not text:
        scope = [value for name, value in sorted(alert.labels.items()) if name not in NOT_SCOPE]
        name = alert.labels.get("alertname", "alert")
        text = wording.one_line(f"{name}: {' '.join(scope)}" if scope else name)
    return wording.cut(text, SUMMARY_CHARACTERS_MAX)


def description_of(notes: Mapping[str, str]) -> str:
    """Return the description among annotations; "" where there is none."""
    text = wording.printable(notes.get("description", "")).strip()
    return wording.cut(text, DESCRIPTION_CHARACTERS_MAX)


def scope_of(labels: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return the labels that say where, sorted by name."""
    return tuple(
        (wording.one_line(name), wording.cut(wording.one_line(value), LABEL_CHARACTERS_MAX))
        for name, value in sorted(labels.items())
        if name not in NOT_SCOPE
    )


def _readings(alert: NotifiedAlert, fired_as: str) -> tuple[Reading, ...]:
    """Take what the condition compared, then the other columns that it did not name."""
    readings, told = [], set()
    for part in alert.evidence:
        name = part.text.split(f" {part.operator} ", 1)[0].strip() or part.text
        threshold = f"{part.operator} {wording.number(part.right)}"
        then = _at_firing(alert, name, wording.number(part.left))
        other = not _compares(alert.values_at_firing.get(name), part.operator, part.right)
        now = wording.number(part.left)
        readings.append(Reading(name, now, threshold, then, part.held, other, fired_as))
        told.add(name)
    for name, value in alert.values.items():
        if name not in told:
            now = wording.number(value)
            readings.append(Reading(name, now, "", _at_firing(alert, name, now), held=True))
    return tuple(readings[:READINGS_MAX])


def _compares(left: object, sign: str, right: object) -> bool:
    """Say whether a comparison of two numbers holds; what is no such comparison counts as one."""
    compare = _COMPARISONS.get(sign)
    if compare is None or not isinstance(left, int | float) or not isinstance(right, int | float):
        return True
    return compare(left, right)


def _at_firing(alert: NotifiedAlert, name: str, now: str) -> str:
    """Return what a column was when the alert fired, where that says something new."""
    if name not in alert.values_at_firing:
        return ""
    then = wording.number(alert.values_at_firing[name])
    return "" if then == now and alert.status == "firing" else then
