"""`tocsin test rules`: run promtool's unit tests on the production owners, in no time."""

import argparse
import re
import sys
from collections.abc import Sequence
from typing import Protocol

from engine.errors import FileError

OUTPUTS = ("text", "json", "github")


class _Subparsers(Protocol):
    def add_parser(self, name: str, *, help: str, description: str) -> argparse.ArgumentParser:  # noqa: A002
        ...


def add_parser(subparsers: _Subparsers) -> None:
    """Add the verb, its noun and its options."""
    text = "Run unit tests of rules; exit 0 all passed, 1 failures, 2 wrong usage."
    parser = subparsers.add_parser("test", help=text, description=text)
    nouns = parser.add_subparsers(dest="noun", metavar="rules", required=True)
    rules = nouns.add_parser("rules", help="run files in promtool's unit-test format")
    rules.add_argument("paths", nargs="+", metavar="PATH", help="test files, or directories")
    rules.add_argument("--run", metavar="REGEX", action="append", default=[], dest="patterns",
                       help="only tests whose name matches; may be given again")  # fmt: skip
    rules.add_argument("--output", choices=OUTPUTS, default="text", help="(default text)")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the tests and return the exit code."""
    return test_rules(args.paths, args.patterns, args.output)


def test_rules(paths: Sequence[str], patterns: Sequence[str], output: str) -> int:
    """Run test files; print what became of them and return 0 (passed), 1 (failed) or 2."""
    from engine import ruletests  # late: `tocsin --help` must not wait for it

    try:
        only = re.compile("|".join(patterns)) if patterns else None
        files = ruletests.find_tests(paths)
    except (FileError, re.error) as error:
        print(f"tocsin test rules: {error}", file=sys.stderr)
        return 2
    if not files:  # in CI a mistyped directory must not look good
        print(f"tocsin test rules: no file with `tests:` in {', '.join(paths)}", file=sys.stderr)
        return 2
    reports = [ruletests.run_tests(path, text, only) for path, text in files.items()]
    if output == "json":
        print(ruletests.show_json(reports))
    elif output == "github":
        print(ruletests.show_github(reports), end="")
    else:
        print(ruletests.show_text(reports))
        failed = sum(not report.passed for report in reports)
        counted = "1 file" if len(reports) == 1 else f"{len(reports)} files"
        print(f"{counted}: " + (f"{failed} failed" if failed else "all passed"))
    return 0 if all(report.passed for report in reports) else 1
