"""HTTP: records in, Alertmanager's API v2, rules, the page, health and metrics.

`build(deps)` makes the Starlette app of a worker out of an `ApiDeps`, `HttpServer` serves it in
the worker's loop. Any worker answers: posts are appended to the log, what only the owner of the
notifier knows is asked of it (proxy.py, one hop); how rules stand is asked of all (asking.py).

**Invariants:** a 2xx of a post means the append was acknowledged. A GET changes nothing. Nothing
of a request is held beyond its limit. Every route says what it needs (`ROUTES`), and what changes
something is written to the audit log, refused or not (audit.py).
Absent: Faust, the notifier's types (the worker adapts them to `views`), a clock of its own.
"""

from engine.api.app import ROUTES, RouteSpec, build
from engine.api.deps import ApiDeps, ApiSettings, Endpoint, Ingested, NotifierView, Reloaded
from engine.api.live import (
    Asked,
    Counted,
    Inspected,
    LiveExpression,
    LiveMatcher,
    LiveSelector,
    is_costly,
)
from engine.api.matcher_text import parse_matcher
from engine.api.sending import DeliveriesView, DestinationView, FailureView, LetterView
from engine.api.server import HttpServer, ListenError, bind, is_loopback
from engine.api.standing import Judged, Records, Standing
from engine.api.timestamp import parse as parse_time
from engine.api.timestamp import to_text as format_time
from engine.api.tokens import ROLES, TOKEN_CODES, Role, Token
from engine.api.tokens import load as load_tokens
from engine.api.views import (
    AlertView,
    GroupView,
    LoadView,
    Obstacle,
    ReceiverView,
    Rejected,
    RuleAlertView,
    RuleFailureView,
    RulesView,
    RuleView,
    SilenceView,
    WorkerView,
)
from engine.series import MatcherTextError

__all__ = [
    "ROLES",
    "ROUTES",
    "TOKEN_CODES",
    "AlertView",
    "ApiDeps",
    "ApiSettings",
    "Asked",
    "Counted",
    "DeliveriesView",
    "DestinationView",
    "Endpoint",
    "FailureView",
    "GroupView",
    "HttpServer",
    "Ingested",
    "Inspected",
    "Judged",
    "LetterView",
    "ListenError",
    "LiveExpression",
    "LiveMatcher",
    "LiveSelector",
    "LoadView",
    "MatcherTextError",
    "NotifierView",
    "Obstacle",
    "ReceiverView",
    "Records",
    "Rejected",
    "Reloaded",
    "Role",
    "RouteSpec",
    "RuleAlertView",
    "RuleFailureView",
    "RuleView",
    "RulesView",
    "SilenceView",
    "Standing",
    "Token",
    "WorkerView",
    "bind",
    "build",
    "format_time",
    "is_costly",
    "is_loopback",
    "load_tokens",
    "parse_matcher",
    "parse_time",
]
