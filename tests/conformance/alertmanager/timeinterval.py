"""Time intervals: which are valid, what they contain, and when routes are muted by them."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import yaml

from notifiers.time_intervals import TimeInterval, muting
from tests.conformance.alertmanager.scenes import (
    NOBODY,
    judged,
    must_read,
    one_part,
    read,
    scenario,
    under,
)
from tests.conformance.corpora import Part, Tally

_FILE = "timeinterval.yaml"
_KINDS = ("interval_cases", "yaml_cases", "complete_cases", "time_ranges")
_ROUTED = """\
route:
  receiver: nobody
  routes: [{{receiver: nobody, {kind}: [{names}]}}]
receivers: [{{name: nobody}}]
"""


def parts(only: str = "") -> list[Part]:
    """Return the cases."""
    return one_part(run, _FILE, only)


def run(only: str = "") -> Tally:
    """Judge every case."""
    found = scenario(_FILE)
    cases: dict[str, Any] = {
        f"{kind} {number}": (_range if kind == "time_ranges" else _interval, case)
        for kind in _KINDS
        for number, case in enumerate(found.get(kind, ()))
    }
    for kind in ("mute_time_intervals", "active_time_intervals"):
        section = found.get(kind, {"cases": ()})
        for number, case in enumerate(section["cases"]):
            cases[f"{kind} {number}"] = (_muted, (kind, section["intervals"], case))
    return judged("timeinterval", cases, only)


def _file(text: str) -> str:
    """Return a configuration with the text of an interval, or of a list of them, as written."""
    is_list = isinstance(yaml.safe_load(text), list)
    body = (
        under("  time_intervals", text, 4) if is_list else under("  time_intervals:\n  -", text, 4)
    )
    return f"{NOBODY}time_intervals:\n- name: asked\n{body.replace('-:', '-')}"


def _interval(case: Any) -> str:
    config, errors = read(_file(case["yaml"]))
    valid = case.get("valid", True)
    if bool(errors) == valid:
        return f"valid must be {valid}: {errors}"
    if config is None:
        return ""
    intervals = config.time_intervals["asked"]
    outside = [text for text in case.get("contains", ()) if not _any(intervals, _rfc822(text))]
    inside = [text for text in case.get("excludes", ()) if _any(intervals, _rfc822(text))]
    return f"not contained {outside}, contained {inside}" if outside or inside else ""


def _range(case: Any) -> str:
    text = (
        f"{NOBODY}time_intervals:\n- name: asked\n  time_intervals:\n  - times: [{case['yaml']}]\n"
    )
    config, errors = read(text)
    if case.get("error"):
        return "" if errors else "accepted"
    if config is None:
        return f"refused: {errors}"
    (interval,) = config.time_intervals["asked"]
    wanted = (tuple(case["minutes"]),)
    return "" if interval.times == wanted else f"expected {wanted}, got {interval.times}"


def _muted(asked: tuple[str, Any, Any]) -> str:
    kind, intervals, case = asked
    named = [{"name": name, "time_intervals": each} for name, each in intervals.items()]
    text = _ROUTED.format(kind=kind, names=", ".join(intervals))
    text += yaml.safe_dump({"time_intervals": named}, sort_keys=False)
    config = must_read(text)
    now_ms = round(datetime.fromisoformat(case["now"]).timestamp() * 1000)
    route = config.route.routes[0]
    active, mute = route.active_time_intervals, route.mute_time_intervals
    got = muting(active, mute, config.time_intervals, now_ms)
    if "muted" in case:
        return "" if bool(got) == case["muted"] else f"expected {case['muted']}, got {got}"
    wanted = tuple(case["muted_by"])
    return "" if got == wanted else f"expected {wanted}, got {got}"


def _any(intervals: Iterable[TimeInterval], at_ms: int) -> bool:
    return any(interval.contains(at_ms) for interval in intervals)


def _rfc822(text: str) -> int:
    return round(datetime.strptime(text, "%d %b %y %H:%M %z").timestamp() * 1000)
