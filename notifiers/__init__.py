"""Notifiers: who is told about an alert, when, once, and how it gets there.

The notifier is one owner (`Notifier`): it folds the topic `alerts` and decides what to send, in
Alertmanager's order and by its rules (notifiers.pipeline). `Delivery` carries the decisions out,
effectively once, through the channels (notifiers.channels) and a fence (`FenceStore`).

**Invariant:** what somebody was told is known by the log alone; a decision reads no clock but
`now_ms`; at most one notification of a group is on its way to an integration.
Absent: Faust, HTTP, rules. Reference: README.md beside this file.
"""

from notifiers.config import CONFIG_CODES, NotifierConfig, load
from notifiers.delivery import Delivery, Failure, LaneView, close_channels
from notifiers.egress import Egress
from notifiers.message import without_outlived
from notifiers.newest import LetterView
from notifiers.outbox import Flush
from notifiers.owner import Notifier, OpenFence
from notifiers.query import AlertView, GroupView
from notifiers.silences_file import SILENCES_CODES, FileSilence
from notifiers.silences_file import changes as silence_changes
from notifiers.silences_file import load as load_silences
from notifiers.store import Claim, FenceStore, RedisFence, Told, decode_entry, encode_entry

__all__ = [
    "CONFIG_CODES",
    "SILENCES_CODES",
    "AlertView",
    "Claim",
    "Delivery",
    "Egress",
    "Failure",
    "FenceStore",
    "FileSilence",
    "Flush",
    "GroupView",
    "LaneView",
    "LetterView",
    "Notifier",
    "NotifierConfig",
    "OpenFence",
    "RedisFence",
    "Told",
    "close_channels",
    "decode_entry",
    "encode_entry",
    "load",
    "load_silences",
    "silence_changes",
    "without_outlived",
]
