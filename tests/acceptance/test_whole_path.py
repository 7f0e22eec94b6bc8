"""From 100,000 samples and 100,000 log lines on a real Kafka to exactly the expected messages."""

import dataclasses
import json
import os
import random
import re
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance import services
from tests.acceptance.fleet import SERVICES, WINDOW_MS, Load
from tests.acceptance.keeper import BETWEEN, Keeper, wait_all
from tests.acceptance.quiet import Quiet
from tests.acceptance.teams import route_by
from tests.acceptance.whole import Producer, Whole, alert_log, keys, whole
from tests.waiting import until

pytestmark = [pytest.mark.real, pytest.mark.slow]

HELD = Load(0, windows=150, held=True)
"""Incidents that end when the faults are over: none may fire and end within one outage, because
that is told as its net state, to nobody."""
QUICK = Load(0, windows=24, pods=22)
TEAMS = tuple(f"s{number}" for number in range(SERVICES))
"""One for each service; of the last two nobody is to hear in the test with faults."""


@pytest.fixture(scope="module")
def parts() -> Iterator[tuple[services.Kafka, services.Redis]]:
    for reason in (services.missing_kafka(), services.missing_redis()):
        if reason:
            pytest.skip(reason)
    with services.kafka() as kafka, services.redis() as redis:
        yield kafka, redis


@pytest.fixture(autouse=True)
def empty_topics(parts: tuple[services.Kafka, services.Redis]) -> Iterator[None]:
    """Every test has its sources to itself: a new application reads them from their start."""
    kafka, _ = parts
    kafka.create_topic("metrics", 4)
    kafka.create_topic("logs", 3)
    yield
    kafka.delete_topic("metrics")
    kafka.delete_topic("logs")


def starting(load: Load, in_s: float = 3.0) -> Load:
    """The same load, from a moment on."""
    start_ms = int((time.time() + in_s) * 1000) // WINDOW_MS * WINDOW_MS + WINDOW_MS
    return dataclasses.replace(load, start_ms=start_ms)


def finished(run: Whole, load: Load, wanted: int, timeout_s: float) -> None:
    """Wait until that many episodes have ended at the webhook, the slowest far side aside."""

    def done() -> bool:
        return sum(w.startswith("resolved") for _, _, w in run.far.hooks()) >= wanted

    def told() -> str:
        known = keys(alert_log(run.broker.removeprefix("kafka://"), run.app))
        truth = load.truth()
        return (
            f"{len(run.far.hooks())} of {2 * wanted} messages; {len(known)} alert records, "
            f"missing {sorted(set(truth) - set(known))[:5]} extra {sorted(set(known) - set(truth))[:5]}"
            f"\nload ends {load.end_ms}\n{run.state()}"
        )

    until(done, timeout_s, told)


def test_100_000_samples_and_lines_give_exactly_the_expected_messages(
    parts: tuple[services.Kafka, services.Redis], tmp_path: Path
) -> None:
    kafka, redis = parts
    with whole(tmp_path, kafka.url, redis.url, "calm", QUICK.rules()) as run:
        route_by(run, "service", TEAMS, everywhere=True)
        for name in ("w0", "w1"):
            run.worker(name).start()
        load = starting(QUICK)
        producer = Producer(kafka.bootstrap, load)
        producer.start()
        producer.join(load.windows * WINDOW_MS / 1000 + 60)
        assert producer.failed is None
        assert min(producer.sent.values()) >= 100_000, producer.sent
        wanted = load.episodes()
        finished(run, load, wanted, 120)
        until(lambda: sum("RESOLVED" in text for text in run.far.roots()) >= wanted, 90)
        until(lambda: sum(run.far.mails().values()) >= 2 * wanted, 30)
        told_everywhere(run, wanted)
        entries = alert_log(kafka.bootstrap, "calm")
        assert keys(entries) == load.truth()
        assert set(run.far.hooks().values()) == {1}
        assert len(run.far.hooks()) == 2 * wanted
        assert len(run.far.roots()) == wanted
        by_status = Counter(status for _, status in run.far.mails().elements())
        assert by_status == {"firing": wanted, "resolved": wanted}
        run.far.elsewhere.check(wanted)
        for worker in run.workers.values():
            assert worker.dropped() == {}
        print(f"sent={dict(producer.sent)} episodes={wanted} records={len(entries)}")


def repeated(entries: list[dict], channel: str) -> int:
    """How many notifications of a channel say themselves that they may have come twice."""
    return sum(
        e["possibly_repeated"]
        for e in entries
        if e["kind"] == "notified" and e["integration"].startswith(channel)
    )


