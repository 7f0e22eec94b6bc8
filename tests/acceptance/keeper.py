"""Keeps workers running as an orchestrator would, and ends them as the night does."""

import threading
from collections import Counter

from tests.acceptance.server import ServiceError
from tests.acceptance.whole import Worker
from tests.waiting import DeadlineError, until

BETWEEN = "notify.between_send_and_answer"


class Keeper(threading.Thread):
    """Starts one worker again and again; counts how it died."""

    def __init__(self, worker: Worker, faults: list[str]) -> None:
        super().__init__(daemon=True)
        self.worker, self.faults = worker, faults
        self.deaths: Counter[str] = Counter()
        self.over = threading.Event()
        self.killed = threading.Event()

    def run(self) -> None:
        while not self.over.is_set():
            self.worker.fault = self.faults.pop(0) if self.faults else ""
            armed = self.worker.fault
            try:
                self.worker.start()
            except (ServiceError, DeadlineError):
                if not self.over.is_set() and not self.killed.is_set():
                    self.deaths["at start"] += 1
            while self.worker.running and not self.over.wait(0.05):
                pass
            if self.over.is_set():
                return
            how = "kill -9" if self.killed.is_set() else BETWEEN if armed else "by itself"
            if armed and how == "kill -9":
                self.faults.insert(0, armed)  # it has not struck yet
            self.killed.clear()
            self.deaths[how] += 1

    def kill(self) -> bool:
        """kill -9, if it is up."""
        if not self.worker.running or self.killed.is_set():
            return False
        self.killed.set()
        self.worker.end_now()
        return True

    def finish(self) -> None:
        self.over.set()
        self.join(90)
        self.worker.stop()


def wait_all(keepers: dict[str, Keeper], timeout_s: float = 90) -> None:
    """Wait until every worker is up and ready."""
    until(lambda: all(k.worker.running and k.worker.answers() for k in keepers.values()), timeout_s)
