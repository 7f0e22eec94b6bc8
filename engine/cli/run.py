"""`tocsin run`: run a worker."""

import argparse
import sys
from pathlib import Path
from typing import Any

HELP = "run a worker"


def add_parser(subparsers: Any) -> None:
    """Add the verb."""
    parser = subparsers.add_parser("run", help=HELP, description="Run a worker until a signal.")
    parser.add_argument(
        "--config", type=Path, default=Path("tocsin.yaml"), metavar="FILE",
        help="configuration file (default: tocsin.yaml here)",
    )  # fmt: skip
    parser.add_argument(
        "--role", choices=("ingest", "evaluate"), action="append",
        help="run this role alone; may be given twice (default: what the file says)",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Run it."""
    import dataclasses

    from engine import config as configuration
    from engine import worker
    from engine.document import render

    config, findings = configuration.load(args.config)
    if findings:
        text = (
            args.config.read_text(encoding="utf-8", errors="replace")
            if (args.config.is_file())
            else ""
        )
        print(render(findings, {str(args.config): text}), file=sys.stderr)
    if config is None:
        return 1
    if args.role:
        config = dataclasses.replace(config, roles=tuple(dict.fromkeys(args.role)))
    return worker.run(config)
