"""`tocsin compare`: alerts of a running Prometheus beside ours, live."""

import argparse
import time
from typing import Any

from engine.cli.client import ApiError, Subparsers, add_options, ask, note, print_json, print_table
from engine.cli.comparison import Comparison, Episode
from engine.clock import system_clock

_ALERTS = "/api/v1/alerts"


def add_parser(subparsers: Subparsers) -> None:
    """Add the verb."""
    text = "Show the alerts of a running Prometheus beside ours, and who was first."
    parser = subparsers.add_parser(
        "compare",
        help=text,
        description=f"{text} Asks both until --for has passed or Ctrl-C, then prints a table. "
        "Exit code 1 where an alert fired on one side only.",
    )
    parser.add_argument("--prometheus", required=True, metavar="URL", help="the other side")
    parser.add_argument("--for", dest="for_s", type=_seconds, default=0.0, metavar="TIME",
                        help="how long, such as 10m (default: until Ctrl-C)")  # fmt: skip
    parser.add_argument("--every", type=_seconds, default=1.0, metavar="TIME",
                        help="how often to ask (default 1s)")  # fmt: skip
    parser.add_argument("--grace", type=_seconds, default=60.0, metavar="TIME",
                        help="how much later the other side may fire (default 1m)")  # fmt: skip
    parser.add_argument("--ignore-label", action="append", default=[], metavar="NAME",
                        help="a label that only one side adds; may be repeated")  # fmt: skip
    parser.add_argument("--prometheus-token-file", metavar="FILE",
                        help="holds a bearer token for the other side")  # fmt: skip
    add_options(parser)


def _seconds(text: str) -> float:
    units = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
    for unit in ("ms", "s", "m", "h"):
        number = text.removesuffix(unit)
        if number != text and number.replace(".", "", 1).isdigit():
            return float(number) * units[unit]
    raise argparse.ArgumentTypeError(f"{text!r} is no time such as 30s or 10m")


def run(args: argparse.Namespace) -> int:
    """Compare until told to stop; return the exit code."""
    there = argparse.Namespace(
        url=args.prometheus, token_file=args.prometheus_token_file, stranger=True
    )
    comparison = Comparison(args.ignore_label, args.grace)
    began_s = time.monotonic()
    _look(comparison, args, there)  # a wrong address is a mistake; later silence is a pause
    try:
        while not args.for_s or time.monotonic() - began_s < args.for_s:
            time.sleep(args.every)
            try:
                _look(comparison, args, there)
            except ApiError as error:
                note(f"waiting: {error}")
    except KeyboardInterrupt:
        note("")
    return _report(args, comparison)


def _look(comparison: Comparison, args: argparse.Namespace, there: argparse.Namespace) -> None:
    known = len(comparison.episodes)
    for side, where in (("here", args), ("there", there)):
        answer = ask(where, "GET", _ALERTS)
        comparison.observe(side, _alerts(answer, where.url), system_clock() / 1000)  # type: ignore[arg-type]
    if args.output == "text":
        for episode in comparison.episodes[known:]:
            note(f"{time.strftime('%H:%M:%S')} fires {' and '.join(episode.fired_s)}: "
                 f"{_labels(episode)}")  # fmt: skip


def _alerts(answer: Any, url: str) -> list[dict[str, Any]]:
    try:
        found: list[dict[str, Any]] = answer["data"]["alerts"]
    except (TypeError, KeyError):
        raise ApiError(f"{url}{_ALERTS} did not answer as Prometheus does: is it one?") from None
    return found


def _labels(episode: Episode) -> str:
    return " ".join(f"{name}={value}" for name, value in episode.labels)


def _report(args: argparse.Namespace, comparison: Comparison) -> int:
    now_s = system_clock() / 1000
    counts = {v: comparison.count(v, now_s)
              for v in ("same", "only there", "only here", "waiting")}  # fmt: skip
    lead = comparison.lead_s()
    middle_s = lead[len(lead) // 2] if lead else None
    if args.output == "json":
        print_json({"counts": counts, "earlier_s": {"median": middle_s, "all": lead}, "episodes": [
            {"labels": dict(e.labels), "verdict": e.verdict(now_s, comparison.grace_s),
             "earlier_s": e.earlier_s} for e in comparison.episodes]})  # fmt: skip
    else:
        print_table(("VERDICT", "OURS EARLIER", "ALERT"), (
            (e.verdict(now_s, comparison.grace_s), _lead(e.earlier_s), _labels(e))
            for e in comparison.episodes))  # fmt: skip
        shown = ", ".join(f"{number} {verdict}" for verdict, number in counts.items())
        print(f"{shown}; ours earlier by {_lead(middle_s) or '-'} (median)")
    return 1 if counts["only there"] or counts["only here"] else 0


def _lead(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:+.1f} s"
