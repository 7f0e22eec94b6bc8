"""PagerDuty's Events API v2 and v1, as its reference has them."""

from collections.abc import Iterator, Mapping
from typing import Any

from starlette.responses import JSONResponse, Response

from tests.channels.standins.service import Hit, Service, too_long

EVENT_BYTES_MAX = 524_288
V1_PATH = "/generic/2010-04-15/create_event.json"

_NAMES = frozenset({
    "routing_key", "event_action", "dedup_key", "payload", "client", "client_url", "links",
    "images",
})  # fmt: skip
_PAYLOAD = frozenset({
    "summary", "source", "severity", "timestamp", "component", "group", "class", "custom_details",
})  # fmt: skip


class PagerDuty(Service):
    """One service of an account: its incidents by key."""

    def __init__(self, clock: Any) -> None:
        super().__init__(clock)
        self.incidents: dict[str, list[Mapping[str, Any]]] = {}
        self.open: set[str] = set()

    def judge(self, hit: Hit) -> Response:
        """Take an event, or name what is wrong with it."""
        if len(hit.raw) > EVENT_BYTES_MAX:
            return JSONResponse({"status": "invalid event", "message": "too large"}, 413)
        try:
            event = hit.body
        except ValueError:
            return _invalid(["Could not parse the request"])
        if hit.path.endswith(V1_PATH):
            return self._v1(event)
        if not hit.path.endswith("/v2/enqueue"):
            return JSONResponse({}, 404)
        if wrong := list(_wrong(event)):
            return _invalid(wrong)
        key = event["dedup_key"]
        self._keep(key, event, event["event_action"])
        said = {"status": "success", "message": "Event processed", "dedup_key": key}
        return JSONResponse(said, 202)

    def _v1(self, event: Mapping[str, Any]) -> Response:
        wrong = [name for name in ("service_key", "event_type") if not event.get(name)]
        if event.get("event_type") == "trigger" and too_long(event.get("description"), 1_024):
            wrong.append("description")
        if event.get("event_type") not in ("trigger", "acknowledge", "resolve"):
            wrong.append("event_type")
        if wrong:
            return _invalid(wrong)
        self._keep(event["incident_key"], event, event["event_type"])
        said = {"status": "success", "incident_key": event["incident_key"]}
        return JSONResponse(said, 200)

    def _keep(self, key: str, event: Mapping[str, Any], action: str) -> None:
        self.incidents.setdefault(key, []).append(event)
        if action == "resolve":
            self.open.discard(key)
        elif action == "trigger":
            self.open.add(key)


def _invalid(errors: list[str]) -> Response:
    said = {"status": "invalid event", "message": "Event object is invalid", "errors": errors}
    return JSONResponse(said, 400)


def _wrong(event: Mapping[str, Any]) -> Iterator[str]:
    if len(str(event.get("routing_key", ""))) != 32:
        yield "Length of 'routing_key' is incorrect (should be 32 characters)"
    if event.get("event_action") not in ("trigger", "acknowledge", "resolve"):
        yield "'event_action' is invalid"
    if too_long(event.get("dedup_key"), 255):
        yield "'dedup_key' is too long"
    if unknown := event.keys() - _NAMES:
        yield f"unknown: {sorted(unknown)}"
    payload = event.get("payload", {})
    if not payload.get("summary") or too_long(payload["summary"], 1_024):
        yield "'payload.summary' is missing, blank or too long"
    if not payload.get("source"):
        yield "'payload.source' is missing or blank"
    if payload.get("severity") not in ("critical", "error", "warning", "info"):
        yield "'payload.severity' is invalid (must be one of critical, warning, error or info)"
    if unknown := payload.keys() - _PAYLOAD:
        yield f"unknown in payload: {sorted(unknown)}"
    for name, needed in (("links", "href"), ("images", "src")):
        if any(not each.get(needed) for each in event.get(name, ())):
            yield f"'{name}' without {needed}"
