"""The command `tocsin`: one file a verb, and only the verb that was asked for is imported.

Exit codes: 0 clean, 1 findings (or what was asked for did not work), 2 usage.
"""

import argparse
import difflib
import importlib
import importlib.util
import os
import sys
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path

from engine import version

__all__ = ["main"]

VERBS: Mapping[str, str] = {
    "run": "run a worker",
    "demo": "see it all work, on a made-up fleet; needs nothing",
    "init": "write a configuration to start from",
    "check": "check rules or a configuration, every mistake at once",
    "route": "say who gets an alert, in which group, when; show the routing tree",
    "template": "show what templates of notifications write",
    "test": "run unit tests of rules, as promtool does",
    "silence": "add, query and expire silences",
    "alert": "query the alerts that are there now",
    "delivery": "show notifications that were given up, and send them again",
    "receiver": "send a test notification to a receiver",
    "status": "ask a worker how it is",
    "compare": "show the alerts of a running Prometheus beside ours",
}

_NEXT = """\
Tocsin watches metric and log streams and tells people, once and in time.

  tocsin demo              see it work: a made-up fleet, alerts, Slack and email; needs nothing
  tocsin init DIR          write a configuration of your own to start from
{run}
  tocsin check rules DIR   every mistake in your rules at once

All verbs: tocsin --help
"""
_RUN = "  tocsin run               run it, where tocsin.yaml is"
_RUN_HERE = "  tocsin run               there is a tocsin.yaml here: this runs it"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb and return the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    problem = _foreign_package()
    if problem:
        print(problem, file=sys.stderr)
        return 2
    if not words:
        here = Path("tocsin.yaml").is_file()
        print(_NEXT.format(run=_RUN_HERE if here else _RUN), end="")
        return 0
    parser = _parser()
    if words[0] not in VERBS:
        if not words[0].startswith("-"):
            near = difflib.get_close_matches(words[0], VERBS, n=1)
            hint = f"did you mean `tocsin {near[0]}`?" if near else "see `tocsin --help`"
            parser.error(f"there is no verb `{words[0]}`; {hint}")
        parser.parse_args(words)  # --help, --version, or a complaint; none of them returns
    return _run(parser, words)


def _run(parser: argparse.ArgumentParser, words: list[str]) -> int:
    # Imported only now: numba, Faust and an HTTP server would make `tocsin --help` take seconds.
    module = importlib.import_module(f"engine.cli.{words[0]}")
    subparsers = parser.add_subparsers(dest="verb", metavar="VERB", required=True, prog="tocsin")
    module.add_parser(subparsers)
    spelled_out = getattr(module, "spelled_out", None)  # a verb may take shorter forms
    args = parser.parse_args(words if spelled_out is None else spelled_out(words))
    try:
        return int(module.run(args))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `tocsin alert query | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except _expected_errors() as error:
        print(f"tocsin {words[0]}: {error}", file=sys.stderr)
        return 1


def _expected_errors() -> tuple[type[Exception], ...]:
    from engine.errors import TocsinError  # see _run

    return (TocsinError,)


def _parser() -> argparse.ArgumentParser:
    width = max(map(len, VERBS)) + 2
    listed = "\n".join(f"  {verb:{width}}{text}" for verb, text in VERBS.items())
    parser = argparse.ArgumentParser(
        prog="tocsin",
        usage="tocsin [--help] [--version] VERB …",
        description="Watch metric and log streams and tell people, once and in time.",
        epilog=f"verbs:\n{listed}\n\n`tocsin VERB --help` says more.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"tocsin {version()}")
    return parser


def _foreign_package() -> str:
    """Say whose `engine` or `notifiers` would be imported, if they are not Tocsin's.

    Both names are generic, and PyPI has a distribution `notifiers` that has nothing to do with
    this one.
    """
    home = Path(__file__).resolve().parents[2]
    spec = importlib.util.find_spec("notifiers")
    if spec is None:
        return _advice("the package `notifiers` of Tocsin is missing")
    found = Path(next(iter(spec.submodule_search_locations or ()), spec.origin or "")).resolve()
    if found.parent != home:
        return _advice(f"`notifiers` is not Tocsin's: Python finds another one in {found}")
    for name in ("engine", "notifiers"):
        try:
            other = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue
        if Path(str(other.locate_file(name))).resolve() == home / name:
            return _advice(
                f"the distribution `{name}` {other.version} is installed over Tocsin's package "
                f"`{name}`"
            )
    return ""


def _advice(what: str) -> str:
    return (
        f"tocsin: {what}. Give Tocsin an environment of its own: "
        "python3 -m venv .venv && .venv/bin/pip install tocsin"
    )
