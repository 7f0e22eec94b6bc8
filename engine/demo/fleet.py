"""A made-up fleet: a dozen services whose metrics and log lines look like those of a shop.

It only makes records, as bytes, in the form that users' topics have. Time is an argument and the
seed decides everything else: equal (seed, start) give equal bytes, however often it is asked.

Healthy means: 0.5 % of requests fail, p99 of the latency is under 300 ms, queues are under 100,
cpu under 0.8, memory under 0.85, disk_free over 0.3, db_connections under 50, `up` is 1, about
one line in two minutes says "timeout" and about six a minute say "login failed".
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

import msgspec
import numpy as np
import numpy.typing as npt

from engine.demo.incidents import (
    HEALTHY_ERROR_RATIO,
    PODS,
    PODS_PER_SERVICE,
    QUEUES,
    SERVICES,
    Conditions,
    Floats,
    Occurrence,
    Schedule,
    occurrences,
    rows,
)
from engine.demo.lines import Lines

STEP_MS = 100
STEPS_BEHIND_MAX = 20
"""After a pause (a laptop that slept) the fleet goes on from now instead of catching up."""

ZONES = ("a", "b", "c")
METHODS = {"GET": 0.70, "POST": 0.20, "PUT": 0.06, "DELETE": 0.03, "PATCH": 0.01}
CODES = {
    "200": 0.900, "201": 0.040, "204": 0.020, "301": 0.010, "400": 0.010,
    "404": 0.010, "429": 0.005, "500": 0.003, "502": 0.001, "503": 0.001,
}  # fmt: skip

Ints = npt.NDArray[np.int64]
Values = Callable[[Ints], npt.NDArray[np.generic]]


@dataclass(frozen=True, slots=True)
class Slice:
    """The records of a stretch of time, in about the order in which they happened."""

    metrics: list[bytes]
    logs: list[bytes]


@dataclass(frozen=True, slots=True)
class _Family:
    """All series of one metric name, with everything of their records that doesn't change."""

    name: str
    frames: list[bytes]  # `{"timestamp":%d,"name":…,"value":%d}` by series
    pod: Ints  # row of the pod, by series
    turns: list[Ints]  # the series that speak in step k: turns[k % len(turns)]
    values: Values
    always: bool = False  # also while the pod is down: somebody else observes it


