"""Run rows of the benchmark: `python -m tests.bench [ROW...] [--json FILE]`."""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

from tests.bench import alertmanager, latency, memory, rules, startup, throughput
from tests.bench.machine import described
from tests.bench.row import Row

ROWS: dict[str, Callable[[], list[Row]]] = {
    "THROUGHPUT": throughput.run,
    "LATENCY": latency.run,
    "P9": alertmanager.run,
    "STARTUP": startup.run,
    "MEMORY": memory.run,
    "RULES": rules.run,
}
LONG = frozenset({"MEMORY", "P9", "RULES"})  # only when asked for by name


def main() -> int:
    """Print a line a figure; 1 where a target was missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=", ".join(ROWS))
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    asked = parser.parse_args()
    names = [name.upper() for name in asked.rows] or [name for name in ROWS if name not in LONG]
    if unknown := set(names) - set(ROWS):
        parser.error(f"no row {', '.join(sorted(unknown))}; there are {', '.join(ROWS)}")
    machine = described()
    print(f"{machine['cpu']}, load {machine['load']}, Python {machine['python']}", flush=True)
    found: list[Row] = []
    for name in names:
        for row in ROWS[name]():
            found.append(row)
            print(row, flush=True)
    if asked.json:
        rows = [{"row": r.name, "text": r.text, "met": r.met, **r.figures} for r in found]
        asked.json.write_text(json.dumps({"machine": machine, "rows": rows}, indent=1) + "\n")
    return int(any(row.met is False for row in found))


if __name__ == "__main__":
    sys.exit(main())
