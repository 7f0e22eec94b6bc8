"""Series: what was observed, as label sets, keys and columns, and how it crosses a hop.

Invariant: no series id leaves its process without its labels; across a hop a series is its key.
"""

from engine.series.labels import (
    KEY_BYTES,
    METRIC_NAME,
    canonical,
    group_hash,
    parse,
    series_key,
    text_hash,
)
from engine.series.matcher import Matcher, Selector, compiled, selects
from engine.series.matcher_text import MatcherTextError, parse_matcher, parse_matchers
from engine.series.messages import (
    BATCH_VERSION,
    F64,
    HTTP_INGEST,
    HTTP_TOPICS,
    HTTP_WRITE,
    I64,
    U32,
    U64,
    LogColumns,
    Marks,
    Message,
    PlanSwitch,
    RowBatch,
    Skip,
    column,
    decode,
    encode,
    pack_announced,
    unpack_announced,
)

__all__ = [
    "BATCH_VERSION",
    "F64",
    "HTTP_INGEST",
    "HTTP_TOPICS",
    "HTTP_WRITE",
    "I64",
    "KEY_BYTES",
    "METRIC_NAME",
    "U32",
    "U64",
    "LogColumns",
    "Marks",
    "Matcher",
    "MatcherTextError",
    "Message",
    "PlanSwitch",
    "RowBatch",
    "Selector",
    "Skip",
    "canonical",
    "column",
    "compiled",
    "decode",
    "encode",
    "group_hash",
    "pack_announced",
    "parse",
    "parse_matcher",
    "parse_matchers",
    "selects",
    "series_key",
    "text_hash",
    "unpack_announced",
]
