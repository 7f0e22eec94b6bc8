"""Alerts: what is wrong now, as records on a log and as the state machine that makes them."""

from engine.alerts.machine import AlertTable, Change, Policy
from engine.alerts.record import (
    AlertRecord,
    Evidence,
    LogEntry,
    Notified,
    PostedAlert,
    Reason,
    ShardHello,
    SilenceMatcher,
    SilenceRecord,
    State,
    Value,
    decode,
    encode,
    to_value,
)

__all__ = [
    "AlertRecord",
    "AlertTable",
    "Change",
    "Evidence",
    "LogEntry",
    "Notified",
    "Policy",
    "PostedAlert",
    "Reason",
    "ShardHello",
    "SilenceMatcher",
    "SilenceRecord",
    "State",
    "Value",
    "decode",
    "encode",
    "to_value",
]
