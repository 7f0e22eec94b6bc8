"""A template through `amtool template render`, and through ours."""

import json
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from engine.template.go import TemplateError
from notifiers.templating import EMPTY, TemplateSet
from notifiers.templating.given import data_from

DATA: dict[str, Any] = {
    "receiver": "team-x & co", "status": "firing", "externalURL": "http://am:9093/x",
    "notification_reason": "first notification",
    "groupLabels": {"alertname": "X", "zone": "a<b>"},
    "commonLabels": {"alertname": "X", "zone": "a<b>", "severity": "warning", "job": "j"},
    "commonAnnotations": {"summary": "it's \"bad\" & worse", "runbook": "http://r/x?a=1&b=2"},
    "routeLabels": {"team": "db", "tpl": "{{ .Status }}-<i>"},
    "alerts": [
        {"status": "firing",
         "labels": {"alertname": "X", "zone": "a<b>", "severity": "warning", "instance": "i1"},
         "annotations": {"summary": "s1"}, "startsAt": "2026-01-01T10:00:00.123456Z",
         "endsAt": "0001-01-01T00:00:00Z", "generatorURL": "http://p/graph?g0.expr=up&g0.tab=1",
         "fingerprint": "aa"},
        {"status": "resolved",
         "labels": {"alertname": "X", "zone": "a<b>", "severity": "info", "instance": "i2"},
         "annotations": {}, "startsAt": "2026-01-01T10:00:00+02:00",
         "endsAt": "2026-01-01T10:05:00Z", "generatorURL": "", "fingerprint": "bb"},
    ],
}  # fmt: skip
ENDED: dict[str, Any] = {
    **DATA, "status": "resolved", "alerts": DATA["alerts"][1:],
    "commonLabels": DATA["groupLabels"],
}  # fmt: skip
BARE: dict[str, Any] = {"status": "firing"}
INPUTS: dict[str, dict[str, Any]] = {"both": DATA, "ended": ENDED, "bare": BARE}
NOW_MS = 1_780_000_000_000


def theirs(
    amtool: Path, text: str, is_html: bool, data: dict[str, Any], globs: Sequence[str] = ()
) -> str | None:
    """Return what amtool writes; None where it fails."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(data, file)
        file.flush()
        words = ["template", "render", f"--template.text={text}", f"--template.data={file.name}"]
        words += [f"--template.glob={each}" for each in globs or ("/nowhere/*",)]
        words += ["--template.type=html"] if is_html else []
        done = subprocess.run([amtool, *words], capture_output=True, check=False)
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else None


def ours(
    text: str, is_html: bool, data: dict[str, Any], templates: TemplateSet = EMPTY
) -> str | None:
    """Return what we write; None where it fails."""
    try:
        parsed = templates.html(text) if is_html else templates.text(text)
        return parsed.expand_data(data_from(data), NOW_MS)
    except TemplateError:
        return None
