"""API flows against a running `tocsin run`: steps of requests, and what their answers must be.

Whatever a step says that is not known here makes its case fail, so that a flow of the other half
of the corpus never passes by being passed over.
"""

import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from engine.clock import system_clock
from tests.acceptance.product import product
from tests.api.client import at
from tests.waiting import DeadlineError, until

_REQUESTS: Mapping[str, tuple[str, str]] = {
    "post_alerts": ("POST", "/alerts"), "get_alerts": ("GET", "/alerts"),
    "get_groups": ("GET", "/alerts/groups"), "post_silence": ("POST", "/silences"),
    "get_silences": ("GET", "/silences"), "get_silence": ("GET", "/silence/"),
    "delete_silence": ("DELETE", "/silence/"), "get_status": ("GET", "/status"),
    "get_receivers": ("GET", "/receivers"),
}  # fmt: skip
_NAMES = ("ref", "as", "save", "id_as")  # of the silence that a step makes, for later steps
_EXPECTED = frozenset(
    {"status", "count", "labels", "each", "alerts_in_first", "body_contains", *_NAMES}
)
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_APPLIED_S = 5.0  # what was posted shows within this; Alertmanager's own tests wait as well


def flow(case: Mapping[str, Any]) -> str:
    """Run a case's steps; "" where every answer is as it should be."""
    text = case["config"].replace("{{webhook:default}}", "http://127.0.0.1:9/nobody")
    text = re.sub(r"\{\{webhook:[^}]*\}\}", "http://127.0.0.1:9/nobody", text)
    prefix, extra = "", ""
    for flag in case.get("flags", ()):
        name, _, value = flag.partition("=")
        if name == "--web.route-prefix":
            prefix, extra = value.rstrip("/"), extra + f"route_prefix: {value}\n"
        elif flag == "--enable-feature=classic-mode":
            extra += "matcher_parsing: classic\n"
        elif flag == "--enable-feature=utf8-strict-mode":
            extra += "matcher_parsing: utf8\n"
        else:
            return f"unknown flag {flag}"
    with (
        tempfile.TemporaryDirectory() as directory,
        product(Path(directory), notifiers=text, extra=extra) as server,
        httpx.Client(base_url=f"{server.url}{prefix}/api/v2", timeout=30) as http,
    ):
        names: dict[str, str] = {}
        for number, step in enumerate(case["steps"]):
            problem = _step(http, step, names)
            if problem:
                return f"step {number}: {problem}"
    return ""


def _step(http: httpx.Client, step: Mapping[str, Any], names: dict[str, str]) -> str:
    """Ask until the answer is right: some of it shows only after the log was read."""
    verbs = step.keys() & _REQUESTS.keys()
    unknown = step.keys() - _REQUESTS.keys() - _EXPECTED
    if len(verbs) != 1 or unknown:
        return f"cannot be read: {sorted(step)}"
    (verb,) = verbs
    problem = ""

    def right() -> bool:
        nonlocal problem
        problem = _asked(http, verb, step, names)
        return not problem

    try:
        until(right, _APPLIED_S if verb.startswith("get") else 0.0)
    except DeadlineError:
        return problem
    return ""


def _asked(
    http: httpx.Client, verb: str, step: Mapping[str, Any], names: dict[str, str]
) -> str:  # fmt: skip
    method, path = _REQUESTS[verb]
    given = _named(step[verb], names)
    if path == "/silence/":
        asked = next(iter(given.values())) if isinstance(given, dict) else given
        answer = http.request(method, path + names.get(str(asked), str(asked)))
    elif method == "POST":
        answer = http.post(path, json=_timed(given))
    else:
        answer = http.get(path, params=given or {})
    if verb == "post_silence" and answer.status_code == 200:
        names |= dict.fromkeys(
            [str(step[key]) for key in _NAMES if key in step], answer.json()["silenceID"]
        )
    return _difference(answer, _named(step, names))


def _named(value: Any, names: Mapping[str, str]) -> Any:
    """Put ids where the case has {{name}}."""
    if isinstance(value, list):
        return [_named(each, names) for each in value]
    if isinstance(value, dict):
        return {key: _named(each, names) for key, each in value.items()}
    found = re.fullmatch(r"\{\{\s*(.+?)\s*\}\}", value) if isinstance(value, str) else None
    return names.get(found[1], value) if found else value


def _difference(answer: httpx.Response, step: Mapping[str, Any]) -> str:
    """Say what of an answer is not as the step has it."""
    told = f"{answer.status_code} {answer.text[:500]}"
    if answer.status_code != step.get("status", 200):
        return f"expected {step.get('status', 200)}: {told}"
    if step.get("body_contains", "") not in answer.text:
        return f"expected {step['body_contains']!r}: {told}"
    listed = answer.json() if answer.content and "json" in answer.headers["content-type"] else None
    if "count" in step and len(listed) != step["count"]:
        return f"expected {step['count']}: {told}"
    if "labels" in step:
        key = sorted([sorted(_texts(labels).items()) for labels in step["labels"]])
        if sorted(sorted(each["labels"].items()) for each in listed) != key:
            return f"expected {step['labels']}: {told}"
    for where, wanted in step.get("each", {}).items():
        if any(_at(each, where) != wanted for each in listed):
            return f"expected {where} {wanted!r}: {told}"
    if "alerts_in_first" in step and len(listed[0]["alerts"]) != step["alerts_in_first"]:
        return f"expected {step['alerts_in_first']} alerts in the first: {told}"
    return ""


def _at(element: Any, where: str) -> Any:
    for name in where.split("."):
        if isinstance(element, list):
            counted = name in ("count", "length", "len")
            element = len(element) if counted else element[int(name)]
        else:
            element = element[name]
    return element


def _texts(labels: Mapping[Any, Any]) -> dict[str, str]:
    return {str(name): str(value) for name, value in labels.items()}


def _timed(given: Any) -> Any:
    """Put times where the case has "now", "now+5m" or "now-1h"."""
    if isinstance(given, list):
        return [_timed(each) for each in given]
    if isinstance(given, dict):
        return {str(name): _timed(value) for name, value in given.items()}
    if isinstance(given, str) and (found := re.fullmatch(r"now(?:([+-]\d+)([smhd]))?", given)):
        ahead = int(found[1]) * _SECONDS[found[2]] if found[1] else 0
        return at(system_clock() + ahead * 1_000)
    return given