def _frames(name: str, extras: list[dict[str, str]], form: str) -> list[bytes]:
    """Return the record of each series, pods outermost, with holes for time and value."""
    frames = []
    for row, pod in enumerate(PODS):
        labels = {"service": SERVICES[row // PODS_PER_SERVICE], "pod": pod}
        labels["zone"] = ZONES[row % len(ZONES)]
        for extra in extras:
            text = msgspec.json.encode({"name": name, "labels": labels | extra})
            assert b"%" not in text
            frames.append(b'{"timestamp":%d,' + text[1:-1] + b',"value":' + form.encode() + b"}")
    return frames


class Fleet:
    """The fleet. `advance` is cheap enough for an event loop: about 0.5 ms for 100 ms of it."""

    def __init__(self, seed: int, start_ms: int, schedule: Schedule | None = None) -> None:
        self._start_ms = start_ms
        self._steps = 0  # made so far
        self._schedule = schedule or Schedule(occurrences(seed))
        self._random = np.random.default_rng(seed)
        self._lines = Lines(Random(seed))
        self._conditions = Conditions()
        self._was_down = self._conditions.down
        self._begin()
        self._families = self._build()

    @property
    def series(self) -> int:
        """How many series there are."""
        return sum(len(turn) for family in self._families for turn in family.turns)

    def advance(self, now_ms: int) -> Slice:
        """Return all records since the last call, in whole steps of 100 ms."""
        due = (now_ms - self._start_ms) // STEP_MS
        self._steps = max(self._steps, due - STEPS_BEHIND_MAX)
        out = Slice([], [])
        while self._steps < due:
            self._steps += 1
            self._step(out)
        return out

    def going_on(self, now_ms: int) -> list[Occurrence]:
        """Return the incidents of a moment that is not before the last one asked for."""
        return self._schedule.at(max(now_ms - self._start_ms, self._steps * STEP_MS))

    def _begin(self) -> None:
        pods, draw = len(PODS), self._random
        self._requests_per_second = draw.uniform(12, 30, pods)
        self._latency_ms = draw.uniform(20, 55, pods)
        self._cpu = draw.uniform(0.2, 0.45, pods)
        self._memory = draw.uniform(0.35, 0.6, pods)
        self._disk_free = draw.uniform(0.45, 0.8, pods)
        self._connections = draw.uniform(10, 30, pods)
        self._queue = np.full((pods, len(QUEUES)), 25.0)
        shares = np.outer(list(CODES.values()), list(METHODS.values())).ravel()
        self._share = np.tile(shares, pods)
        failing = np.repeat([code[0] == "5" for code in CODES], len(METHODS))
        self._failing = np.tile(failing, pods)
        self._requests = draw.integers(0, 200_000, pods * len(shares))
        self._errors = draw.integers(0, 5_000, pods)

    def _build(self) -> list[_Family]:
        codes = [{"code": code, "method": method} for code in CODES for method in METHODS]
        queues = [{"queue": queue} for queue in QUEUES]
        whole, part = "%d", "%.4f"
        return [
            self._family("http_requests_total", whole, 2_000, self._count_requests, codes),
            self._family("http_errors_total", whole, 1_000, self._count_errors),
            self._family("http_request_duration_ms", "%.1f", 200, self._draw_latency),
            self._family("queue_depth", whole, 1_000, self._draw_queue, queues),
            self._family("cpu_usage_ratio", part, 1_000, self._draw_cpu),
            self._family("memory_usage_ratio", part, 1_000, self._draw_memory),
            self._family("disk_free_ratio", part, 1_000, self._draw_disk),
            self._family("db_connections", whole, 1_000, self._draw_connections),
            self._family("up", whole, 1_000, self._draw_up, always=True),
            self._family("order_value", "%.2f", 1_000, self._draw_order),
        ]

    def _family(
        self,
        name: str,
        form: str,
        every_ms: int,
        values: Values,
        extras: list[dict[str, str]] | None = None,
        *,
        always: bool = False,
    ) -> _Family:
        extras = extras or [{}]
        frames = _frames(name, extras, form)
        pod = np.repeat(np.arange(len(PODS)), len(extras))
        member = np.arange(len(frames))
        if name == "order_value":
            member = np.arange(len(PODS))[rows("checkout")]
        steps = every_ms // STEP_MS
        turns = [member[turn::steps] for turn in range(steps)]
        return _Family(name, frames, pod, turns, values, always)

    def _step(self, out: Slice) -> None:
        at_ms = self._steps * STEP_MS
        going_on = self._schedule.at(at_ms)
        conditions = Conditions()
        for occurrence in going_on:
            occurrence.incident.bend(conditions, occurrence.strength(at_ms))
        self._conditions = conditions
        self._restart_pods()
        end_ms = self._start_ms + at_ms
        for family in self._families:
            self._speak(family, end_ms, out.metrics)
        self._lines.write(going_on, conditions.down, end_ms, STEP_MS, out.logs)

    def _restart_pods(self) -> None:
        """A pod that comes back counts from zero, as any restarted process does."""
        back = self._was_down & ~self._conditions.down
        self._was_down = self._conditions.down
        if back.any():
            self._errors[back] = 0
            self._requests[np.repeat(back, len(CODES) * len(METHODS))] = 0

    def _speak(self, family: _Family, end_ms: int, out: list[bytes]) -> None:
        turn = family.turns[self._steps % len(family.turns)]
        if not family.always:
            turn = turn[~self._conditions.down[family.pod[turn]]]
        if not len(turn):
            return
        values = family.values(turn).tolist()
        times = (end_ms - self._random.integers(0, STEP_MS, len(turn))).tolist()
        frames = family.frames
        out.extend(
            frames[series] % (time_ms, value)
            for series, time_ms, value in zip(turn.tolist(), times, values, strict=True)
        )

    def _count_requests(self, turn: Ints) -> Ints:
        pod = turn // (len(CODES) * len(METHODS))
        ratio = self._conditions.error_ratio[pod]
        share = self._share[turn] * np.where(
            self._failing[turn],
            ratio / HEALTHY_ERROR_RATIO,
            (1 - ratio) / (1 - HEALTHY_ERROR_RATIO),
        )
        self._requests[turn] += self._random.poisson(2 * self._requests_per_second[pod] * share)
        return self._requests[turn]

    def _count_errors(self, turn: Ints) -> Ints:
        expected = self._requests_per_second[turn] * self._conditions.error_ratio[turn]
        self._errors[turn] += self._random.poisson(expected)
        return self._errors[turn]

    def _draw_latency(self, turn: Ints) -> Floats:
        typical = self._latency_ms[turn] * self._conditions.latency_factor[turn]
        drawn: Floats = typical * self._random.lognormal(0, 0.5, len(turn))
        return drawn

    def _draw_queue(self, turn: Ints) -> Floats:
        """Walk towards what the conditions want: a backlog grows and drains over seconds."""
        pod, queue = turn // len(QUEUES), turn % len(QUEUES)
        depth, wanted = self._queue[pod, queue], self._conditions.queue[pod, queue]
        pull = np.where(depth < wanted, 0.25, 0.45)
        noise = self._random.normal(0, 4, len(turn))
        walked: Floats = np.maximum(depth + pull * (wanted - depth) + noise, 0)
        self._queue[pod, queue] = walked
        return walked

    def _draw_cpu(self, turn: Ints) -> Floats:
        noise = self._random.normal(0, 0.04, len(turn))
        return np.clip(self._cpu[turn] + self._conditions.cpu_extra[turn] + noise, 0.01, 1)

    def _draw_memory(self, turn: Ints) -> Floats:
        noise = self._random.normal(0, 0.01, len(turn))
        return np.clip(self._memory[turn] + self._conditions.memory_extra[turn] + noise, 0.05, 0.99)

    def _draw_disk(self, turn: Ints) -> Floats:
        noise = self._random.normal(0, 0.001, len(turn))
        return np.clip(
            self._disk_free[turn] - self._conditions.disk_used_extra[turn] + noise, 0.02, 1
        )

    def _draw_connections(self, turn: Ints) -> Floats:
        noise = self._random.normal(0, 3, len(turn))
        wanted = self._connections[turn] + self._conditions.connections_extra[turn] + noise
        return np.clip(wanted, 1, 100)

    def _draw_up(self, turn: Ints) -> Ints:
        return (~self._conditions.down[turn]).astype(np.int64)

    def _draw_order(self, turn: Ints) -> Floats:
        value: Floats = self._random.lognormal(3.7, 0.4, len(turn))
        return value * self._conditions.order_factor[turn]
