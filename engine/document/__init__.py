"""Documents: YAML with line and column, findings with caret and remedy.

Rules, configuration and notifications are all read through this room, so that every mistake in
any of them is shown at once and in one form.

**Invariant:** nothing here raises on what a user wrote; a text gives (tree, findings).
Absent: what a key means (that is the room that reads it) and the file system.
"""

from engine.document.compose import load_documents, load_yaml
from engine.document.duration import DURATION_PATTERN, format_duration, parse_duration
from engine.document.finding import (
    Finding,
    Severity,
    failed,
    ordered,
    render,
    render_github,
    render_json,
)
from engine.document.node import Entry, ListNode, MapNode, Node, ScalarNode, Span
from engine.document.reader import DOCUMENT_CODES, Problem, Reader, did_you_mean

__all__ = [
    "DOCUMENT_CODES",
    "DURATION_PATTERN",
    "Entry",
    "Finding",
    "ListNode",
    "MapNode",
    "Node",
    "Problem",
    "Reader",
    "ScalarNode",
    "Severity",
    "Span",
    "did_you_mean",
    "failed",
    "format_duration",
    "load_documents",
    "load_yaml",
    "ordered",
    "parse_duration",
    "render",
    "render_github",
    "render_json",
]
