"""kill -9, ten times, on the embedded default: records by HTTP, nothing lost, nothing invented.

A request that was not answered is sent again, and may have been taken before. So the rules are ones
that a repeated row cannot move (max, distinct), with thresholds that one unit decides, and a row is
stamped when it is sent: downtime moves event times, never what is true of a service.
"""

import json
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.acceptance.keeper import BETWEEN, Keeper
from tests.acceptance.quiet import Quiet
from tests.acceptance.talking import ask, embedded_log
from tests.acceptance.teams import route_by
from tests.acceptance.whole import Whole, whole
from tests.waiting import DeadlineError, until

pytestmark = [pytest.mark.slow]

APP = "kills"
CLAIMED = "notify.after_claim"
SERVICES = 6
QUIET = 2  # more of them, that are silenced: by a file, and by the API
EPISODES = 2
# Steps: acknowledged requests, STEP_S apart. What fires and ends before anybody was told is told to
# nobody: an incident, and the calm after it, last until everybody knows.
HOT, COLD, LATER = 30, 25, 8
STEP_S = 0.4
KILLS = 7  # at random moments, beside the fault points
LOAD_LIMIT, USERS_LIMIT = 100, 3
RULES = f"""\
groups:
- name: kills
  rules:
  - alert: LoadHigh
    metrics: load
    window: {{tumbling: 1s}}
    by: [service]
    compute: {{peak: max()}}
    when: peak > {LOAD_LIMIT}
    no_data: keep
    annotations: {{summary: "{{{{ labels.service }}}} is at {{{{ peak }}}}"}}
  - alert: ManyUsers
    logs: '{{job="shop"}} |= "timeout"'
    window: {{tumbling: 1s}}
    by: [service]
    compute: {{users: distinct(user)}}
    when: users > {USERS_LIMIT}
    no_data: keep
    annotations: {{summary: "{{{{ labels.service }}}}: {{{{ users }}}} users"}}
"""

Key = tuple[str, str, str, float]  # rule, service, state, value


class Sender(threading.Thread):
    """Posts the steps in order; each until it is acknowledged.

    The last before a change is posted again and again until `known()`, how many begins and ends
    every far side has heard of, is all there is to know.
    """

    def __init__(self, url: str, known: Callable[[], tuple[int, int]]) -> None:
        super().__init__(daemon=True)
        self.url, self.over, self._known = url, threading.Event(), known
        self.steps = EPISODES * (HOT + COLD) + (SERVICES + QUIET) * LATER
        self.step = self.again = 0
        self.finished = False
        # (service, hot, number of the episode) -> times at which such rows were sent
        self.stamps: dict[tuple[str, bool, int], set[int]] = {}

    def hot(self, service: int, step: int) -> tuple[bool, int]:
        """Whether a service is in an incident, and which; they begin one after the other."""
        since = step - service * LATER - LATER
        number, within = divmod(max(since, 0), HOT + COLD)
        return 0 <= since < EPISODES * (HOT + COLD) and within < HOT, number

    def run(self) -> None:
        while self.step < self.steps:
            began_s = time.monotonic()
            while not self._sent():
                self.again += 1
                if self.over.wait(0.1):
                    return
            self.step += not self._behind()
            if self.over.wait(max(0.0, began_s + STEP_S - time.monotonic())):
                return
        self.finished = True

    def _behind(self) -> bool:
        """Whether somebody goes into or out of an incident next, and somebody lacks the last."""
        now = [self.hot(number, self.step) for number in range(SERVICES)]
        then = [self.hot(number, self.step + 1) for number in range(SERVICES)]
        if now == then or self.step + 1 >= self.steps:
            return False
        over = [min(e + self._ended(n), EPISODES) for n, (_, e) in enumerate(now)]
        ended, began = sum(over), sum(over) + sum(hot for hot, _ in now)
        knows_began, knows_ended = self._known()
        return knows_began < 2 * began or knows_ended < 2 * ended

    def _ended(self, service: int) -> bool:
        """Whether a service is calm after the incident of its present episode."""
        since = self.step - service * LATER - LATER
        return since >= 0 and since % (HOT + COLD) >= HOT

    def _sent(self) -> bool:
        at_ms = int(time.time() * 1000)
        metrics, logs = [], []
        for number in range(SERVICES + QUIET):
            hot, episode = self.hot(number, self.step)
            name = f"s{number}"
            self.stamps.setdefault((name, hot, episode), set()).add(at_ms)
            metrics.append({"timestamp": at_ms, "name": "load", "labels": {"service": name},
                            "value": LOAD_LIMIT + hot})  # fmt: skip
            logs += [
                {"timestamp": at_ms, "labels": {"job": "shop", "service": name},
                 "message": "timeout", "user": f"u{user}"}
                for user in range(USERS_LIMIT + hot)
            ]  # fmt: skip
        return self._post("metrics", metrics) and self._post("logs", logs)

    def _post(self, kind: str, records: list[dict]) -> bool:
        body = "\n".join(map(json.dumps, records)).encode()
        answer = ask(f"{self.url}/api/v1/ingest/{kind}", body, timeout_s=10)
        assert answer.status in (0, 200, 503), answer
        return answer.status == 200


