"""Made-up expressions over made-up series: promtool and we give the same rows, to the last bits."""

import json
import math
import re
import subprocess
from pathlib import Path

import pytest

from engine.promql import PromQLError, parse
from engine.ruletests import Outcome, run_tests
from tests.acceptance.services import program
from tests.conformance.invent import Inventor

pytestmark = [pytest.mark.real("promtool"), pytest.mark.slow]

EXPRESSIONS = 150
TIMES = ("0s", "5m", "61s", "20m", "20m30s", "30m", "39m5s", "40m")
NEAR = 1e-9  # relative: what depends on the order of additions, and libraries' last bits
Rows = dict[tuple[tuple[str, str], ...], float]
LABEL = re.compile(r'("?[a-zA-Z_]\w*"?)=("(?:[^"\\]|\\.)*")')


@pytest.mark.parametrize("seed", range(4))
def test_the_same_rows(seed: int, tmp_path: Path) -> None:
    inventor = Inventor(seed)
    series, asked, refused = inventor.series(), [], []
    while len(asked) < EXPRESSIONS:
        text, at = inventor.vector(inventor.rng.randrange(1, 4)), inventor.pick(*TIMES)
        (asked if readable(text) else refused).append((text, at))
    file = tmp_path / "made_up.yml"
    theirs = ask(file, series, asked)
    ours = run_tests(str(file), file.read_text())
    assert ours.findings == ()
    compared = 0
    for (text, at), told, outcome in zip(asked, theirs, ours.outcomes, strict=True):
        where = f"seed={seed}: {text} at {at}"
        if isinstance(told, str) or not outcome.pairs:
            assert isinstance(told, str), f"{where}\nours fails: {outcome.message}\ntheirs: {told}"
            assert not outcome.pairs, f"{where}\ntheirs fails: {told}\nours: {rows_of(outcome)}"
            continue
        compared += bool(told)
        assert_near(where, told, rows_of(outcome))
    assert compared > EXPRESSIONS / 2
    if refused:
        for (text, _), told in zip(refused, ask(file, [], refused), strict=True):
            assert isinstance(told, str), f"promtool reads {text}"
            assert "parse error" in told, f"promtool reads {text}: {told}"


def readable(text: str) -> bool:
    try:
        parse(text)
    except PromQLError:
        return False
    return True


def ask(
    file: Path, series: list[tuple[str, str]], asked: list[tuple[str, str]]
) -> list[Rows | str]:
    """Write a file of tests that all fail, and read what promtool says instead."""
    group = {
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in series],
        "promql_expr_test": [
            {"expr": text, "eval_time": at, "exp_samples": [{"labels": "expected", "value": 1}]}
            for text, at in asked
        ],
    }
    file.write_text(json.dumps({"evaluation_interval": "5s", "tests": [group]}, indent=1))
    promtool = program("promtool")
    assert promtool is not None
    done = subprocess.run(
        [promtool, "test", "rules", str(file)], capture_output=True, text=True, check=False
    )
    found = re.findall(
        r'^    expr: (".*"), time: [^,\n]*,(?: err: (.*)|\n +exp: .*\n +got: (.*))$',
        done.stderr, re.MULTILINE,
    )  # fmt: skip
    assert [json.loads(text) for text, _, _ in found] == [text for text, _ in asked], done.stderr
    return [error or rows_in(got) for _, error, got in found]


def rows_in(text: str) -> Rows:
    """Read promtool's rows: `{a="b"} 1E+00, {…} …`."""
    found = re.findall(r"(\{.*?\}) (NaN|[-+]Inf|[-+]?[0-9.]+E[-+][0-9]+)(?:, (?=\{)|$)", text)
    return {labels_in(labels): float(value) for labels, value in found}


def labels_in(text: str) -> tuple[tuple[str, str], ...]:
    return tuple(
        sorted((name.strip('"'), json.loads(value)) for name, value in LABEL.findall(text))
    )


def rows_of(outcome: Outcome) -> Rows:
    """Read our rows, from what a failed test shows."""
    rows: Rows = {}
    for pair in outcome.pairs:
        if pair.got:
            # A name that is no word stands first in the braces: {"a-", job="x"}.
            found = re.match(r'\{("(?:\\.|[^"\\])*")(?=[,}])|([^{]*)', pair.what)
            assert found is not None
            name = json.loads(found[1]) if found[1] else found[2]
            labels = labels_in(pair.what)
            whole = tuple(sorted((*labels, ("__name__", name)))) if name else labels
            rows[whole] = float(pair.got)
    return rows


def assert_near(where: str, theirs: Rows, ours: Rows) -> None:
    if len(theirs) >= 49:  # what a failure shows ends there
        return
    assert theirs.keys() == ours.keys(), where
    for labels, value in theirs.items():
        other = ours[labels]
        same = value == other or (math.isnan(value) and math.isnan(other))
        assert same or math.isclose(value, other, rel_tol=NEAR), f"{where} {labels}"
