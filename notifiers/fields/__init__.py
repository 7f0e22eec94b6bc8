"""What a channel's part of the configuration may hold, and how secrets are kept.

A channel declares its fields as values; notifiers.config reads a receiver by them, so that every
channel's mistakes are found the same way, all at once, with line, column and remedy.
"""

from notifiers.fields.field import Field, Kind, Report
from notifiers.fields.http import HTTP_CONFIG, TLS_CONFIG
from notifiers.fields.rules import NOTHING_GIVEN, Given, Mistake, Rule, at_least_one, at_most_one
from notifiers.fields.values import (
    NO_TEMPLATING,
    JsonTemplate,
    PlainText,
    Secret,
    Templated,
    TemplatedMap,
    TemplatedSecret,
    Templating,
)

__all__ = [
    "HTTP_CONFIG",
    "NOTHING_GIVEN",
    "NO_TEMPLATING",
    "TLS_CONFIG",
    "Field",
    "Given",
    "JsonTemplate",
    "Kind",
    "Mistake",
    "PlainText",
    "Report",
    "Rule",
    "Secret",
    "Templated",
    "TemplatedMap",
    "TemplatedSecret",
    "Templating",
    "at_least_one",
    "at_most_one",
]