def known(run: Whole) -> tuple[int, int]:
    """How many begins, and how many ends, every far side has heard of."""
    hooks, roots = tuple(run.far.hooks()), run.far.roots()
    mails = [status for _, status in run.far.mails()]
    elsewhere = run.far.elsewhere.heard().values()
    ended = sum(what.startswith("resolved") for _, _, what in hooks)
    over = sum("RESOLVED" in text for text in roots)
    return (
        min(len(hooks) - ended, len(roots), mails.count("firing"), *(h.began for h in elsewhere)),
        min(ended, over, mails.count("resolved"), *(h.ended for h in elsewhere)),
    )


def truth(services: int = SERVICES) -> dict[tuple[str, str], list[tuple[str, float]]]:
    """(rule, service) -> what must be said of it, in order."""
    one = {
        "LoadHigh": [("firing", LOAD_LIMIT + 1.0), ("resolved", float(LOAD_LIMIT))],
        "ManyUsers": [("firing", USERS_LIMIT + 1.0), ("resolved", float(USERS_LIMIT))],
    }
    return {(rule, f"s{n}"): said * EPISODES for rule, said in one.items() for n in range(services)}


def once(entries: list[dict]) -> list[dict]:
    """Alert records as a reader counts them; what a replay wrote again is the same but for its
    two wall-clock stamps."""
    found: dict[tuple[int, int], dict] = {}
    repeated = 0
    for entry in entries:
        if entry["kind"] != "alert":
            continue
        plain = {k: v for k, v in entry.items() if k not in ("arrival_ms", "decision_ms")}
        first = found.setdefault((entry["shard"], entry["sequence"]), plain)
        assert first == plain, "a replay decided otherwise"
        repeated += first is not plain
    print(f"alert records={len(found)} written again by a replay={repeated}")
    return list(found.values())


