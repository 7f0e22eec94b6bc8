"""What a rule's templates ask with `query` is read where the rule is evaluated."""

import json

from engine.replay import Pipeline
from engine.rules import compile_plan, load
from engine.sources import SourceSpec

RULES = """
groups:
- name: g
  interval: 15s
  rules:
  - alert: Hot
    expr: temp > 50
    annotations:
      limit: '{{ with query "max_over_time(limit[1m])" }}{{ . | first | value }}{{ end }}'
      own: '{{ with printf "limit{room=%q}" $labels.room | query }}{{ . | first | value }}{{ end }}'
      none: '{{ range query "nothing" }}x{{ end }}'
"""


def test_templates_see_the_series_of_all_shards():
    rules, findings = load({"rules.yml": RULES})
    assert rules is not None, findings
    pipe = Pipeline(compile_plan(rules), [SourceSpec("m", "metrics", 0, 1)], 5)
    for second in range(0, 60, 5):
        now_ms = second * 1_000
        rows = [
            {"timestamp": now_ms, "name": name, "labels": {"room": room}, "value": value}
            for room, limit in (("a", 70.0), ("b", 80.0))
            for name, value in (("temp", second * 1.0 + 20), ("limit", limit))
        ]
        pipe.feed("m", 0, [json.dumps(row).encode() for row in rows], now_ms)
        pipe.mark(now_ms)
        pipe.run(now_ms)
    fired = {r.labels["room"]: r.annotations for r in pipe.alert_records if r.state == "firing"}
    assert {room: said["own"] for room, said in fired.items()} == {"a": "70", "b": "80"}
    assert {said["limit"] for said in fired.values()} <= {"70", "80"}
    assert {said["none"] for said in fired.values()} == {""}
