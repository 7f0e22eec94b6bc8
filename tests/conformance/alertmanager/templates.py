"""Templates: what they expand to, KV, and the data that notifications give them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from engine.template.go import Failure, TemplateError, TextList, parse_time
from notifiers.alert import fingerprint
from notifiers.notification import Notification, NotifiedAlert, common
from notifiers.templating import EMPTY, data_from, data_of
from notifiers.templating.model import KV, Data
from tests.conformance.alertmanager.scenes import judged, one_part, scenario
from tests.conformance.corpora import Part, Tally

_FILE = "templates.yaml"
_NOW_MS = 1_700_000_000_000


def parts(only: str = "") -> list[Part]:
    """Return the cases."""
    return one_part(run, _FILE, only)


def run(only: str = "") -> Tally:
    """Judge every case."""
    found = scenario(_FILE)
    cases: dict[str, Any] = {
        f"expansion {number} {case['title']}": (_expansion, case)
        for number, case in enumerate(found.get("expansion", ()))
    }
    kv = found.get("kv", {})
    for number, case in enumerate(_listed(kv.get("sorted_pairs"))):
        cases[f"sorted_pairs {number}"] = (_sorted_pairs, case)
    for number, case in enumerate(_listed(kv.get("remove"))):
        cases[f"remove {number}"] = (_remove, case)
    for number, case in enumerate(found.get("data", ())):
        cases[f"data {number}"] = (_data, case)
    return judged("templates", cases, only)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value] if value else []


def _expansion(case: Mapping[str, Any]) -> str:
    data = _dot(case.get("data"))
    try:
        parse = EMPTY.html if case.get("html") else EMPTY.text
        got = parse(case["template"]).expand_data(data, _NOW_MS)
    except TemplateError as error:
        return "" if case.get("fails") else f"failed: {error}"
    if case.get("fails"):
        return f"expected it to fail, got {got!r}"
    return "" if got == case["expected"] else f"expected {case['expected']!r}, got {got!r}"


def _dot(given: Any) -> Any:
    """Return what `.` is: the data of a notification, or any other value of the case."""
    if isinstance(given, datetime):
        given = given.isoformat().replace("+00:00", "Z")
        given = given if given[-1] == "Z" or "+" in given else f"{given}Z"
    if isinstance(given, str):
        try:
            return parse_time("2006-01-02T15:04:05Z07:00", given)
        except Failure:
            return given
    if isinstance(given, list) and all(isinstance(each, str) for each in given):
        return TextList(given)
    known = {name.lower() for name in Data.go_tags} | set(Data.go_tags.values())
    if given is None or (isinstance(given, dict) and known & {name.lower() for name in given}):
        return data_from(given)
    return given


def _sorted_pairs(case: Mapping[str, Any]) -> str:
    got = [pair.name for pair in KV(case["kv"]).sorted_pairs()]
    return "" if got == case["names"] else f"expected {case['names']}, got {got}"


def _remove(case: Mapping[str, Any]) -> str:
    got = [pair.name for pair in KV(case["kv"]).without(case["remove"]).sorted_pairs()]
    return "" if got == case["names"] else f"expected {case['names']}, got {got}"


def _data(case: Mapping[str, Any]) -> str:
    alerts = tuple(map(_alert, case["alerts"]))
    firing = any(alert.status == "firing" for alert in alerts)
    notification = Notification(
        tenant="default", receiver="team", integration="webhook/0", group_key="{}:{}",
        group_labels=case.get("groupLabels", {}),
        common_labels=common([alert.labels for alert in alerts]),
        common_annotations=common([alert.annotations for alert in alerts]),
        route_labels={}, status="firing" if firing else "resolved", reason="first notification",
        external_url="http://tocsin", n=1, episodes=(), alerts=alerts, previous=None,
        redis_degraded=False, possibly_repeated=False, now_ms=_NOW_MS,
    )  # fmt: skip
    parts = data_of(notification).parts
    wanted = {
        "Status": case["status"], "GroupLabels": case.get("groupLabels", {}),
        "CommonLabels": case["commonLabels"], "CommonAnnotations": case["commonAnnotations"],
        "Alerts": [(a["status"], a["labels"], a["annotations"], a["fingerprint"])
                   for a in case["alerts"]],
    }  # fmt: skip
    got = {name: getattr(parts[name], "data", parts[name]) for name in wanted}
    got["Alerts"] = [
        (a.parts["Status"], a.parts["Labels"].data, a.parts["Annotations"].data,
         a.parts["Fingerprint"])
        for a in parts["Alerts"]
    ]  # fmt: skip
    return "" if got == wanted else f"expected {wanted}, got {got}"


def _alert(case: Mapping[str, Any]) -> NotifiedAlert:
    return NotifiedAlert(
        status=case["status"], labels=case["labels"], annotations=case["annotations"],
        starts_at_ms=_NOW_MS - 60_000, ends_at_ms=_NOW_MS, generator_url="",
        fingerprint=fingerprint(case["labels"]),
    )  # fmt: skip
