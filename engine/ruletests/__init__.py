"""Rule tests: Prometheus' unit-test files, run on the production owners under a virtual clock.

`read_tests` reads a file with every finding at once; `run_tests` sends its series through the
source stage and compares what the shards say. rules/README.md is the format's reference.

**Invariant:** nothing is evaluated in a second way: a test sees what production would do.
**Invariant:** reading raises nothing on what a user wrote.
"""

from engine.ruletests.codes import TEST_CODES
from engine.ruletests.encode import (
    STALE_BITS,
    Sample,
    bits_of,
    log_record,
    metric_record,
    write_request,
)
from engine.ruletests.model import TestFile, TestGroup
from engine.ruletests.notation import NotationError, parse_metric, parse_values
from engine.ruletests.outcome import Outcome, Pair
from engine.ruletests.read import read_tests
from engine.ruletests.run import FileReport, find_tests, run_tests
from engine.ruletests.show import show_github, show_json, show_text
from engine.ruletests.trial import lifted, query_group

__all__ = [
    "STALE_BITS",
    "TEST_CODES",
    "FileReport",
    "NotationError",
    "Outcome",
    "Pair",
    "Sample",
    "TestFile",
    "TestGroup",
    "bits_of",
    "find_tests",
    "lifted",
    "log_record",
    "metric_record",
    "parse_metric",
    "parse_values",
    "query_group",
    "read_tests",
    "run_tests",
    "show_github",
    "show_json",
    "show_text",
    "write_request",
]
