"""Fault points: where a test may end this very process, as a power cut would.

`TOCSIN_FAULT="checkpoint.after_chunks:3"` makes the process kill itself (SIGKILL, so nothing is
flushed and no handler runs) at the third passage of that point; several points are separated by
commas. Without the variable a point is one call of an empty function.
"""

import os
import signal
from collections.abc import Callable, Mapping

POINTS = frozenset({
    "ingest.after_send",               # a fetch's batches are on their way, nothing acknowledged
    "ingest.after_ack",                # all acknowledged, source offset not committed
    "outbox.after_send",               # an owner's outputs are on their way
    "claim.after",                     # a new epoch exists, nothing was said under it
    "checkpoint.before_chunks",        # outputs acknowledged
    "checkpoint.after_chunks",         # chunks acknowledged, no manifest names them
    "checkpoint.after_manifest",       # the manifest is acknowledged, the offset not committed
    "checkpoint.after_commit",         # the offset is committed, the local store not written
    "notify.after_claim",              # the fence is claimed, nothing was sent
    "notify.between_send_and_answer",  # the request left, its answer was not read
    "notify.after_answer",             # the far side confirmed, the fence does not say so
    "notify.after_confirm",            # the fence says sent, the log has no record of it
})  # fmt: skip
"""Every fault point by name; `point` refuses others when faults are on."""


def parse(text: str) -> dict[str, int]:
    """Read `name:n,name:n`; n is 1 where it is left out. Raises ValueError."""
    wanted: dict[str, int] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, _, count = part.partition(":")
        if name not in POINTS:
            raise ValueError(f"TOCSIN_FAULT names {name!r}; there are {', '.join(sorted(POINTS))}")
        wanted[name] = int(count or 1)
    return wanted


def _kill_self() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def arm(wanted: Mapping[str, int], end: Callable[[], None] = _kill_self) -> Callable[[str], None]:
    """Return a `point` that calls `end` at the wanted passages."""
    left = dict(wanted)

    def passed(name: str) -> None:
        assert name in POINTS, f"unknown fault point {name!r}"
        if name in left:
            left[name] -= 1
            if left[name] == 0:
                end()

    return passed


def _unarmed(_name: str) -> None:
    """Do nothing: faults are off."""


point: Callable[[str], None] = (
    arm(parse(os.environ["TOCSIN_FAULT"])) if os.environ.get("TOCSIN_FAULT") else _unarmed
)
"""Pass a fault point: `faults.point("claim.after")`."""
