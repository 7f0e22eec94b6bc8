"""The routes of a worker and the Starlette app around them."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from engine.api import alerts, health, ingest, inspection, page, rules, silences, status
from engine.api.asking import PATH as STANDING
from engine.api.asking import Asking
from engine.api.auth import Need, authorize
from engine.api.body import Refusal
from engine.api.context import Context
from engine.api.deps import ApiDeps
from engine.api.guard import ROUTE_KEY, Guard
from engine.api.proxy import Proxy
from engine.errors import StreamError

_log = logging.getLogger("tocsin.http")

Endpoint = Callable[[Request, Context], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class RouteSpec:
    """One method of one path: what it needs and where it is answered."""

    method: Literal["GET", "POST", "DELETE"]
    path: str
    need: Need
    endpoint: Endpoint
    where: Literal["here", "owner", "owner_or_here"] = "here"


ROUTES: tuple[RouteSpec, ...] = (
    RouteSpec("GET", "/", "read", page.show, "owner_or_here"),
    RouteSpec("GET", "/page.css", "open", page.style),
    RouteSpec("GET", "/-/healthy", "open", health.healthy),
    RouteSpec("GET", "/-/ready", "open", health.ready),
    RouteSpec("GET", "/-/applied", "any", health.applied),
    RouteSpec("POST", "/-/reload", "admin", health.reload),
    RouteSpec("GET", "/metrics", "read", health.metrics),
    RouteSpec("POST", "/api/v1/ingest/metrics", "ingest", ingest.post_metrics),
    RouteSpec("POST", "/api/v1/ingest/logs", "ingest", ingest.post_logs),
    RouteSpec("POST", "/api/v1/write", "ingest", ingest.post_write),
    RouteSpec("GET", "/api/v1/rules", "read", rules.list_rules),
    RouteSpec("GET", STANDING, "read", rules.standing),
    RouteSpec("POST", "/api/v1/rules/inspect", "read", inspection.inspect),
    RouteSpec("GET", "/api/v1/alerts", "read", rules.list_alerts),
    RouteSpec("GET", "/api/v1/status/buildinfo", "read", rules.build_info),
    RouteSpec("GET", "/api/v2/status", "read", status.get_status, "owner"),
    RouteSpec("GET", "/api/v2/receivers", "read", status.list_receivers, "owner"),
    RouteSpec("GET", "/api/v2/silences", "read", silences.list_silences, "owner"),
    RouteSpec("POST", "/api/v2/silences", "silence", silences.post_silence),
    RouteSpec("GET", "/api/v2/silence/{silence_id}", "read", silences.get_silence, "owner"),
    RouteSpec("DELETE", "/api/v2/silence/{silence_id}", "silence", silences.expire_silence,
              "owner"),
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
    routes: list[BaseRoute] = [
        Route(spec.path, _guarded(spec, context), methods=[spec.method]) for spec in ROUTES
    ]

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        await context.proxy.close()

    return Starlette(
        routes=[*routes, *extra_routes],
        middleware=[Middleware(Guard, deps=deps)],
        exception_handlers={HTTPException: _http_error},
        lifespan=lifespan,
    )


def _guarded(spec: RouteSpec, context: Context) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        request.scope[ROUTE_KEY] = spec.path
        try:
            authorize(request, context.deps.settings.tokens, spec.need)
            return await _answer(spec, request, context)
        except Refusal as refusal:
            return refusal.response()
        except StreamError as error:
            return Refusal(503, str(error), {"Retry-After": "1"}).response()
        except Exception:  # noqa: BLE001  # one bad request must not end the connection without an answer
            _log.exception("%s %s failed", spec.method, spec.path)
            return Refusal(500, "internal error; the log of this worker has it").response()

    return endpoint


async def _answer(spec: RouteSpec, request: Request, context: Context) -> Response:
    """Answer here, or where the notifier lives."""
    if spec.where == "here" or context.deps.notifier() is not None:
        return await spec.endpoint(request, context)
    if spec.where == "owner":
        return await context.proxy.forward(request, context.deps)
    try:
        return await context.proxy.forward(request, context.deps)
    except Refusal:
        return await spec.endpoint(request, context)


async def _http_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return Refusal(error.status_code, error.detail, error.headers, coded=True).response()