def said(records: list[dict], sender: Sender) -> dict[tuple[str, str], list[tuple[str, float]]]:
    column = {"LoadHigh": "peak", "ManyUsers": "users"}
    found: dict[tuple[str, str], list[tuple[str, float]]] = {}
    for entry in sorted(records, key=lambda e: (e["shard"], e["sequence"])):
        key = entry["rule"], entry["labels"]["service"]
        told = found.setdefault(key, [])
        # The window that decided it holds rows of that very incident, or of the calm after it.
        number = len(told) // 2
        firing = entry["state"] == "firing"
        stamps = sender.stamps[key[1], firing, number]
        ends = {-(-stamp // 1_000) * 1_000 for stamp in stamps}
        assert entry["event_ms"] in ends, (entry, sorted(ends))
        told.append((entry["state"], entry["values"][column[key[0]]]))
    return found


def finished(run: Whole, sender: Sender, keeper: Keeper) -> None:
    until(lambda: sender.finished, 300, lambda: f"step {sender.step}\n{run.logs()}")
    wanted = len(truth()) * EPISODES

    def done() -> bool:
        return min(known(run)) >= wanted and keeper.worker.running

    def told() -> str:
        numbers = (
            f"{len(run.far.hooks())} webhooks and {len(run.far.mails())} mails of {2 * wanted}"
        )
        return f"{numbers}; {run.far.elsewhere.heard()}\n{run.state()}"

    until(done, 60, told)


@contextmanager
def explained(keeper: Keeper) -> Iterator[None]:
    """Where somebody was not told: print what the log knows of that group and receiver."""
    try:
        yield
    except DeadlineError:
        keeper.finish()
        told: dict[tuple[str, str], list[str]] = {}
        for e in embedded_log(keeper.worker.directory / "data/log", APP):
            if e["kind"] == "notified":
                what = "end" if e["resolved"] else "fire"
                line = (
                    f"{e['at_ms']}+{e['sent_ms'] - e['at_ms']} {what} {e['outcome']} {e['reason']}"
                )
                told.setdefault((e["integration"], e["group_key"]), []).append(line)
        for key, lines in sorted(told.items()):
            sent = [line for line in lines if "dropped" not in line]
            if len(sent) != 2 * EPISODES:
                print(*key, *lines, sep="\n  ")
        raise


def test_ten_kills_on_the_embedded_log_lose_nothing(tmp_path: Path) -> None:
    seed = int(os.environ.get("SEED", "11"))
    print(f"seed={seed}")
    rng = random.Random(seed)
    faults = [f"{point}:{rng.randrange(3, 12)}" for point in (BETWEEN, CLAIMED, BETWEEN, BETWEEN)]
    with whole(tmp_path, "embedded://@directory@/data/log", "", APP, RULES) as run:
        run.config = run.config.replace("lateness: 4s", "lateness: 1s")
        quiet = Quiet(run, by_file=f"s{SERVICES}", by_api=f"s{SERVICES + 1}")
        route_by(run, "service", (f"s{n}" for n in range(SERVICES + QUIET)), everywhere=True)
        keeper = Keeper(run.worker("w0"), faults)
        keeper.start()
        sender = Sender(keeper.worker.url, lambda: known(run))
        try:
            until(lambda: keeper.worker.running and keeper.worker.answers(), 60)
            quiet.set(keeper.worker.url)
            sender.start()
            for number in range(KILLS):
                at = sender.steps * (number + rng.random() / 2) / KILLS
                until(lambda at=at: sender.step >= at or sender.finished, 240)
                until(keeper.kill, 30)
            with explained(keeper):
                finished(run, sender, keeper)
            silences = quiet.listed(keeper.worker.url)
        finally:
            sender.over.set()
            keeper.finish()
        print(f"deaths={dict(keeper.deaths)} requests sent again={sender.again}")
        assert keeper.deaths["kill -9"] >= KILLS
        assert keeper.deaths[BETWEEN] >= 3
        assert sum(keeper.deaths.values()) >= 10
        assert keeper.deaths["by itself"] == keeper.deaths["at start"] == 0
        entries = embedded_log(keeper.worker.directory / "data/log", APP)
        assert said(once(entries), sender) == truth(SERVICES + QUIET)
        quiet.check(silences, entries)
        tell(run, entries, sum(keeper.deaths.values()))


def tell(run: Whole, entries: list[dict], deaths: int) -> None:
    """Each firing and resolved reached every far side; what came twice says so."""
    wanted = len(truth()) * EPISODES
    marked = Counter(
        e["integration"].partition("/")[0]
        for e in entries
        if e["kind"] == "notified" and e["possibly_repeated"]
    )
    hooks, roots, mails = run.far.hooks(), run.far.roots(), run.far.mails()
    warned = run.far.warned()
    keys = Counter(hit.headers["idempotency-key"] for hit in tuple(run.far.hook.hits))
    print(
        f"webhook={sum(hooks.values())} of {2 * wanted} (keys={len(keys)}) "
        f"slack={len(roots)} of {wanted} mails={sum(mails.values())} of {2 * wanted} "
        f"warned={dict(warned)} marked={dict(marked)}"
    )
    assert len(hooks) == 2 * wanted
    assert sum(hooks.values()) - 2 * wanted == sum(keys.values()) - len(keys)
    assert 0 <= len(roots) - wanted <= warned["slack"]
    assert len(mails) == 2 * wanted
    assert 0 <= sum(mails.values()) - 2 * wanted <= warned["email"]
    run.far.elsewhere.check(wanted)
    # At most what one destination has on its way at once (notifiers/delivery/lanes.py), a death.
    assert max(marked.values(), default=0) <= 8 * deaths
