"""Opsgenie's Alert API, and Jira Service Management's Integration Events API that follows it."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from starlette.responses import JSONResponse, Response

from tests.channels.standins.service import Hit, Service, too_long

_PATH = re.compile(r"/v2/alerts(?:/([^/]+)/(close|message|description|notes|acknowledge))?$")
_LENGTHS = {
    "message": 130, "alias": 512, "description": 15_000, "entity": 512, "source": 100,
    "note": 25_000, "user": 100,
}  # fmt: skip
_METHODS = {"close": "POST", "notes": "POST", "message": "PUT", "description": "PUT"}


class Opsgenie(Service):
    """One account: its alerts by alias. `jsm` behaves as Jira Service Management."""

    def __init__(self, clock: Any, *, jsm: bool = False) -> None:
        super().__init__(clock)
        self.keys = {"k"}
        self.jsm = jsm
        self.alerts: dict[str, dict[str, Any]] = {}  # open ones
        self.closed: list[dict[str, Any]] = []

    def judge(self, hit: Hit) -> Response:
        """Take a request to be done later, or refuse it."""
        kind, _, key = hit.headers.get("authorization", "").partition(" ")
        if kind != "GenieKey" or key not in self.keys:
            return JSONResponse({"message": "Could not authenticate", "took": 0.0}, 401)
        found = _PATH.search(hit.path)
        if not found:
            return JSONResponse({"message": "Not found"}, 404)
        alias, action = found[1], found[2]
        body = hit.body
        if wrong := list(_wrong(body, action)):
            said = {"message": "Request body is not processable.", "errors": wrong}
            return JSONResponse(said, 422)
        if action is None:
            self._create(body)
        elif self.jsm and _METHODS.get(action) == "PUT":
            return JSONResponse({"message": "No such endpoint"}, 404)
        elif hit.method != _METHODS.get(action, "POST"):
            return JSONResponse({"message": "Method not allowed"}, 405)
        elif hit.query.get("identifierType") != "alias":
            return JSONResponse({"message": "No alert with this id"}, 404)
        else:
            self._change(alias, action, body)
        done = {"result": "Request will be processed", "took": 0.1, "requestId": "r-1"}
        return JSONResponse(done, 202)

    def _create(self, body: Mapping[str, Any]) -> None:
        alert = self.alerts.setdefault(body["alias"], {**body, "count": 0, "notes": []})
        alert["count"] += 1

    def _change(self, alias: str, action: str, body: Mapping[str, Any]) -> None:
        alert = self.alerts.get(alias)
        if alert is None:
            return  # done later, and then there is nothing to be done
        if action == "close":
            self.closed.append(self.alerts.pop(alias))
        elif action == "notes":
            alert["notes"].append(body["note"])
        else:
            alert[action] = body.get(action, "")


def _wrong(body: Mapping[str, Any], action: str | None) -> Iterator[str]:
    if action is None and not body.get("message"):
        yield "message is required"
    if action == "notes" and not body.get("note"):
        yield "note is required"
    for name, characters_max in _LENGTHS.items():
        if name in body and too_long(body[name], characters_max):
            yield f"{name} is too long"
    for name, words_max in (("tags", 20), ("actions", 10)):
        words = body.get(name, [])
        if len(words) > words_max or any(too_long(word, 50) for word in words):
            yield f"{name}: too many or too long"
    details = body.get("details", {})
    if sum(len(name) + len(value) for name, value in details.items()) > 8_000:
        yield "details are too long"
    if body.get("priority", "P3") not in ("P1", "P2", "P3", "P4", "P5"):
        yield "priority is none of P1 to P5"
    for responder in body.get("responders", []):
        if responder.get("type") not in ("team", "user", "escalation", "schedule"):
            yield "responders: type"
        if not any(responder.get(name) for name in ("id", "name", "username")):
            yield "responders: nobody"
