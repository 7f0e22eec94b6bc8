"""The demo's full screen: what streams in, what is wrong, what was sent, what to try.

Drawn from a View for whatever width and height there is; nothing here waits or keeps state.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from engine.demo.view import SilenceHint, View, counts, latency, told, where

if TYPE_CHECKING:
    from engine.worker import AlertRow, ScreenSnapshot, SentRow


SENT_MAX = 8
HEADINGS = 2
GAP = 2
CELL_MAX = 64
WIDE = 100
NARROW = 64

_STYLES = {"firing": "bold red", "pending": "yellow", "resolved": "green"}
_ORDER = {"firing": 0, "pending": 1, "resolved": 2}


class Screen:
    """One frame. As high as the terminal at most, so that nothing scrolls."""

    def __init__(self, view: View) -> None:
        self._view = view

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the parts that fit, most important first where there is little room."""
        height = options.height or options.max_height
        width = options.max_width
        snapshot = self._view.snapshot
        if snapshot is None:
            yield from _starting(self._view)
            return
        head = _head(self._view, snapshot)
        foot = _foot(self._view, width)
        room = height - sum(_rows(part, width) for part in (*head, *foot)) - HEADINGS
        sent_rows = min(SENT_MAX, max(1, room // 3, room - max(2, len(snapshot.alerts))))
        yield from head
        yield _heading("Alerts", width)
        yield _alerts(snapshot.alerts, max(2, room - sent_rows), width, self._view.now_ms)
        yield _heading(_sent_title(snapshot, width), width)
        yield _sent(snapshot, sent_rows, width)
        yield from foot


def _starting(view: View) -> list[RenderableType]:
    dots = "." * (1 + view.age_ms // 500 % 3)
    return [
        Text(f"Tocsin demo  {view.age_ms / 1_000:.1f} s", style="bold"),
        Text(f"Starting Tocsin on its embedded log, no broker needed {dots}"),
        Text(f"A made-up fleet is about to stream into it; {view.base_url}/ will answer soon."),
        Text("Ctrl-C ends it.", style="dim"),
    ]


def _rows(part: RenderableType, width: int) -> int:
    """How many lines a text takes: everything in head and foot is a one-line-at-least Text."""
    assert isinstance(part, Text)
    if part.no_wrap:
        return 1
    return max(1, -(-len(part.plain) // max(1, width)))


def _line(*parts: tuple[str, str] | str) -> Text:
    return Text.assemble(*parts, no_wrap=True, overflow="ellipsis")


def _heading(text: str, width: int) -> Text:
    rule = "-" * max(0, width - len(text) - 4)
    return _line(("-- ", "dim"), (text, "bold"), (f" {rule}", "dim"))


def _head(view: View, snapshot: ScreenSnapshot) -> list[Text]:
    found = counts(snapshot)
    fleet = ", ".join(view.going_on) or "healthy"
    streams = _line(
        ("In      ", "dim"), (f"{view.samples_per_second:,.0f}", "bold"), " samples/s  ",
        (f"{view.lines_per_second:,.0f}", "bold"), " log lines/s  ",
        (f"{view.fleet_series:,}", "bold"), " series",
        (f" ({snapshot.series:,} read by rules)", "dim"),
        (f"  {snapshot.rejected_total:,} rejected" if snapshot.rejected_total else "", "red"),
    )  # fmt: skip
    states = _line(
        ("Alerts  ", "dim"), (f"{found['pending']} pending", "yellow"), "  ",
        (f"{found['firing']} firing", "bold red" if found["firing"] else ""), "  ",
        (f"{found['resolved']} resolved", "green"), "  ",
        (f"{found['silenced']} silenced", "magenta" if found["silenced"] else "dim"),
    )  # fmt: skip
    state = "  ending ..." if view.ending else "" if snapshot.ready else "  not ready"
    return [
        _line(("Tocsin demo", "bold"), f"  {view.age_ms / 1_000:.0f} s", (state, "yellow")),
        _line(("Fleet   ", "dim"), (fleet, "yellow" if view.going_on else "green")),
        streams,
        states,
    ]


def _foot(view: View, width: int) -> list[Text]:
    parts = [
        _line(""),
        Text.assemble(("Inbox   ", "dim"), (view.inbox_url, "bold cyan")),
    ]
    if view.hint:
        parts.extend(_silence(view.hint, width))
    if view.waiting_for:
        missing = ", ".join(view.waiting_for)
        parts.append(_line(("Waiting ", "dim"), f"for {missing}"))
    parts.append(_line(("Ctrl-C ends it.", "dim")))
    return parts


def _silence(hint: SilenceHint, width: int) -> list[Text]:
    """Show the command only where no line of it is broken: what is copied must be what is run."""
    wanted = max(len(line) for line in hint.lines)
    if width < wanted:
        return [_line(("Silence ", "dim"), f"needs {wanted} columns to be shown")]
    head = _line(("Silence ", "dim"), (hint.alert, "bold"), " from another terminal:")
    return [head, *(_line((line, "cyan")) for line in hint.lines)]


def _alerts(alerts: Sequence[AlertRow], rows: int, width: int, now_ms: int) -> RenderableType:
    if not alerts:
        return _line(("  all quiet; the first incident comes a few seconds after the start", "dim"))
    ordered = sorted(alerts, key=lambda alert: (_ORDER.get(alert.state, 3), -alert.decision_ms))
    shown = ordered if len(ordered) <= rows else ordered[: max(1, rows - 1)]
    cells = [_alert_cells(alert, width, now_ms) for alert in shown]
    if len(shown) < len(ordered):
        more = Text(f"and {len(ordered) - len(shown)} more", style="dim")
        cells.append([Text(), more, *[Text()] * (_alert_columns(width) - 2)])
    return _grid(cells, width)


def _grid(cells: Sequence[Sequence[Text]], width: int) -> Table:
    """Return a table whose columns are as wide as they need, the last one getting the rest.

    rich would shorten all columns where one is too long; here only the last one gives way.
    """
    table = Table.grid(padding=(0, GAP, 0, 0))
    left = width
    columns = list(zip(*cells, strict=True))
    for column, texts in enumerate(columns):
        wanted = min(CELL_MAX, max(text.cell_len for text in texts))
        if column == len(columns) - 1 or wanted > left:
            wanted = max(1, left)
        table.add_column(no_wrap=True, overflow="ellipsis", width=wanted)
        left -= wanted + GAP
        if left <= 0:
            break
    for row in cells:
        table.add_row(*row[: len(table.columns)])
    return table


def _alert_columns(width: int) -> int:
    return 6 if width >= WIDE else 4 if width >= NARROW else 3


def _alert_cells(alert: AlertRow, width: int, now_ms: int) -> list[Text]:
    style = _STYLES.get(alert.state, "")
    state = "silenced" if alert.silenced and alert.state != "resolved" else alert.state
    place = f"{alert.rule_file}:{alert.rule_line}"
    for_s = max(0, now_ms - alert.decision_ms) // 1_000
    cells = [
        Text(state, style="magenta" if state == "silenced" else style),
        Text(alert.name, style="bold" if alert.state == "firing" else ""),
        Text(where(alert)),
        Text(place, style="dim"),
        Text(f"{alert.level} {for_s} s".strip(), style="dim"),
        Text(alert.summary, style="" if alert.state == "firing" else "dim"),
    ]
    return cells[: _alert_columns(width)]


def _sent_title(snapshot: ScreenSnapshot, width: int) -> str:
    """Where there is no room for words beside the numbers, they are here."""
    title = f"Sent ({snapshot.sent_total})"
    return title if width >= WIDE else f"{title}: record to decision + to sent"


def _sent(snapshot: ScreenSnapshot, rows: int, width: int) -> RenderableType:
    if not snapshot.sent:
        return _line(("  nothing yet", "dim"))
    rules = {alert.name: f"{alert.rule_file}:{alert.rule_line}" for alert in snapshot.alerts}
    cells = []
    for sent in reversed(snapshot.sent[-rows:]):
        row = [Text(sent.channel, style="bold"), Text(told(sent)), _took(sent, width)]
        if width >= WIDE:
            row.append(Text(rules.get(sent.alerts[0] if sent.alerts else "", ""), style="dim"))
        cells.append(row)
    return _grid(cells, width)


def _took(sent: SentRow, width: int) -> Text:
    text = latency(sent)
    if width < WIDE and sent.arrival_ms and sent.decision_ms and sent.firing:
        decided_ms = max(0, sent.decision_ms - sent.arrival_ms)
        text = f"{decided_ms:,} + {max(0, sent.sent_ms - sent.decision_ms):,} ms"
    return Text(text, style="red" if sent.outcome == "dropped" else "green")