def test_ten_kills_and_a_frozen_worker_lose_nothing(
    parts: tuple[services.Kafka, services.Redis], tmp_path: Path
) -> None:
    kafka, redis = parts
    seed = int(os.environ.get("SEED", "7"))
    print(f"seed={seed}")
    rng = random.Random(seed)
    with whole(tmp_path, kafka.url, redis.url, f"faults{seed}", HELD.rules()) as run:
        quiet = Quiet(run, by_file=TEAMS[-2], by_api=TEAMS[-1])
        route_by(run, "service", TEAMS, everywhere=True)
        # Whoever is the notifier dies between a send and its answer, again and again.
        keepers = {
            name: Keeper(run.worker(name), [f"{BETWEEN}:{rng.randrange(2, 6)}" for _ in range(3)])
            for name in ("w0", "w1")
        }
        for keeper in keepers.values():
            keeper.start()
        try:
            wait_all(keepers)
            quiet.set(keepers["w0"].worker.url)
            load = starting(HELD)
            producer = Producer(kafka.bootstrap, load)
            producer.start()
            seconds = load.windows * WINDOW_MS / 1000

            def strike() -> bool:
                return keepers[rng.choice(["w0", "w1"])].kill()

            for _ in range(7):
                # Up again first: an outage as long as an incident would be told as its net state.
                wait_all(keepers)
                moment_s = time.monotonic() + rng.uniform(0.2, 5.0)
                until(lambda moment_s=moment_s: time.monotonic() >= moment_s, 10)
                until(strike, 30)
            wait_all(keepers)
            frozen = keepers[rng.choice(["w0", "w1"])]
            frozen.worker.pause()
            asleep_s = time.monotonic()
            until(lambda: time.monotonic() - asleep_s >= 12, 15)  # twice the session
            frozen.worker.resume()
            wait_all(keepers)
            everything = loud(load)
            # Places take a message a second or less: what ends before its turn is told as its net
            # state.
            until(lambda: begun(run) >= everything, 150, run.state)
            load.release(int(time.time() * 1000))
            producer.join(seconds + 60)
            assert producer.failed is None
            wanted = loud(load)
            finished(run, load, wanted, 120)
            deaths = sum((keeper.deaths for keeper in keepers.values()), Counter())
            print(f"deaths={dict(deaths)}")
            assert deaths["kill -9"] >= 7
            assert deaths[BETWEEN] >= 3
            print(f"told={len(run.far.hooks())}")
            until(
                lambda: sum("RESOLVED" in text for text in run.far.roots()) >= wanted, 120,
                lambda: slack_history(run, alert_log(kafka.bootstrap, run.app)),
            )  # fmt: skip
            told_everywhere(run, wanted)
            entries = alert_log(kafka.bootstrap, f"faults{seed}")
            assert keys(entries) == load.truth()
            for keeper in keepers.values():
                quiet.check(quiet.listed(keeper.worker.url), entries)
            tell(run, entries, wanted)
        finally:
            for keeper in keepers.values():
                keeper.finish()


def loud(load: Load) -> int:
    """Episodes of the services that are not silenced."""
    return sum(k[2] == "firing" and k[1] not in TEAMS[-2:] for k in load.truth())


def begun(run: Whole) -> int:
    """How many alerts every kind of receiver has been told of, at least."""
    elsewhere = (told.began for told in run.far.elsewhere.heard().values())
    return min(len(run.far.hooks()), len(slack_alerts(run)), *elsewhere)


def told_everywhere(run: Whole, wanted: int) -> None:
    def over() -> bool:
        return all(told.all_over(wanted) for told in run.far.elsewhere.heard().values())

    until(over, 120, lambda: f"{run.far.elsewhere.heard()} of {wanted}\n{run.state()}")


def slack_alerts(run: Whole) -> set[tuple[str, str]]:
    """The alerts that have a Slack message of their own: service, words of the rule's summary."""
    words = re.compile(r"(s\d)(?: (sums to|records|has summed to)|: [\d.]+ (timeouts))")
    found = (words.search(text) for text in run.far.roots())
    return {(match[1], match[2] or match[3]) for match in found if match}


def slack_history(run: Whole, entries: list[dict]) -> str:
    """What the notification log says of the groups whose message does not show the end."""
    history: dict[str, list[str]] = {}
    for e in entries:
        if e["kind"] == "notified" and e["integration"].startswith("slack"):
            told = f"n={e['n']} {e['outcome']} {e['reason']} fire={len(e['firing'])} end={len(e['resolved'])} rep={e['possibly_repeated']} far={e['far_id'].get('ts')}"
            history.setdefault(e["group_key"], []).append(told)
    posts = [p for p in run.far.slack.posted() if p.thread_ts is None]
    open_ts = {p.ts for p in posts if "RESOLVED" not in json.dumps(p.body)}
    lines = [f"{len(posts)} messages, still open: {sorted(open_ts)}"]
    for key, told in sorted(history.items()):
        if any(ts in line for ts in open_ts for line in told) or not told[-1].count("end=1"):
            lines += [key, *told]
    return "\n".join(lines) + "\n" + run.state()


def tell(run: Whole, entries: list[dict], wanted: int) -> None:
    """Nobody missed a message; what came twice says so or carries the same key."""
    hooks = run.far.hooks()
    assert len(hooks) == 2 * wanted
    # A webhook's doubles carry the key of the first, so that a receiver can tell.
    keyed: dict[str, set[str]] = {}
    for hit in tuple(run.far.hook.hits):
        for alert in hit.json["alerts"]:
            what = f"{alert['fingerprint']} {alert['status']} {alert['startsAt']}"
            keyed.setdefault(what, set()).add(hit.headers["idempotency-key"])
    unkeyed = sum(len(found) - 1 for found in keyed.values())
    doubled = sum(hooks.values()) - 2 * wanted
    roots = run.far.roots()
    extra = len(roots) - wanted
    mails, warned = run.far.mails(), run.far.warned()
    print(
        f"webhook={sum(hooks.values())} doubled={doubled} doubled_without_key={unkeyed} "
        f"slack_roots={len(roots)} doubled_unconfirmed={extra} "
        f"mails={sum(mails.values())} warned={dict(warned)}"
    )
    assert unkeyed <= repeated(entries, "webhook")
    assert extra <= warned["slack"]
    assert len(mails) >= 2 * wanted
    assert sum(mails.values()) - 2 * wanted <= warned["email"]
    run.far.elsewhere.check(wanted)
