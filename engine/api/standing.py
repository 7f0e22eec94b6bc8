"""How rules stand: what each worker's shards know of them, and what that is together.

A shard knows how its last evaluation of a Prometheus rule went and what its alerts' values are
now. Where no shard answers, and for native rules, the notifier's records say the last that was
told.
"""

from collections.abc import Mapping, Sequence

import msgspec

from engine.alerts import Health
from engine.api.views import RuleAlertView, RuleFailureView, RuleView

_WORST: Mapping[Health, int] = {"unknown": 0, "ok": 1, "err": 2}


class Judged(msgspec.Struct, frozen=True, array_like=True):
    """How the last evaluation of a rule went, in one shard or in several."""

    identity: str
    health: Health
    error: str
    at_ms: int  # the tick; 0: none yet
    seconds: float  # how long it took

    def joined(self, other: "Judged") -> "Judged":
        """Return both as one: the worse health, the later tick, the longer time."""
        worse = self if _WORST[self.health] >= _WORST[other.health] else other
        return Judged(
            self.identity, worse.health, worse.error,
            max(self.at_ms, other.at_ms), max(self.seconds, other.seconds),
        )  # fmt: skip


class Records(msgspec.Struct, frozen=True):
    """What the notifier was told last."""

    alerts: list[RuleAlertView]
    failures: list[RuleFailureView]


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What one worker knows."""

    shards: dict[int, int]  # its shards -> how far in the log each is
    of: int  # shards that there are
    rules: list[Judged] = []  # Prometheus rules
    alerts: list[RuleAlertView] = []  # of these rules, as of their last evaluation
    steps: dict[int, tuple[int, float]] = {}  # native rules: step in ms -> last tick, seconds each
    records: Records | None = None  # None: the notifier is not here


class Together(msgspec.Struct, frozen=True, kw_only=True):
    """What is known by all who answered."""

    rules: dict[str, Judged]  # by identity
    alerts: list[RuleAlertView]
    failures: dict[tuple[str, str], str]  # identity, version -> error; of shards that are silent
    steps: dict[int, tuple[int, float]]
    told: bool  # whether the notifier's records are among it
    warnings: list[str]

    def knows(self, rule: RuleView) -> bool:
        """Say whether a rule without alerts here has none."""
        return self.told or rule.identity in self.rules

    def shown(self, rule: RuleView) -> RuleView:
        """Return a rule with how its last evaluation went."""
        now = self.rules.get(rule.identity)
        if now is not None:
            rule = msgspec.structs.replace(
                rule, health=now.health, last_error=now.error, last_evaluation_ms=now.at_ms,
                evaluation_s=now.seconds,
            )  # fmt: skip
        elif rule.native and rule.interval_ms in self.steps:
            at_ms, seconds = self.steps[rule.interval_ms]
            rule = msgspec.structs.replace(rule, last_evaluation_ms=at_ms, evaluation_s=seconds)
        error = self.failures.get((rule.identity, rule.version))
        if error is None or rule.health == "err":
            return rule
        return msgspec.structs.replace(rule, health="err", last_error=error)


def together(answers: Sequence[Standing], silent: Sequence[str]) -> Together:
    """Return what workers know together; `silent`: those that did not answer."""
    records = next((a.records for a in answers if a.records is not None), None)
    newest: dict[int, tuple[int, int]] = {}  # shard -> how far, whose answer; it may have moved
    rules: dict[str, Judged] = {}
    steps: dict[int, tuple[int, float]] = {}
    for number, answer in enumerate(answers):
        for shard, offset in answer.shards.items():
            newest[shard] = max((offset, number), newest.get(shard, (-1, 0)))
        for judged in answer.rules:
            held = rules.get(judged.identity)
            rules[judged.identity] = judged if held is None else held.joined(judged)
        for every_ms, (at_ms, seconds) in answer.steps.items():
            last_ms, longest_s = steps.get(every_ms, (at_ms, seconds))
            steps[every_ms] = max(at_ms, last_ms), max(seconds, longest_s)
    alerts = [
        alert
        for number, answer in enumerate(answers)
        for alert in answer.alerts
        if newest.get(alert.shard, (0, number))[1] == number
    ]
    failures = {}
    if records is not None:
        alerts += [a for a in records.alerts if a.rule_id not in rules or a.shard not in newest]
        failures = {
            (each.identity, each.version): each.error
            for each in records.failures
            if each.identity not in rules or each.shard not in newest
        }
    missing = sorted(set(range(max(a.of for a in answers))) - newest.keys())
    return Together(
        rules=rules, alerts=alerts, failures=failures, steps=steps, told=records is not None,
        warnings=_warnings(silent, missing, records is not None),
    )  # fmt: skip


def _warnings(silent: Sequence[str], missing: Sequence[int], told: bool) -> list[str]:
    found = [f"worker {name} does not answer" for name in sorted(silent)]
    if missing:
        shards = f"shard{'s' * (len(missing) > 1)} {', '.join(map(str, missing))}"
        found.append(f"nobody answers for {shards}: alerts there are as last recorded")
    if not told:
        found.append("the notifier cannot be asked: alerts of native rules are not known")
    return found
