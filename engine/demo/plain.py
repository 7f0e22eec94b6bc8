"""The demo without a terminal: one line for each thing that happens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.demo.view import View, counts, latency, told, where

if TYPE_CHECKING:
    from engine.worker import AlertRow, SentRow


STATUS_EVERY_MS = 10_000

_AlertKey = tuple[str, tuple[tuple[str, str], ...]]


class PlainReport:
    """Turns views into lines; remembers only what the last view held."""

    def __init__(self) -> None:
        self._up = False
        self._status_ms: int | None = None
        self._states: dict[_AlertKey, tuple[str, str, bool]] = {}
        self._sent_total = 0
        self._going_on: tuple[str, ...] = ()
        self._hinted: str | None = None

    def lines(self, view: View) -> list[str]:
        """Return what is new since the last view, oldest first."""
        snapshot = view.snapshot
        if snapshot is None:
            return []
        out = [] if self._up else self._first(view)
        begun = [name for name in view.going_on if name not in self._going_on]
        ended = [name for name in self._going_on if name not in view.going_on]
        out.extend(f"fleet     {name}" for name in begun)
        out.extend(f"fleet     over: {name}" for name in ended)
        self._going_on = view.going_on
        out.extend(self._alerts(snapshot.alerts))
        fresh = min(snapshot.sent_total - self._sent_total, len(snapshot.sent))
        self._sent_total = snapshot.sent_total
        if fresh > 0:
            out.extend(_sent_line(sent) for sent in snapshot.sent[-fresh:])
        if view.hint and view.hint.alert != self._hinted:
            self._hinted = view.hint.alert
            out.append(f"silence   {view.hint.alert}:")
            out.append(f"    {''.join(view.hint.lines)}")
        if self._status_ms is None or view.now_ms - self._status_ms >= STATUS_EVERY_MS:
            self._status_ms = view.now_ms
            out.append(_status(view))
        return [_stamped(view, line) for line in out]

    def _first(self, view: View) -> list[str]:
        self._up = True
        return [f"up        {view.base_url}/  inbox: {view.inbox_url}"]

    def _alerts(self, alerts: tuple[AlertRow, ...]) -> list[str]:
        out = []
        states = {}
        for alert in reversed(alerts):
            labels = {k: v for k, v in alert.labels.items() if k != "severity"}
            key = (alert.name, tuple(sorted(labels.items())))
            state = (alert.state, alert.level, alert.silenced)
            states[key] = state
            if self._states.get(key) != state:
                out.append(_alert_line(alert))
        self._states = states
        return out


def _alert_line(alert: AlertRow) -> str:
    level = f" {alert.level}" if alert.level else ""
    silenced = " SILENCED" if alert.silenced else ""
    place = f"{alert.rule_file}:{alert.rule_line}"
    text = f"{alert.state:<9} {alert.name} {where(alert)}{level}{silenced} [{place}]"
    return f"{text} {alert.summary}" if alert.summary else text


def _sent_line(sent: SentRow) -> str:
    return f"{sent.channel:<9} {told(sent)}: {latency(sent)}"


def _status(view: View) -> str:
    assert view.snapshot is not None
    found = counts(view.snapshot)
    return (
        f"status    in: {view.samples_per_second:,.0f} samples/s, "
        f"{view.lines_per_second:,.0f} lines/s, {view.fleet_series:,} series; "
        f"alerts: {found['pending']} pending, {found['firing']} firing, "
        f"{found['resolved']} resolved, {found['silenced']} silenced; "
        f"{view.snapshot.sent_total} notifications sent"
    )


def _stamped(view: View, line: str) -> str:
    return line if line.startswith("    ") else f"{view.age_ms / 1_000:6.1f} s  {line}"
