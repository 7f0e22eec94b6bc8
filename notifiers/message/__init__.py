"""What a person reads, before any channel's markup: the same for every channel.

A reader who sees only the message can answer: what, where, since when, how bad against which
threshold, what changed, what to do. Channels lay a `Message` out and escape it; they decide
nothing about its content. Everything here is a function of the notification and of the time.
"""

from notifiers.message.composing import ITEMS_MAX, compose, subject
from notifiers.message.levels import level_of, rank, without_outlived, worst_level
from notifiers.message.links import is_link, silence_matchers
from notifiers.message.model import (
    Item,
    Link,
    Message,
    Reading,
    age,
    change_line,
    lasted,
    reading_text,
    value_line,
)

__all__ = [
    "ITEMS_MAX",
    "Item",
    "Link",
    "Message",
    "Reading",
    "age",
    "change_line",
    "compose",
    "is_link",
    "lasted",
    "level_of",
    "rank",
    "reading_text",
    "silence_matchers",
    "subject",
    "value_line",
    "without_outlived",
    "worst_level",
]
