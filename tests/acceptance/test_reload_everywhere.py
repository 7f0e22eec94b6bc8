"""A rule change on two workers: one tick everywhere, whenever each of them gets its file."""

import json
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance import services
from tests.acceptance.talking import ask
from tests.acceptance.whole import Producer, Whole, Worker, alert_log, whole
from tests.waiting import until

pytestmark = [pytest.mark.real, pytest.mark.slow]

APP = "everywhere"
SERIES, STEP_MS = 48, 500
RULES = """\
groups:
- name: flips
  interval: 1s
  rules:
  - alert: Flips                      # judged where each series lives
    expr: flip > 0
    annotations: {{summary: "{words}"}}
  - alert: Sums                       # judged by one owner over all shards
    expr: sum by (half) (flip) > 0
    annotations: {{summary: "{words}"}}
  - alert: Steady
    expr: flip > -10
    for: 3s
    annotations: {{summary: "{words}"}}
- name: native
  rules:
  - alert: Native
    metrics: flip
    window: {{tumbling: 1s}}
    by: [one]
    compute: {{v: last()}}
    when: v > 0
    annotations: {{summary: "{words}"}}
"""


class Flips:
    """Every series changes sign every second, so every tick says by which version it was judged."""

    def __init__(self, start_ms: int, seconds: int) -> None:
        self.start_ms, self.seconds = start_ms, seconds

    def records(self) -> Iterator[tuple[int, str, int, bytes]]:
        for at_ms in range(self.start_ms, self.start_ms + 1000 * self.seconds, STEP_MS):
            value = 1 if at_ms // 1000 % 2 else -1
            for number in range(SERIES):
                labels = {"one": str(number), "half": str(number % 2)}
                record = {"name": "flip", "labels": labels, "value": value, "timestamp": at_ms}
                yield at_ms, "flips", number % 4, json.dumps(record).encode()


@pytest.fixture
def run(kafka: services.Kafka, redis: services.Redis, tmp_path: Path) -> Iterator[Whole]:
    kafka.create_topic("flips", 4)
    with whole(tmp_path, kafka.url, redis.url, APP, "groups: []\n") as found:
        head, _, _ = found.config.partition("sources:")
        found.config = (
            head.replace(f"{tmp_path}/shared/rules", "@directory@/rules")
            + "sources:\n  - {topic: flips, kind: metrics, format: json, lateness: 2s}\n"
        )
        yield found


def write(worker: Worker, words: str) -> None:
    """Give a worker its file as a ConfigMap does: by another target behind a link."""
    rules = worker.directory / "rules"
    rules.mkdir(exist_ok=True)
    target = rules / f".{words}"
    target.mkdir(exist_ok=True)
    (target / "flips.yml").write_text(RULES.format(words=words))
    link, fresh = rules / "flips.yml", rules / ".fresh"
    fresh.symlink_to(target / "flips.yml")
    fresh.replace(link)


def digest(worker: Worker) -> str:
    answer = ask(f"{worker.url}/api/v1/rules")
    found: str = answer.json()["data"]["load"]["digest"] if answer.status == 200 else ""
    return found


def test_no_tick_is_judged_by_two_versions(run: Whole, kafka: services.Kafka) -> None:
    workers = [run.worker("w0"), run.worker("w1")]
    for worker in workers:
        write(worker, "before")
    for worker in workers:
        worker.start()
    for worker in workers:
        until(worker.answers, 60, run.logs)
    first = digest(workers[0])
    start_ms = int((time.time() + 2) * 1000) // 1000 * 1000
    producer = Producer(kafka.bootstrap, Flips(start_ms, 50))  # type: ignore[arg-type]
    producer.start()
    until(lambda: time.time() * 1000 > start_ms + 12_000, 30)
    write(workers[0], "after")
    until(lambda: time.time() * 1000 > start_ms + 32_000, 40)
    write(workers[1], "after")  # twenty seconds later
    until(lambda: digest(workers[0]) not in ("", first), 20, run.logs)
    known_together(workers)
    producer.join(90)
    assert producer.failed is None
    time_ms = start_ms + 49_000
    until(lambda: any(e["event_ms"] >= time_ms for e in changes(kafka)), 30, run.logs)
    by_one_version(changes(kafka), start_ms)
    lasting(changes(kafka))


def known_together(workers: list[Worker]) -> None:
    """Whoever is asked what rules would read asks the other one too."""
    question = {"selectors": ['flip{half="1"}'], "expressions": ["flip > -10"]}
    for worker in workers:
        url = f"{worker.url}/api/v1/rules/inspect"
        alone, both = (ask(url + query, json.dumps(question).encode()) for query in ("?here", ""))
        assert 0 < len(alone.json()["shards"]) < 16, alone
        said = both.json()["data"]
        assert (said["shards"], said["silent"]) == (list(range(16)), [])
        (selector,) = said["selectors"]
        assert (selector["series"], selector["held"]) == ({"number": SERIES // 2}, SERIES // 2)
        assert selector["gaps_ms"] == [STEP_MS]
        assert said["expressions"][0]["rows"] == SERIES


def changes(kafka: services.Kafka) -> list[dict]:
    return [e for e in alert_log(kafka.bootstrap, APP) if e["kind"] == "alert"]


def by_one_version(found: list[dict], start_ms: int) -> None:
    """Each tick of each kind of rule has one wording; the new one begins once, for all of them."""
    words: dict[int, set[str]] = defaultdict(set)
    rules: dict[int, set[str]] = defaultdict(set)
    shards: set[int] = set()
    for entry in found:
        if entry["rule"] == "Steady" or entry["event_ms"] < start_ms:
            continue
        words[entry["event_ms"]].add(entry["annotations"]["summary"])
        rules[entry["event_ms"]].add(entry["rule"])
        shards.add(entry["shard"])
    assert len(shards) > 4, shards
    ticks = sorted(words)
    assert len(ticks) > 40
    assert all(len(words[tick]) == 1 for tick in ticks), {
        tick: words[tick] for tick in ticks if len(words[tick]) > 1
    }
    assert all(rules[tick] == {"Flips", "Sums", "Native"} for tick in ticks[3:-3])
    said = [next(iter(words[tick])) for tick in ticks]
    switched = said.index("after")
    assert set(said[:switched]) == {"before"}
    assert set(said[switched:]) == {"after"}, "it went back"
    print(f"{len(ticks)} ticks on {len(shards)} shards, switched at the {switched}th")


def lasting(found: list[dict]) -> None:
    """An alert that fires all the time is neither ended nor begun again by a change of words."""
    states: dict[str, list[str]] = defaultdict(list)
    for entry in found:
        if entry["rule"] == "Steady":
            states[entry["labels"]["one"]].append(entry["state"])
    assert len(states) == SERIES
    assert set(map(tuple, states.values())) == {("pending", "firing")}
