"""`tocsin status`: how a worker is; exit code 1 where it is not ready."""

import argparse
from typing import Any

from engine.cli.client import ApiError, Subparsers, add_options, ask, plain, print_json


def add_parser(subparsers: Subparsers) -> None:
    """Add the verb."""
    text = "Ask a worker how it is; exit code 1 where it is not ready."
    parser = subparsers.add_parser("status", help=text, description=text)
    add_options(parser)


def run(args: argparse.Namespace) -> int:
    """Print the state of a worker and return the exit code."""
    ready = ask(args, "GET", "/-/ready", allowed=(200, 503))
    rules = _optional(args, "/api/v1/rules")
    alerts = _optional(args, "/api/v2/alerts")
    silences = _optional(args, "/api/v2/silences")
    deliveries = _optional(args, "/api/v1/deliveries")
    if args.output == "json":
        print_json({
            "ready": ready, "rules": rules, "alerts": alerts, "silences": silences,
            "deliveries": deliveries,
        })  # fmt: skip
        return 0 if ready["ready"] else 1
    print(f"{args.url}: {'ready' if ready['ready'] else 'not ready'}")
    for obstacle in ready["obstacles"]:
        print(f"  {obstacle['code']}: {plain(obstacle['text'])}")
    if rules is not None:
        _print_rules(rules["data"])
    if alerts is not None:
        quiet = sum(alert["status"]["state"] == "suppressed" for alert in alerts)
        print(f"alerts: {len(alerts)} firing, {quiet} of them quiet")
    if silences is not None:
        active = sum(silence["status"]["state"] == "active" for silence in silences)
        print(f"silences: {active} active")
    if deliveries is not None:
        _print_deliveries(deliveries["data"])
    return 0 if ready["ready"] else 1


def _print_rules(data: dict[str, Any]) -> None:
    count = sum(len(group["rules"]) for group in data["groups"])
    load = data["load"]
    print(f"rules: {count} in force, set {load['digest'][:12] or 'none'}")
    if not load["good"] and load["findings"]:
        print(f"the newest rule files are not in force:\n{load['findings']}")


def _print_deliveries(data: dict[str, Any]) -> None:
    lost = len(data["deadLetters"])
    down = [each["destination"] for each in data["destinations"] if each["breaker"] != "closed"]
    print(f"notifications: {data['inFlight']} on their way, {lost} given up")
    if down:
        print(f"  left alone after failures: {', '.join(plain(name) for name in down)}")
    if lost or down:
        print("  more: tocsin delivery list")


def _optional(args: argparse.Namespace, path: str) -> Any:
    """Ask for what a worker may not know while the notifier moves."""
    try:
        return ask(args, "GET", path)
    except ApiError as error:
        print(f"{path}: {error}")
        return None
