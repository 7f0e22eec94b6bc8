"""The worker: owners, streams, HTTP and deliveries put together for one process's roles.

The only room that knows both engine and notifiers. Absent: any decision about alerts.
"""

from engine.worker.run import default_config, run
from engine.worker.screen import AlertRow, ScreenSnapshot, SentRow
from engine.worker.worker import Worker

__all__ = ["AlertRow", "ScreenSnapshot", "SentRow", "Worker", "default_config", "run"]
