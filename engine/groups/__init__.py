"""Groups: Prometheus rules judged at ticks, where series live and at a component's owner.

A shard evaluates its local groups over its rings and, for every component, the subtrees that the
component's owner asks for (exchanges). The owner folds what all shards send of a tick and
evaluates the rest. Invariant: nothing here reads a clock; the same log gives the same bytes.
"""

from engine.groups.announce import External, Moment, QueryResult, decode_result
from engine.groups.collector import Collector, Whole
from engine.groups.evaluator import GroupEvaluator
from engine.groups.exchanges import Exchanges
from engine.groups.health import RuleState
from engine.groups.history import History
from engine.groups.listing import ActiveAlert, RuleStatus
from engine.groups.long_windows import LongWindows
from engine.groups.owner_source import OwnerSource, RecordedOnly, mirror
from engine.groups.recorded import Recorded
from engine.groups.ring_source import LOOKBACK_MS, RingSource
from engine.groups.series_index import Found, SeriesIndex, fixed_name
from engine.groups.timing import Laps, Stopwatch

__all__ = [
    "LOOKBACK_MS",
    "ActiveAlert",
    "Collector",
    "Exchanges",
    "External",
    "Found",
    "GroupEvaluator",
    "History",
    "Laps",
    "LongWindows",
    "Moment",
    "OwnerSource",
    "QueryResult",
    "Recorded",
    "RecordedOnly",
    "RingSource",
    "RuleState",
    "RuleStatus",
    "SeriesIndex",
    "Stopwatch",
    "Whole",
    "decode_result",
    "fixed_name",
    "mirror",
]
