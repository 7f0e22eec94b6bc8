"""When somebody must be told: what they know against what is."""

from typing import Any

from notifiers.notification_log import LogEntry, decide
from tests.conformance.alertmanager.scenes import judged, one_part, scenario
from tests.conformance.corpora import Part, Tally
from tests.notifiers.world import T0

_FILE = "dedup.yaml"


def parts(only: str = "") -> list[Part]:
    """Return the cases."""
    return one_part(run, _FILE, only)


def run(only: str = "") -> Tally:
    """Judge every case."""
    cases = scenario(_FILE)["cases"]
    return judged("dedup", {f"{n}": (_judge, case) for n, case in enumerate(cases)}, only)


def _judge(case: Any) -> str:
    last = case.get("last")
    entry = None
    if last is not None:
        told_ms = T0 - round(last.get("age_s", 0) * 1000)
        entry = LogEntry(
            1, told_ms, told_ms, firing=_marks(last.get("firing")),
            resolved=_marks(last.get("resolved")),
        )  # fmt: skip
    reason = decide(
        entry,
        _marks(case.get("firing")),
        _marks(case.get("resolved")),
        send_resolved=case["send_resolved"],
        repeat_interval_ms=round(case["repeat_interval_s"] * 1000),
        now_ms=T0,
    )
    if (reason is not None) != case["notify"]:
        return f"expected {case['notify']}, got {reason}"
    wanted = case.get("reason", reason)
    return "" if reason == wanted else f"expected {wanted!r}, got {reason!r}"


def _marks(ids: list[int] | None) -> frozenset[str]:
    return frozenset(f"{each:016x}" for each in ids or ())
