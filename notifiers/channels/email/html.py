"""The HTML part: one template with inline CSS, escaped by Jinja2, readable in light and dark."""

from typing import Final

import jinja2

from notifiers import message as reading
from notifiers import wording
from notifiers.message import Message

LABELS_MAX = 30

_COLOURS: Final = {"red": "#c92a2a", "orange": "#d9480f", "blue": "#1c5fb8", "green": "#2b8a3e"}

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
_environment.filters["level_colour"] = lambda item: _colour(item.status, item.level)


def render(message: Message, items_max: int) -> str:
    """Return the HTML of a message with at most that many of its alerts."""
    shown = message.items[:items_max]
    return _environment.get_template("email.html").render(
        message=message,
        items=shown,
        more=wording.more(len(message.items) - len(shown), "alert"),
        omitted=len(message.items) - len(shown),
        colour=_colour(message.status, message.level),
        lasted=[reading.lasted(item, message.now_ms) for item in shown],
        preview=_preview(message),
    )


def _preview(message: Message) -> str:
    """Return what a list of emails shows beside the subject."""
    item = message.items[0] if len(message.items) == 1 else None
    values = reading.value_line(item) if item else message.counts
    return " · ".join(part for part in (message.verdict, message.title, values) if part)


def _colour(status: str, level: str) -> str:
    if status == "resolved":
        return _COLOURS["green"]
    worst = reading.rank(level)
    if worst < reading.rank("error") or not level:
        return _COLOURS["red"]
    return _COLOURS["orange" if worst < reading.rank("info") else "blue"]
