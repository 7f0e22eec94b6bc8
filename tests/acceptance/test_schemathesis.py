"""schemathesis against `tocsin run`: whatever it makes of Alertmanager's OpenAPI file, the answers
are what that file says, and nothing of it is a failure of ours."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.product import product

CORPORA = Path(os.environ.get("TOCSIN_CORPORA") or Path(__file__).parents[3] / "shared/corpora")
FILE = CORPORA / "alertmanager-configs/api/v2/openapi.yaml"
NOT_ASKED = (
    # The file cannot say that a filter must be a matcher, that a silence ends after it starts, or
    # that of its matchers one must not match the empty string: 400 is the right answer then.
    "positive_data_acceptance",
    # An answer without a body has no type, as Alertmanager's have none.
    "content_type_conformance",
    # A silence that was deleted is there as an expired one.
    "use_after_free",
    # As Alertmanager takes `active=maybe` for false, and null for no alerts and for an empty text.
    # What of a body must be refused is asked by test_same_as_alertmanager_damaged.py.
    "negative_data_rejection",
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not FILE.exists(), reason="no corpora with Alertmanager's openapi.yaml: set TOCSIN_CORPORA"
    ),
]


@pytest.mark.parametrize("prefix", ["", "/foo"])
def test_answers_are_what_the_file_says(tmp_path: Path, prefix: str) -> None:
    phases = "coverage,fuzzing" if prefix else "coverage,fuzzing,stateful"
    asked = ("--checks=all", f"--exclude-checks={','.join(NOT_ASKED)}", f"--phases={phases}")
    with product(tmp_path, extra=f"route_prefix: {prefix or '/'}\n") as server:
        told = schemathesis(tmp_path, f"{server.url}{prefix}/api/v2", *asked)
        assert "Operations:       9 selected / 9 total" in told
        assert "Traceback" not in server.log.read_text("utf-8", "replace")


def schemathesis(directory: Path, url: str, *words: str) -> str:
    program = Path(sys.executable).with_name("schemathesis")
    done = subprocess.run(
        [program, "run", FILE, f"--url={url}", "--max-examples=30", "--no-color", *words],
        check=False, capture_output=True, text=True, timeout=300, cwd=directory,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-8_000:] + done.stderr[-2_000:]
    return done.stdout
