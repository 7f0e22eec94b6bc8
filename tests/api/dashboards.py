"""What Karma and Grafana ask an Alertmanager, and what they read of its answers, by shape.

Karma itself cannot be built here: the Go module proxy refuses github.com/prymitive/karma (403,
"this module version is not available") and its repository is out of reach. So this is what its
source says: `internal/alertmanager/models.go` and `internal/mapper/v017` (read 2026-11). Grafana's
is its data source "Alertmanager", implementation "prometheus" (`DataSource.ts`,
`unified/api/alertmanager.ts`, `ngalert/api/lotex_am.go`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

GO = {"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": "Go-http-client/1.1"}
BROWSER = {
    "Accept": "application/json, text/plain, */*", "Accept-Encoding": "gzip, deflate, br",
    "User-Agent": "Grafana/13.0.0", "X-Grafana-Org-Id": "1", "X-Forwarded-For": "192.0.2.1",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked, and the fields that are read of the answer: `a.b[].c` -> type."""

    client: str
    path: str
    method: str = "GET"
    params: Sequence[tuple[str, str]] = ()
    headers: Mapping[str, str] = field(default_factory=lambda: GO)
    body: Any = None
    status: int = 200
    reads: Mapping[str, type] = field(default_factory=dict)


_ALERT = {
    "fingerprint": str, "labels{}": str, "annotations{}": str, "startsAt": datetime,
    "endsAt": datetime, "updatedAt": datetime, "status.state": str, "status.silencedBy[]": str,
    "status.inhibitedBy[]": str, "receivers[].name": str, "generatorURL": str,
}  # fmt: skip
_SILENCE = {
    "[].id": str, "[].status.state": str, "[].startsAt": datetime, "[].endsAt": datetime,
    "[].updatedAt": datetime, "[].createdBy": str, "[].comment": str, "[].matchers[].name": str,
    "[].matchers[].value": str, "[].matchers[].isRegex": bool, "[].matchers[].isEqual": bool,
}  # fmt: skip
_STATUS = {
    "versionInfo.version": str, "cluster.status": str, "cluster.peers[].name": str,
    "config.original": str, "uptime": datetime,
}  # fmt: skip
_GROUPS = {
    "[].labels{}": str, "[].receiver.name": str,
    **{f"[].alerts[].{name}": kind for name, kind in _ALERT.items()},
}  # fmt: skip

READS: Sequence[Request] = (
    # Karma, once a pull. Where `/metrics` has no alertmanager_build_info it takes the newest API.
    Request("karma", "/metrics"),
    Request("karma", "/api/v2/status", reads=_STATUS),
    Request("karma", "/api/v2/silences", reads=_SILENCE),
    Request("karma", "/api/v2/alerts/groups", reads=_GROUPS),
    # Grafana: "Save & test" tells Alertmanager from Mimir by a path that must not be there.
    Request("grafana", "/alertmanager/api/v2/status", headers=BROWSER, status=404),
    Request("grafana", "/api/v2/status", headers=BROWSER, reads=_STATUS),
    Request("grafana", "/api/v2/silences", headers=BROWSER, reads=_SILENCE),
    Request("grafana", "/api/v2/alerts/groups", headers=BROWSER, reads=_GROUPS),
    Request("grafana", "/api/v2/alerts", headers=BROWSER,
            params=(("silenced", "true"), ("active", "true"), ("inhibited", "true"),
                    ("filter", 'alertname="Disk"'), ("filter", 'host=~"db-.*"')),
            reads={f"[].{name}": kind for name, kind in _ALERT.items()}),
)  # fmt: skip


def found(value: Any, path: str) -> list[Any]:
    """Return everything of an answer that a path leads to."""
    values = [value]
    for step in path.replace("[]", ".[]").replace("{}", ".{}").split("."):
        if step == "[]":
            values = [each for value in values for each in value]
        elif step == "{}":
            values = [each for value in values for each in value.values()]
        elif step:
            values = [value[step] for value in values]
    return values


def is_a(value: Any, kind: type) -> bool:
    """Say whether a field has the type that the client decodes it into."""
    if kind is datetime:
        return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None
    return type(value) is kind
