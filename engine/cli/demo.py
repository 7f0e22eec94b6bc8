"""`tocsin demo`: Tocsin on its embedded default, with a made-up fleet that has incidents."""

import argparse
import os
from pathlib import Path
from typing import Protocol

DIRECTORY = Path(".tocsin-demo")
PORT = 9093
SEED = 1


class _Subparsers(Protocol):
    def add_parser(self, name: str, *, help: str, description: str) -> argparse.ArgumentParser:  # noqa: A002
        ...


def add_parser(subparsers: _Subparsers) -> None:
    """Add the verb and its options."""
    text = "Run Tocsin with a made-up fleet, and Slack and email stand-ins; needs nothing."
    parser = subparsers.add_parser("demo", help=text, description=text)
    parser.add_argument(
        "--once",
        action="store_true",
        help="exit 0 when an alert and its resolution have reached Slack and email, 1 after 180 s",
    )
    parser.add_argument(
        "--plain", action="store_true", help="plain lines, also where there is a terminal"
    )
    parser.add_argument(
        "--dump", type=Path, metavar="DIR", help="write the demo's configuration to DIR and exit"
    )
    parser.add_argument(
        "--dir", type=Path, default=DIRECTORY, help=f"everything it writes (default {DIRECTORY})"
    )
    parser.add_argument("--port", type=int, default=PORT, help=f"HTTP port (default {PORT})")
    parser.add_argument("--seed", type=int, default=SEED, help=f"of the fleet (default {SEED})")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the demo and return the exit code."""
    if not os.access(Path(__file__).parent, os.W_OK):
        # Compiled kernels are kept beside their source as .pyc files are. Where that cannot be,
        # numba would write into the home directory, and the demo leaves nothing there.
        os.environ.setdefault("NUMBA_CACHE_DIR", str((args.dir / "cache").absolute()))
    from engine.demo import runner  # late: `tocsin --help` must not wait for it

    if args.dump is not None:
        return runner.dump(args.dump, args.port)
    return runner.run_demo(
        runner.Options(
            once=args.once,
            plain=args.plain,
            directory=args.dir,
            port=args.port,
            seed=args.seed,
        )
    )
