"""What goes wrong in the made-up fleet, and when: incidents that come, stay a while and go.

An incident bends the conditions of some pods while it lasts (metrics follow from those) and
writes its own log lines. The schedule is a function of its seed: times are milliseconds since
the start of the fleet.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random

import numpy as np
import numpy.typing as npt

SERVICES = (
    "web",
    "api",
    "auth",
    "cart",
    "checkout",
    "payments",
    "search",
    "catalog",
    "inventory",
    "shipping",
    "email",
    "recommendations",
)
PODS_PER_SERVICE = 5
PODS = tuple(f"{service}-{n}" for service in SERVICES for n in range(PODS_PER_SERVICE))
QUEUES = ("orders", "events", "retries")

HEALTHY_ERROR_RATIO = 0.005
FIRST_INCIDENT_MS = 6_000
RAMP_MS = 2_000

Floats = npt.NDArray[np.float64]


class Conditions:
    """How each pod is at one moment; metrics are drawn from it.

    Shapes: every array has one row a pod, in the order of PODS; `queue` also one column a queue.
    """

    def __init__(self) -> None:
        pods = len(PODS)
        self.error_ratio: Floats = np.full(pods, HEALTHY_ERROR_RATIO)
        self.latency_factor: Floats = np.ones(pods)
        self.queue: Floats = np.full((pods, len(QUEUES)), 25.0)
        self.cpu_extra: Floats = np.zeros(pods)
        self.memory_extra: Floats = np.zeros(pods)
        self.disk_used_extra: Floats = np.zeros(pods)
        self.connections_extra: Floats = np.zeros(pods)
        self.order_factor: Floats = np.ones(pods)
        self.down: npt.NDArray[np.bool_] = np.zeros(pods, dtype=np.bool_)


def rows(service: str, *pods: int) -> slice | list[int]:
    """Return the rows of some pods of a service, of all of them where none is named."""
    first = SERVICES.index(service) * PODS_PER_SERVICE
    if not pods:
        return slice(first, first + PODS_PER_SERVICE)
    return [first + n for n in pods]


@dataclass(frozen=True, slots=True)
class Line:
    """One log line before its timestamp."""

    service: str
    pod: str
    level: str
    message: str
    user_id: str
    duration_ms: int
    status: int
    path: str


def user(random: Random) -> str:
    """Return a made-up user id."""
    return f"u-{random.randrange(20_000):05d}"


def _payments(conditions: Conditions, strength: float) -> None:
    conditions.error_ratio[rows("payments")] += 0.35 * strength
    conditions.latency_factor[rows("payments")] += 20 * strength
    conditions.connections_extra[rows("payments")] += 55 * strength
    conditions.error_ratio[rows("checkout")] += 0.015 * strength
    conditions.order_factor[rows("checkout")] *= 1 - 0.7 * strength


def _payments_line(random: Random) -> Line:
    pod = f"payments-{random.randrange(PODS_PER_SERVICE)}"
    gateway = random.choice(("gateway eu-1", "gateway eu-2", "card network"))
    text = f"payment timeout after 3000 ms ({gateway})"
    return Line("payments", pod, "error", text, user(random), 3_000, 504, "/payments/charge")


def _api(conditions: Conditions, strength: float) -> None:
    conditions.error_ratio[rows("api")] += 0.25 * strength
    conditions.latency_factor[rows("api")] += 0.4 * strength


def _api_line(random: Random) -> Line:
    pod = f"api-{random.randrange(PODS_PER_SERVICE)}"
    status = random.choice((500, 502, 503))
    upstream = random.choice(("catalog", "cart", "inventory"))
    text = f"upstream {upstream} returned {status}"
    return Line("api", pod, "error", text, user(random), 40, status, f"/api/v1/{upstream}")


def _backlog(conditions: Conditions, strength: float) -> None:
    conditions.queue[rows("shipping"), QUEUES.index("orders")] += 1_400 * strength
    conditions.cpu_extra[rows("shipping")] += 0.15 * strength


def _backlog_line(random: Random) -> Line:
    pod = f"shipping-{random.randrange(PODS_PER_SERVICE)}"
    text = f"consumer is behind by {random.randrange(300, 1_400)} orders, carrier API is slow"
    return Line("shipping", pod, "warn", text, user(random), 900, 200, "/shipping/labels")


def _crash(conditions: Conditions, strength: float) -> None:
    if strength >= 0.5:
        conditions.down[rows("catalog", 3)] = True


def _crash_line(random: Random) -> Line:
    text = random.choice(
        (
            "panic: runtime error: invalid memory address or nil pointer dereference",
            "panic: runtime error: index out of range [3] with length 3",
            "container exited with code 2, restarting in 5 s",
        )
    )
    return Line("catalog", "catalog-3", "error", text, user(random), 0, 500, "/catalog/items")


def _slow_search(conditions: Conditions, strength: float) -> None:
    conditions.latency_factor[rows("search")] += 14 * strength
    conditions.cpu_extra[rows("search")] += 0.35 * strength


def _slow_search_line(random: Random) -> Line:
    pod = f"search-{random.randrange(PODS_PER_SERVICE)}"
    took_ms = random.randrange(600, 1_800)
    text = f"slow query: {took_ms} ms, index rebuild in progress"
    return Line("search", pod, "warn", text, user(random), took_ms, 200, "/search")


def _disk(conditions: Conditions, strength: float) -> None:
    conditions.disk_used_extra[rows("inventory", 2)] += strength


def _disk_line(random: Random) -> Line:
    text = "write to /var/lib/inventory/journal failed: no space left on device"
    return Line("inventory", "inventory-2", "error", text, user(random), 5, 500, "/inventory/sync")


def _logins(conditions: Conditions, strength: float) -> None:
    conditions.cpu_extra[rows("auth")] += 0.2 * strength


def _logins_line(random: Random) -> Line:
    pod = f"auth-{random.randrange(PODS_PER_SERVICE)}"
    who = user(random)
    text = f"login failed for user {who} from 203.0.113.{random.randrange(2, 40)}"
    return Line("auth", pod, "warn", text, who, 12, 401, "/login")


def _oom(conditions: Conditions, strength: float) -> None:
    conditions.memory_extra[rows("recommendations", 1, 4)] += 0.6 * strength


def _oom_line(random: Random) -> Line:
    pod = random.choice(("recommendations-1", "recommendations-4"))
    text = f"OOM killed: worker {random.randrange(900, 4_000)} used 2048 MiB of 2048 MiB"
    return Line("recommendations", pod, "error", text, user(random), 0, 500, "/recommendations")


@dataclass(frozen=True, slots=True)
class Incident:
    """A kind of trouble: whom it hits, what it does to conditions, what it writes."""

    name: str
    service: str
    bend: Callable[[Conditions, float], None]
    line: Callable[[Random], Line]
    lines_per_second: float
    length_ms: tuple[int, int]


INCIDENTS = (
    Incident("payments time out", "payments", _payments, _payments_line, 22, (18_000, 26_000)),
    Incident("orders pile up", "shipping", _backlog, _backlog_line, 3, (16_000, 22_000)),
    Incident("api fails", "api", _api, _api_line, 14, (15_000, 24_000)),
    # The one that stays long enough for its curl line to be copied.
    Incident("a disk fills up", "inventory", _disk, _disk_line, 4, (60_000, 90_000)),
    Incident("logins are attacked", "auth", _logins, _logins_line, 45, (15_000, 25_000)),
    Incident("a pod crashes", "catalog", _crash, _crash_line, 2, (18_000, 26_000)),
    Incident("search is slow", "search", _slow_search, _slow_search_line, 6, (16_000, 26_000)),
    Incident("memory runs out", "recommendations", _oom, _oom_line, 2, (15_000, 25_000)),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Occurrence:
    """An incident at a time, in milliseconds since the start: start_ms <= t_ms < end_ms."""

    incident: Incident
    start_ms: int
    end_ms: int

    def strength(self, at_ms: int) -> float:
        """Return how bad it is, 0 to 1: it grows over two seconds and ends at once."""
        if not self.start_ms <= at_ms < self.end_ms:
            return 0.0
        return min(1.0, (at_ms - self.start_ms + 100) / RAMP_MS)


def occurrences(seed: int) -> Iterator[Occurrence]:
    """Yield incidents by start time, without end.

    The first round is in the order written above and dense, so that whoever watches sees each
    kind within a minute or so; later ones are shuffled round by round and further apart.
    """
    random = Random(seed)
    start_ms = FIRST_INCIDENT_MS
    busy_until_ms = dict.fromkeys(INCIDENTS, 0)
    order: Sequence[Incident] = INCIDENTS
    gap_ms = (7_000, 10_000)
    while True:
        for incident in order:
            start_ms = max(start_ms, busy_until_ms[incident])
            end_ms = start_ms + random.randrange(*incident.length_ms)
            # An episode must be over before the next one of the same kind begins.
            busy_until_ms[incident] = end_ms + 75_000
            yield Occurrence(incident, start_ms, end_ms)
            start_ms += random.randrange(*gap_ms)
        order = random.sample(INCIDENTS, len(INCIDENTS))
        gap_ms = (14_000, 24_000)


class Schedule:
    """The occurrences that matter now. Asked with a time that never goes back."""

    def __init__(self, upcoming: Iterator[Occurrence]) -> None:
        self._upcoming = upcoming
        self._next: Occurrence | None = next(upcoming, None)
        self._open: list[Occurrence] = []

    def at(self, at_ms: int) -> list[Occurrence]:
        """Return what is going on at a time."""
        while self._next is not None and self._next.start_ms <= at_ms:
            self._open.append(self._next)
            self._next = next(self._upcoming, None)
        self._open = [one for one in self._open if at_ms < one.end_ms]
        return list(self._open)


def healthy() -> Schedule:
    """Return a schedule in which nothing ever happens."""
    return Schedule(iter(()))
