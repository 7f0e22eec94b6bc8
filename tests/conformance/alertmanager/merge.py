"""Alerts of several senders become one."""

from typing import Any

from notifiers.alert import StoredAlert, from_posted, merge
from tests.conformance.alertmanager.scenes import judged, one_part, scenario
from tests.conformance.corpora import Part, Tally
from tests.notifiers.world import T0, posted

_FILE = "merge.yaml"


def parts(only: str = "") -> list[Part]:
    """Return the cases."""
    return one_part(run, _FILE, only)


def run(only: str = "") -> Tally:
    """Judge every case."""
    cases = scenario(_FILE)["cases"]
    return judged("merge", {f"{n}": (_judge, case) for n, case in enumerate(cases)}, only)


def _judge(case: Any) -> str:
    one, other = _stored(case["a"]), _stored(case["b"])
    wanted = case["merged"]
    for first, second in ((one, other), (other, one)):
        got = merge(first, second)
        said = (got.starts_at_ms, got.ends_at_ms, got.timeout)
        expected = (_ms(wanted["starts"]), _ms(wanted["ends"]), wanted["ends_by_timeout"])
        if said != expected:
            return f"expected {expected}, got {said}"
    return ""


def _stored(told: Any) -> StoredAlert:
    entry = posted({"alertname": "A"}, _ms(told["updated"]), _ms(told["starts"]), _ms(told["ends"]))
    stored = from_posted(entry, 1)
    fields = {name: getattr(stored, name) for name in stored.__struct_fields__}
    return StoredAlert(**{**fields, "timeout": told["ends_by_timeout"]})


def _ms(seconds: float) -> int:
    return T0 + round(seconds * 1000)
