"""Whatever comes in a topic or by HTTP: the bad is counted, named and kept; its neighbours count."""

import time
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.acceptance import bad, services
from tests.acceptance.talking import Sending, ask, labelled, received, send
from tests.acceptance.whole import Whole, Worker, alert_log, whole
from tests.waiting import until

pytestmark = [pytest.mark.real("kafka"), pytest.mark.slow]

APP = "badinput"
WINDOW_MS = 2_000
TOPICS = {"metrics": "bad-metrics", "logs": "bad-logs"}
YEAR_2100_MS = 4_102_444_800_000
FLOOD = 3_000
KEPT_A_SECOND = 100  # limits.rejects_per_second_max
RULES = """\
groups:
- name: bad
  rules:
  - alert: Samples
    metrics: good
    window: {tumbling: 2s}
    by: [group]
    compute: {n: count(), total: sum()}
    when: n > 0
    annotations: {summary: "{{ n }} {{ total }}"}
  - alert: Lines
    logs: '{job="good"}'
    window: {tumbling: 2s}
    by: [group]
    compute: {n: count(), users: distinct(user), total: sum(n)}
    when: n > 0
    annotations: {summary: "{{ n }} {{ users }} {{ total }}"}
"""


@pytest.fixture(scope="module")
def run(
    kafka: services.Kafka, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Whole, Worker, services.Kafka]]:
    directory = tmp_path_factory.mktemp("bad")
    for topic in TOPICS.values():
        # Producers' clocks may say what they like.
        never = {"message.timestamp.after.max.ms": str(2**63 - 1), "max.message.bytes": "4000000"}
        kafka.create_topic(topic, 2, never)
    with whole(directory, kafka.url, "", APP, RULES) as found:
        for kind, topic in TOPICS.items():
            found.config = found.config.replace(f"topic: {kind},", f"topic: {topic}, kind: {kind},")
        worker = found.worker("w0")
        worker.start()
        yield found, worker, kafka


def coming_window() -> int:
    """A time in a window that is judged some seconds from now."""
    return int(time.time() * 1000 + 5_000) // WINDOW_MS * WINDOW_MS + WINDOW_MS // 2


def firing(kafka: services.Kafka, group: str) -> dict[str, dict]:
    return {
        e["rule"]: e["values"]
        for e in alert_log(kafka.bootstrap, APP)
        if e["kind"] == "alert" and e["state"] == "firing" and e["labels"]["group"] == group
    }


def rejected(worker: Worker) -> Counter[tuple[str, str]]:
    """(reason, topic) -> how many, as /metrics says."""
    return labelled(worker.metrics(), "tocsin_rejects_total")  # type: ignore[return-value]


