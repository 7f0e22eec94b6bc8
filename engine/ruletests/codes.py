"""Every finding code of rule test files; rules/README.md explains each."""

from collections.abc import Mapping

TEST_CODES: Mapping[str, str] = {
    "test-series": "A series or its values in a notation that cannot be read.",
    "test-histogram": "A native histogram: Tocsin evaluates float series only.",
    "test-expression": "An expression of `promql_expr_test` that cannot be read.",
    "test-file-missing": "A rule file that does not exist (warning, as promtool has it).",
    "test-group-order": "`group_eval_order` names a group twice.",
    "test-rules": "The rule files of a test have findings of their own.",
    "test-start": "`start_timestamp` is neither Unix seconds nor RFC 3339.",
    "test-log": "An entry of `input_logs` that is not complete.",
    "test-limit": "A test that would take more samples or ticks than the limits allow.",
}
