"""`python -m tests.conformance`: run the corpora, say what fails and why, and how much passes.

Exits with 1 where a corpus is below its floor (floors.json). `--only TEXT` runs the cases whose
name holds a text, `--corpus NAME` one corpus; then there is no floor.
"""

import argparse
import json
import secrets
import sys
import time
from collections.abc import Collection
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tests.conformance import alerting, alertmanager, promqltest, promtool, ruletests, syntax
from tests.conformance.alertmanager import timeline
from tests.conformance.corpora import ROOT, Part, Tally

NAMES = (
    "promqltest", "promql-syntax", "prometheus-alerting", "promtool", "ruletests", "alertmanager",
)  # fmt: skip
FLOORS = Path(__file__).with_name("floors.json")


def parts(seed: int, only: str = "") -> dict[str, list[Part]]:
    """Return the parts of each corpus."""
    return {
        "ruletests": ruletests.parts(only),
        "promqltest": promqltest.parts(seed, only),
        "promql-syntax": [(syntax.run, (only,))],
        "prometheus-alerting": [(alerting.run, (seed, only))],
        "promtool": [(promtool.run, (only,))],
        "alertmanager": alertmanager.parts(only),
    }


def run(seed: int, only: str = "", corpora: Collection[str] = ()) -> list[Tally]:
    """Run corpora (all) on every core; say what fails as it is known."""
    wanted = {name: p for name, p in parts(seed, only).items() if not corpora or name in corpora}
    tallies = {name: Tally(name) for name in wanted}
    if "alertmanager" in wanted:
        # In real seconds: before the others, which take every core.
        for work, args in timeline.parts(only):
            _count(tallies["alertmanager"], work(*args))
    with ProcessPoolExecutor() as pool:
        running = [
            (name, pool.submit(work, *args)) for name, p in wanted.items() for work, args in p
        ]
        for name, future in running:
            _count(tallies[name], future.result())
    return [tallies[name] for name in NAMES if name in tallies]


def _count(tally: Tally, part: Tally) -> None:
    tally.merge(part)
    for case, problem in part.failures.items():
        print(f"{tally.name} {case}: {problem}", flush=True)


def below(tallies: list[Tally]) -> list[str]:
    """Return which corpora have fewer passes than their floor says; a floor is a share.

    Shares, so that a larger half of a corpus is held to the same standard.
    """
    floors = json.loads(FLOORS.read_text())
    return [
        f"{tally}: the floor is {floors[tally.name]}"
        for tally in tallies
        if tally.cases and tally.passed / tally.cases < floors[tally.name] - 1e-9
    ]


def main() -> int:
    """Run and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000))
    parser.add_argument("--only", default="")
    parser.add_argument("--corpus", action="append", default=[])
    parser.add_argument("--record", action="store_true", help="ask promtool for its verdicts")
    args = parser.parse_args()
    if not ROOT.is_dir():
        print(f"no corpora at {ROOT}: set TOCSIN_CORPORA", file=sys.stderr)
        return 2
    if args.record:
        promtool.record()
        return 0
    print(f"seed={args.seed}")
    began = time.monotonic()
    tallies = run(args.seed, args.only, args.corpus)
    print(f"{time.monotonic() - began:.0f} s")
    whole = not args.only and not args.corpus
    low = below(tallies) if whole else []
    print("\n".join(low))
    print("conformance: " + " ".join(map(str, tallies)))
    return 1 if low else 0


if __name__ == "__main__":
    sys.exit(main())
