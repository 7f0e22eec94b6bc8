"""The routes of a worker and the Starlette app around them."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from engine.api import (
    alerts,
    audit,
    deliveries,
    health,
    ingest,
    inspection,
    page,
    preview,
    rules,
    silences,
    status,
)
from engine.api.asking import PATH as STANDING
from engine.api.asking import Asking
from engine.api.auth import Need, authorize
from engine.api.body import Refusal, require_acceptable
from engine.api.context import Context
from engine.api.deps import ApiDeps
from engine.api.guard import ROUTE_KEY, Guard
from engine.api.prefix import ASKED_KEY, Prefix
from engine.api.proxy import Proxy
from engine.errors import StreamError

_log = logging.getLogger("tocsin.http")

Endpoint = Callable[[Request, Context], Awaitable[Response]]
_ENDED = 499  # in the audit log: the process or the client ended before there was an answer


@dataclass(frozen=True, slots=True)
class RouteSpec:
    """One method of one path: what it needs and where it is answered.

    A GET is answered to HEAD too, and changes nothing. Whatever changes something besides taking
    records and alerts in has a name for the audit log in `audit`.
    """

    method: Literal["GET", "POST", "DELETE"]
    path: str
    need: Need
    endpoint: Endpoint
    where: Literal["here", "owner", "owner_or_here"] = "here"
    audit: str = ""


ROUTES: tuple[RouteSpec, ...] = (
    RouteSpec("GET", "/", "read", page.show, "owner_or_here"),
    RouteSpec("GET", "/page.css", "open", page.style),
    RouteSpec("GET", "/-/healthy", "open", health.healthy),
    RouteSpec("GET", "/-/ready", "open", health.ready),
    RouteSpec("GET", "/-/applied", "any", health.applied),
    RouteSpec("POST", "/-/reload", "admin", health.reload, audit="reload"),
    RouteSpec("GET", "/metrics", "read", health.metrics),
    RouteSpec("POST", "/api/v1/ingest/metrics", "ingest", ingest.post_metrics),
    RouteSpec("POST", "/api/v1/ingest/logs", "ingest", ingest.post_logs),
    RouteSpec("POST", "/api/v1/write", "ingest", ingest.post_write),
    RouteSpec("GET", "/api/v1/rules", "read", rules.list_rules),
    RouteSpec("GET", STANDING, "read", rules.standing),
    RouteSpec("POST", "/api/v1/rules/inspect", "read", inspection.inspect),
    RouteSpec("GET", "/api/v1/alerts", "read", rules.list_alerts),
    RouteSpec("POST", "/api/v1/silences/preview", "read", preview.preview),
    RouteSpec("GET", "/api/v1/deliveries", "read", deliveries.list_deliveries, "owner"),
    RouteSpec("POST", "/api/v1/deliveries/retry", "silence", deliveries.retry_deliveries,
              audit="delivery.retry"),
    RouteSpec("GET", "/api/v1/status/buildinfo", "read", rules.build_info),
    RouteSpec("GET", "/api/v2/status", "read", status.get_status, "owner"),
    RouteSpec("GET", "/api/v2/receivers", "read", status.list_receivers, "owner"),
    RouteSpec("GET", "/api/v2/silences", "read", silences.list_silences, "owner"),
    RouteSpec("POST", "/api/v2/silences", "silence", silences.post_silence,
              audit="silence.set"),
    RouteSpec("GET", "/api/v2/silence/{silence_id}", "read", silences.get_silence, "owner"),
    RouteSpec("DELETE", "/api/v2/silence/{silence_id}", "silence", silences.expire_silence,
              "owner", "silence.expire"),
    RouteSpec("GET", "/api/v2/alerts", "read", alerts.list_alerts, "owner"),
    RouteSpec("POST", "/api/v2/alerts", "ingest", alerts.post_alerts),
    RouteSpec("GET", "/api/v2/alerts/groups", "read", alerts.list_groups, "owner"),
)  # fmt: skip
"""Everything a worker answers. Tests go through it: every route with every role."""


def build(
    deps: ApiDeps, *, extra_routes: Sequence[BaseRoute] = (), proxy: Proxy | None = None
) -> Starlette:
    """Make the app of a worker. `extra_routes` are open to all: the demo's inbox."""
    ways = proxy or Proxy()
    context = Context(deps, ways, Asking(deps, ways))
    by_path = groupby(sorted(ROUTES, key=lambda spec: spec.path), key=lambda spec: spec.path)
    answers = {path: _Path({spec.method: spec for spec in specs}, context)
               for path, specs in by_path}  # fmt: skip
    # In the order of the table: of two patterns that match a path the earlier one is meant.
    routes: list[BaseRoute] = [
        Route(path, answers[path]) for path in dict.fromkeys(spec.path for spec in ROUTES)
    ]

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        await context.proxy.close()

    app = Starlette(
        routes=[*routes, *extra_routes],
        middleware=[
            Middleware(Guard, deps=deps),
            Middleware(Prefix, prefix=deps.settings.route_prefix),
        ],
        exception_handlers={HTTPException: _http_error},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False  # see prefix.py
    return app


class _Path:
    """Everything that one path answers, by method."""

    def __init__(self, specs: Mapping[str, RouteSpec], context: Context) -> None:
        self._specs, self._context = specs, context

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        await (await self._answer(request))(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        spec = self._specs.get("GET" if request.method == "HEAD" else request.method)
        if spec is None:
            allowed = ",".join(self._specs)
            told = f"method {request.method} is not allowed, but [{allowed}] are"
            return Refusal(405, told, {"Allow": allowed}, coded=True).response()
        request.scope[ROUTE_KEY] = spec.path
        status = _ENDED
        try:
            answer = await _guarded(spec, request, self._context)
            status = answer.status_code
        finally:
            if spec.audit:
                audit.write(request, spec.audit, status)
        return answer


async def _guarded(spec: RouteSpec, request: Request, context: Context) -> Response:
    """Answer whatever happens."""
    try:
        authorize(request, context.deps.settings.tokens, spec.need)
        if spec.path.startswith("/api/v2/"):
            require_acceptable(request)
        return await _where_it_belongs(spec, request, context)
    except Refusal as refusal:
        return refusal.response()
    except StreamError as error:
        return Refusal(503, str(error), {"Retry-After": "1"}).response()
    except Exception:  # noqa: BLE001  # one bad request must not end the connection without an answer
        _log.exception("%s %s failed", spec.method, spec.path)
        return Refusal(500, "internal error; the log of this worker has it").response()


async def _where_it_belongs(spec: RouteSpec, request: Request, context: Context) -> Response:
    """Answer here, or where the notifier lives."""
    if spec.where == "here" or context.deps.notifier() is not None:
        return await spec.endpoint(request, context)
    if spec.where == "owner":
        return await context.proxy.forward(request, context.deps)
    try:
        return await context.proxy.forward(request, context.deps)
    except Refusal:
        return await spec.endpoint(request, context)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    told = error.detail
    if error.status_code == 404:
        told = f"path {request.scope.get(ASKED_KEY, '')[:200]} was not found"
    return Refusal(error.status_code, told, error.headers, coded=True).response()
