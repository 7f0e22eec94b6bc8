"""Channels: what a notification looks like to a service, and how it is sent.

This page is all that a channel's author needs. A channel is a class with the attributes and the
methods of `Channel`, registered as an entry point `tocsin.channels` under its short name.
`compose` gives what a person reads, `Texts` what the file's templates say, `Wire` and
`classify_status` send it and judge the answer. A channel knows no other channel.
"""

from notifiers.changes import told
from notifiers.channels.texts import FieldError, Texts, chosen
from notifiers.channels.wire import Wire, destination, guarded
from notifiers.fields import HTTP_CONFIG, TLS_CONFIG, Field, Report, Secret, Templated
from notifiers.message import Item, Link, Message, Reading, compose
from notifiers.notification import (
    Channel,
    Closable,
    Drop,
    Global,
    Notification,
    NotifiedAlert,
    Outcome,
    Retry,
    Sent,
)
from notifiers.pacing import Pace
from notifiers.sender import (
    TIMEOUT_MS,
    Answer,
    Stopwatch,
    checked_http,
    classify_error,
    classify_status,
    http_client,
    retry_after_ms,
)

__all__ = [
    "HTTP_CONFIG",
    "TIMEOUT_MS",
    "TLS_CONFIG",
    "Answer",
    "Channel",
    "Closable",
    "Drop",
    "Field",
    "FieldError",
    "Global",
    "Item",
    "Link",
    "Message",
    "Notification",
    "NotifiedAlert",
    "Outcome",
    "Pace",
    "Reading",
    "Report",
    "Retry",
    "Secret",
    "Sent",
    "Stopwatch",
    "Templated",
    "Texts",
    "Wire",
    "checked_http",
    "chosen",
    "classify_error",
    "classify_status",
    "compose",
    "destination",
    "guarded",
    "http_client",
    "retry_after_ms",
    "told",
]
