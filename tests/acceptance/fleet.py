"""A load whose alerts are known beforehand: the generator's own truth, to the last row.

Every (service, window) of a metric sums to exactly the threshold, and every (service, window) of a
log holds exactly the threshold of matching lines; an incident adds one to each of its windows. One
row lost, doubled or in the wrong window opens or closes an alert that the truth does not know.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field

WINDOW_MS = 2_000
STEP_MS = 100
SERVICES = 10
PODS = 11
MATCHING = 10  # lines with "timeout" a service and window
RULES = """\
groups:
- name: acceptance
  rules:
  - alert: LoadHigh
    metrics: load
    window: {{tumbling: 2s}}
    by: [service]
    compute: {{total: sum(), rows: count()}}
    when: total > {metrics} or rows > {metrics}
    labels: {{severity: page}}
    annotations: {{summary: "{{{{ labels.service }}}} sums to {{{{ total }}}}"}}
  - alert: Timeouts
    logs: '{{job="shop"}} |= "timeout"'
    window: {{tumbling: 2s}}
    by: [service]
    compute: {{matches: count(), users: distinct(user)}}
    when: {{warning: matches > {logs}}}
    annotations: {{summary: "{{{{ labels.service }}}}: {{{{ matches }}}} timeouts"}}
- name: prometheus
  interval: 2s
  rules:
  - record: service:load:sum2s        # of series that live on all shards
    expr: sum by (service) (sum_over_time(load[2s]))
  - alert: PromHigh
    expr: service:load:sum2s > {metrics}
    labels: {{severity: page}}
    annotations: {{summary: "{{{{ $labels.service }}}} records {{{{ $value }}}}"}}
  - alert: PromHeld
    expr: sum by (service) (sum_over_time(load[2s])) > {metrics}
    for: 4s
    annotations: {{summary: "{{{{ $labels.service }}}} has summed to {{{{ $value }}}}"}}
"""

Key = tuple[str, str, str, int, float]  # rule, service, state, event time, value


@dataclass(frozen=True)
class Load:
    """`windows` windows from `start_ms` on; incidents of `length` windows, one service after the
    other."""

    start_ms: int
    windows: int
    length: int = 8
    pods: int = PODS
    held: bool = False
    """Incidents go on until `release` names a window; the load ends some windows after that."""
    released: list[int] = field(default_factory=list)

    @property
    def end_ms(self) -> int:
        return self.start_ms + self.windows * WINDOW_MS

    def release(self, now_ms: int) -> None:
        """Let the incidents of a held load end, from the next windows on."""
        self.released.append((now_ms - self.start_ms) // WINDOW_MS + 3)

    def last(self) -> int:
        """The number of windows; of a held load as far as it is known."""
        if not self.held:
            return self.windows
        return self.released[0] + 12 if self.released else self.windows

    def rules(self) -> str:
        return RULES.format(metrics=self.pods * WINDOW_MS // STEP_MS, logs=MATCHING)

    def incident(self, kind: str, service: int, window: int) -> bool:
        """Whether that window of a service has one more; some windows are calm at both ends."""
        if self.held:
            begins = 2 + service % 10 + (kind == "logs")
            ends = self.released[0] + service % 4 if self.released else self.windows
            return begins <= window < ends
        period = 4 * self.length
        shifted = window - 2 - service % self.length - (kind == "logs")
        return shifted >= 0 and shifted % period < self.length and window < self.windows - 2

    def records(self) -> Iterator[tuple[int, str, int, bytes]]:
        """Yield (time, topic, partition, record) in order of time, round robin over partitions."""
        n = {"metrics": 0, "logs": 0}
        partitions = {"metrics": 4, "logs": 3}
        for step in range(self.windows * WINDOW_MS // STEP_MS):
            if step * STEP_MS >= self.last() * WINDOW_MS:
                return
            # The last step of a window ends it: (end - width, end].
            at_ms = self.start_ms + (step + 1) * STEP_MS
            window, last = divmod(step, WINDOW_MS // STEP_MS)
            for topic, record in self._step(at_ms, window, last == WINDOW_MS // STEP_MS - 1):
                n[topic] += 1
                yield at_ms, topic, n[topic] % partitions[topic], record

    def _step(self, at_ms: int, window: int, last: bool) -> Iterator[tuple[str, bytes]]:
        for service in range(SERVICES):
            for pod in range(self.pods):
                value = 1 + (last and pod == 0 and self.incident("metrics", service, window))
                labels = {"service": f"s{service}", "pod": str(pod)}
                body = {"timestamp": at_ms, "name": "load", "labels": labels, "value": value}
                yield "metrics", json.dumps(body).encode()
            hot = last and self.incident("logs", service, window)
            for line in range(self.pods):
                text = "ok" if line or (at_ms // STEP_MS) % 2 else "timeout"
                text = "timeout again" if hot and line == self.pods - 1 else text
                body = {
                    "timestamp": at_ms,
                    "labels": {"job": "shop", "service": f"s{service}"},
                    "message": f"{text} {at_ms}",
                    "user": f"u{line}",
                }
                yield "logs", json.dumps(body).encode()

    def truth(self) -> list[Key]:
        """Every firing and resolved record that must be there, and no other."""
        out: list[Key] = []
        bases = {"metrics": self.pods * WINDOW_MS // STEP_MS, "logs": MATCHING}
        for rule, kind, held in (
            ("LoadHigh", "metrics", 0), ("Timeouts", "logs", 0),
            ("PromHigh", "metrics", 0), ("PromHeld", "metrics", 2),
        ):  # fmt: skip
            for service in range(SERVICES):
                hot_for, up = 0, False
                for window in range(self.last()):
                    hot_for = hot_for + 1 if self.incident(kind, service, window) else 0
                    hot = hot_for > (0 if up else held)
                    if hot != up:
                        end_ms = self.start_ms + (window + 1) * WINDOW_MS
                        state = "firing" if hot else "resolved"
                        # A Prometheus alert ends with the value that it had last.
                        value = bases[kind] + (hot or rule.startswith("Prom"))
                        out.append((rule, f"s{service}", state, end_ms, float(value)))
                    up = hot
        return sorted(out)

    def episodes(self) -> int:
        return sum(key[2] == "firing" for key in self.truth())
