"""The log lines of the made-up fleet: everyday ones, and those of the incidents."""

from collections.abc import Sequence
from random import Random

import msgspec
import numpy as np
import numpy.typing as npt

from engine.demo.incidents import (
    PODS,
    PODS_PER_SERVICE,
    SERVICES,
    Line,
    Occurrence,
    user,
)

LINES_PER_SECOND = 300.0
TIMEOUTS_PER_SECOND = 1 / 120
FAILED_LOGINS_PER_SECOND = 6 / 60

_PATHS = {
    "web": ("/", "/products/812", "/account", "/static/app.js"),
    "api": ("/api/v1/cart", "/api/v1/catalog", "/api/v1/inventory"),
    "auth": ("/login", "/token", "/logout"),
    "cart": ("/cart", "/cart/items"),
    "checkout": ("/checkout", "/checkout/confirm"),
    "payments": ("/payments/charge", "/payments/refund"),
    "search": ("/search", "/suggest"),
    "catalog": ("/catalog/items", "/catalog/prices"),
    "inventory": ("/inventory/reserve", "/inventory/sync"),
    "shipping": ("/shipping/labels", "/shipping/track"),
    "email": ("/email/send",),
    "recommendations": ("/recommendations",),
}
_WARNINGS = (
    "retrying upstream call, attempt 2",
    "cache miss ratio is 0.41",
    "slow query: 180 ms on table orders",
    "rate limit of client reached",
)
_ERRORS = (
    "could not parse promotion code",
    "upstream returned 502",
    "image of product is missing",
)


class _Labels(msgspec.Struct, frozen=True):
    service: str
    pod: str
    level: str


class _Record(msgspec.Struct, frozen=True):
    timestamp: int
    labels: _Labels
    message: str
    user_id: str
    duration_ms: int
    status: int
    path: str


class Lines:
    """Writes lines at given rates; what is left of a fraction waits for the next step."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._encode = msgspec.json.Encoder().encode
        self._owed: dict[str, float] = {}

    def write(
        self,
        going_on: Sequence[Occurrence],
        down: npt.NDArray[np.bool_],
        end_ms: int,
        step_ms: int,
        out: list[bytes],
    ) -> None:
        """Append the lines of (end_ms - step_ms, end_ms] to `out`, in order of their times."""
        lines = [self._everyday(down) for _ in range(self._due("", LINES_PER_SECOND, step_ms))]
        if self._random.random() < TIMEOUTS_PER_SECOND * step_ms / 1_000:
            lines.append(self._timeout())
        if self._random.random() < FAILED_LOGINS_PER_SECOND * step_ms / 1_000:
            lines.append(self._failed_login())
        for occurrence in going_on:
            incident = occurrence.incident
            due = self._due(incident.name, incident.lines_per_second, step_ms)
            lines.extend(incident.line(self._random) for _ in range(due))
        self._random.shuffle(lines)
        times = sorted(end_ms - self._random.randrange(step_ms) for _ in lines)
        out.extend(self._record(line, at_ms) for line, at_ms in zip(lines, times, strict=True))

    def _due(self, stream: str, per_second: float, step_ms: int) -> int:
        owed = self._owed.get(stream, 0.0) + per_second * step_ms / 1_000
        whole = int(owed)
        self._owed[stream] = owed - whole
        return whole

    def _record(self, line: Line, at_ms: int) -> bytes:
        return self._encode(
            _Record(
                at_ms,
                _Labels(line.service, line.pod, line.level),
                line.message,
                line.user_id,
                line.duration_ms,
                line.status,
                line.path,
            )
        )

    def _everyday(self, down: npt.NDArray[np.bool_]) -> Line:
        random = self._random
        row = random.randrange(len(PODS))
        if down[row]:
            row = row - row % PODS_PER_SERVICE
        service, pod = SERVICES[row // PODS_PER_SERVICE], PODS[row]
        took_ms = min(int(random.lognormvariate(3.4, 0.5)), 290)
        path, who, chance = random.choice(_PATHS[service]), user(random), random.random()
        if chance < 0.004:
            return Line(service, pod, "error", random.choice(_ERRORS), who, took_ms, 500, path)
        if chance < 0.03:
            return Line(service, pod, "warn", random.choice(_WARNINGS), who, took_ms, 200, path)
        method = "POST" if chance < 0.25 else "GET"
        text = f"{method} {path} 200 in {took_ms} ms"
        return Line(service, pod, "info", text, who, took_ms, 200, path)

    def _timeout(self) -> Line:
        pod = f"payments-{self._random.randrange(PODS_PER_SERVICE)}"
        text = "payment timeout after 3000 ms (gateway eu-1)"
        return Line("payments", pod, "error", text, user(self._random), 3_000, 504, "/payments")

    def _failed_login(self) -> Line:
        pod, who = f"auth-{self._random.randrange(PODS_PER_SERVICE)}", user(self._random)
        text = f"login failed for user {who} from 198.51.100.{self._random.randrange(2, 250)}"
        return Line("auth", pod, "warn", text, who, 12, 401, "/login")
