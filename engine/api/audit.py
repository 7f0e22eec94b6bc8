"""Who changed what, when, with what result: one line of the logger `tocsin.audit` each.

    who=oncall from=10.0.0.7 what=silence.expire result=200 silence=b4e0…

`who` is the name of the token ("anonymous" where none is asked for), `from` the address of the
connection, `via` the worker that handed the request on. Refused ones are there too. Tokens, labels
and comments are not, so the log may be kept longer and read by more people than they may.
"""

import json
import logging
import re
from collections.abc import Mapping
from typing import Final

from starlette.requests import Request

from engine.api.auth import caller
from engine.api.proxy import HOP_HEADER
from engine.metrics import counter

_log = logging.getLogger("tocsin.audit")
_PLAIN: Final = re.compile(r"[A-Za-z0-9._:@/+-]{1,200}")
_VALUE_MAX: Final = 200  # characters of one value; what is longer is cut
AUDITED = counter("tocsin_audit_total", "Changes that were asked for.", ["what", "result"])


def note(request: Request, **facts: str | int | bool) -> None:
    """Keep what an endpoint knows of its change for the line that is written at its end."""
    kept: dict[str, str] = getattr(request.state, "audit", None) or {}
    kept.update({name: str(value) for name, value in facts.items()})
    request.state.audit = kept


def write(request: Request, what: str, status: int) -> None:
    """Write the line of a request that wanted to change something.

    What was handed on to another worker is written there, where the facts are.
    """
    if getattr(request.state, "handed_on", False):
        return
    AUDITED.labels(what, str(status)).inc()
    facts = {"who": caller(request), "from": request.client.host if request.client else "-"}
    if HOP_HEADER in request.headers:
        facts["via"] = request.headers[HOP_HEADER]
    facts |= {"what": what, "result": str(status)}
    facts |= getattr(request.state, "audit", None) or {}
    _log.info("%s", line(facts))


def line(facts: Mapping[str, str]) -> str:
    """Show facts on one line that nobody's value can break or extend."""
    return " ".join(f"{name}={_shown(value)}" for name, value in facts.items())


def _shown(value: str) -> str:
    return value if _PLAIN.fullmatch(value) else json.dumps(value[:_VALUE_MAX])
