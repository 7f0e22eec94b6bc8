"""The HTML part: one template with inline CSS, escaped by Jinja2, readable in light and dark."""

from typing import Final

import jinja2

from notifiers import message as reading
from notifiers import wording
from notifiers.message import Link, Message

LABELS_MAX = 30

_COLOURS: Final = {"red": "#c92a2a", "orange": "#c2410c", "blue": "#1c5fb8", "green": "#237a35"}

_environment = jinja2.Environment(
    loader=jinja2.PackageLoader("notifiers.channels.email", "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_environment.filters["date_time"] = wording.date_time
_environment.globals["labels_max"] = LABELS_MAX
_environment.filters["more_labels"] = lambda count: wording.more(count, "label")
_environment.filters["level_colour"] = lambda item: _COLOURS[_tone(item.status, item.level)]
_environment.filters["level_tone"] = lambda item: _tone(item.status, item.level)


def render(message: Message, items_max: int) -> str:
    """Return the HTML of a message with at most that many of its alerts."""
    shown = message.items[:items_max]
    return _environment.get_template("email.html").render(
        message=message,
        items=shown,
        more=wording.more(message.total - len(shown), "alert"),
        omitted=message.total - len(shown),
        colour=_COLOURS[_tone(message.status, message.level)],
        change=reading.change_line(message).partition(": ")[::2],
        ages=[reading.age(item, message.now_ms) for item in shown],
        links=_links(message),
        rule=_rule(message),
        preview=_preview(message),
    )


def _preview(message: Message) -> str:
    """Return what a list of emails shows beside the subject."""
    item = message.items[0] if len(message.items) == 1 else None
    values = reading.value_line(item) if item else message.counts
    return " · ".join(part for part in (message.verdict, message.title, values) if part)


def _links(message: Message) -> list[Link]:
    """Return the links below all alerts, what to do first."""
    single = message.items[0].links if len(message.items) == 1 else ()
    first = ("runbook", "silence", "")
    return sorted((*single, *message.links), key=lambda link: first.index(link.kind))


def _rule(message: Message) -> str:
    """Return the rule that made all of these alerts; "" where they are of several."""
    rules = {item.rule for item in message.items}
    return rules.pop() if len(rules) == 1 else ""


def _tone(status: str, level: str) -> str:
    """Return the name of a colour of _COLOURS; in the dark, a class of that name is lighter."""
    if status == "resolved":
        return "green"
    worst = reading.rank(level)
    if worst < reading.rank("error") or not level:
        return "red"
    return "orange" if worst < reading.rank("info") else "blue"
