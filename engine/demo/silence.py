"""The curl line that silences an alert: which alert it is for, and what it says."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from engine.demo.view import SilenceHint

if TYPE_CHECKING:
    from engine.worker import AlertRow, ScreenSnapshot


SILENCE_MS = 3_600_000


class HintChooser:
    """Chooses one firing alert and stays with it, so that there is time to copy the line."""

    def __init__(self, base_url: str) -> None:
        self._base_url = base_url
        self._hint: SilenceHint | None = None

    def choose(self, snapshot: ScreenSnapshot, now_ms: int) -> SilenceHint | None:
        """Return the line to show now; None before anything has fired."""
        firing = [alert for alert in snapshot.alerts if alert.state == "firing"]
        loud = [alert for alert in firing if not alert.silenced]
        named = self._hint.alert if self._hint else ""
        if any(alert.name == named for alert in loud):
            return self._hint
        if loud:
            self._hint = hint(_newest(loud).name, self._base_url, now_ms)
        return self._hint


def hint(alert: str, base_url: str, now_ms: int) -> SilenceHint:
    """Return the shell command that silences an alert by name for an hour.

    One shell word spans the lines: a line break between JSON tokens means nothing, so what is
    copied from a terminal of 80 columns works as it is.
    """
    matcher = json.dumps(
        {"name": "alertname", "value": alert, "isRegex": False}, separators=(",", ":")
    )
    start, end = _rfc3339(now_ms), _rfc3339(now_ms + SILENCE_MS)
    return SilenceHint(
        alert,
        (
            "curl -s -H content-type:application/json -d '{",
            f' "matchers":[{matcher}],',
            f' "startsAt":"{start}","endsAt":"{end}",',
            f' "createdBy":"demo","comment":"demo"}}\' {base_url}/api/v2/silences',
        ),
    )


def _newest(alerts: list[AlertRow]) -> AlertRow:
    """The one that has just begun is the one that will be there longest."""
    return max(alerts, key=lambda alert: alert.decision_ms)


def _rfc3339(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms // 1_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