def test_each_bad_record_is_named_and_kept_and_its_neighbours_are_counted(
    run: tuple[Whole, Worker, services.Kafka],
) -> None:
    found_run, worker, kafka = run
    at_ms = coming_window()
    before = rejected(worker)
    records: list[Sending] = []
    wrong: list[tuple[int, str]] = []  # position in `records`, reason
    counted: Counter[str] = Counter()

    def valid(kind: str, value: bytes, stamp_ms: int = at_ms) -> None:
        records.append(Sending(TOPICS[kind], len(records) // 3 % 2, value, stamp_ms))
        counted[kind] += 1

    for kind, good, bads, odd in (
        ("metrics", bad.metric, bad.bad_metrics, bad.odd_metrics),
        ("logs", bad.line, bad.bad_lines, bad.odd_lines),
    ):
        for reason, value in bads(at_ms, "kafka"):
            valid(kind, good(at_ms, "kafka"))
            wrong.append((len(records), reason))
            records.append(Sending(TOPICS[kind], len(records) // 3 % 2, value, at_ms))
        for value in odd(at_ms, "kafka"):
            valid(kind, value)
        for partition in (0, 1):  # the clocks of these senders are off by 75 years
            valid(kind, good(at_ms, "kafka"), YEAR_2100_MS + partition)
    offsets = send(kafka.bootstrap, records)
    print(f"valid={dict(counted)} bad={len(wrong)}")
    where = {(records[i].topic, records[i].partition, offsets[i]): reason for i, reason in wrong}
    assert len(where) == len(wrong) > 60
    until(
        lambda: sum((rejected(worker) - before).values()) >= len(wrong), 20,
        lambda: f"{rejected(worker) - before}\n{found_run.state()}",
    )  # fmt: skip
    until(lambda: len(firing(kafka, "kafka")) == 2, 30)
    kept = received(kafka.bootstrap, f"{APP}.rejects")
    found = {(k["topic"], k["partition"], k["offset"]): k["reason"] for k in kept}
    assert found == where
    assert len(kept) == len(where)
    by_reason = Counter((reason, topic) for (topic, _, _), reason in where.items())
    assert rejected(worker) - before == by_reason
    # One is "NaN", one 0, and three groups of neighbours say 1: the bad ones left no trace.
    values = firing(kafka, "kafka")
    assert values["Samples"] == {"n": counted["metrics"], "total": counted["metrics"] - 2}
    # Neither the field that is an object nor the number of 400 digits counts for anything.
    assert values["Lines"] == {
        "n": counted["logs"], "users": 1, "total": 2 * (counted["logs"] - 1),
    }  # fmt: skip
    assert worker.dropped() == {}
    for each in kept:
        assert len(each["text"]) <= 512
        assert len(each["record"]) <= 4 * 4_096
        source = records[offsets_of(records, offsets, each)].value or b""
        start = source[:4_096].decode("utf-8", "backslashreplace")
        assert each["record"] == ("" if each["reason"] == "empty" else start.strip())[: len(start)]


def offsets_of(records: list[Sending], offsets: list[int], kept: dict) -> int:
    at = (kept["topic"], kept["partition"], kept["offset"])
    return next(i for i, r in enumerate(records) if (r.topic, r.partition, offsets[i]) == at)


def test_a_flood_of_bad_records_is_counted_and_kept_within_bounds(
    run: tuple[Whole, Worker, services.Kafka],
) -> None:
    _, worker, kafka = run
    at_ms = coming_window()
    before, kept_before = rejected(worker), len(received(kafka.bootstrap, f"{APP}.rejects"))
    began_s = time.monotonic()
    send(
        kafka.bootstrap,
        [Sending(TOPICS["metrics"], 0, b'{"timestamp": %d, "na' % i, at_ms) for i in range(FLOOD)]
        + [Sending(TOPICS["metrics"], 0, bad.metric(at_ms, "flood"), at_ms)],
    )
    until(lambda: "Samples" in firing(kafka, "flood"), 30)
    seconds = time.monotonic() - began_s
    assert rejected(worker) - before == {("malformed_json", TOPICS["metrics"]): FLOOD}
    kept = len(received(kafka.bootstrap, f"{APP}.rejects")) - kept_before
    left_out = int(worker.dropped().get("reject_not_kept", 0))
    print(f"flood={FLOOD} kept={kept} not_kept={left_out}")
    assert 0 < kept <= KEPT_A_SECOND * (seconds + 2)
    assert kept + left_out == FLOOD
    assert firing(kafka, "flood")["Samples"]["n"] == 1


def test_each_bad_line_of_a_request_is_named_to_its_sender(
    run: tuple[Whole, Worker, services.Kafka],
) -> None:
    _, worker, kafka = run
    at_ms = coming_window()
    before, dropped = rejected(worker), worker.dropped()
    accepted: Counter[str] = Counter()
    reasons: Counter[tuple[str, str]] = Counter()
    for kind, good, bads in (
        ("metrics", bad.metric, bad.bad_metrics), ("logs", bad.line, bad.bad_lines)
    ):  # fmt: skip
        lines, where = [], {}
        for reason, value in bads(at_ms, "http"):
            lines.append(good(at_ms, "http"))
            if reason != "empty":  # an empty line is none
                where[len(lines) + 1] = reason
            lines.append(value or b"")
        lines.append(good(at_ms, "http"))
        answer = ask(
            f"{worker.url}/api/v1/ingest/{kind}", b"\n".join(lines), kind="application/x-ndjson"
        )
        assert answer.status == 200, answer
        said = answer.json()
        assert {r["line"]: r["reason"] for r in said["rejected"]} == where
        assert len(said["rejected"]) == len(where)
        assert len(answer.text) < 100_000
        accepted[kind] = len(lines) - len(bads(at_ms, "http"))
        assert said["accepted"] == accepted[kind]
        reasons += Counter((reason, "@ingest") for reason in where.values())
    assert rejected(worker) - before == reasons
    for body in (b"", b"\n \n", b"\xff\xfe", b"{", b"[]\n" * 200):
        answer = ask(f"{worker.url}/api/v1/ingest/metrics", body, method="POST")
        assert answer.status == 400, (body, answer)
    until(lambda: len(firing(kafka, "http")) == 2, 30)
    values = firing(kafka, "http")
    assert values["Samples"] == {"n": accepted["metrics"], "total": accepted["metrics"]}
    assert values["Lines"] == {
        "n": accepted["logs"], "users": 1, "total": 2 * accepted["logs"],
    }  # fmt: skip
    assert worker.dropped() == dropped
