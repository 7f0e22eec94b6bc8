"""Health, readiness, reload, metrics, and the wait between workers."""

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from engine.api import audit
from engine.api.body import Refusal, as_json
from engine.api.context import Context
from engine.api.settle import APPLIED_TIMEOUT_MS
from engine.metrics import REGISTRY

ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)
GCCollector(registry=REGISTRY)


async def healthy(_request: Request, _context: Context) -> Response:
    """GET /-/healthy: the loop turns."""
    return PlainTextResponse("OK")


async def ready(_request: Request, context: Context) -> Response:
    """GET /-/ready: 503 with every reason until this worker does its work."""
    obstacles = context.obstacles()
    body = {"ready": not obstacles, "obstacles": obstacles}
    return as_json(body, 503 if obstacles else 200)


async def reload(request: Request, context: Context) -> Response:
    """POST /-/reload: 400 with the findings of a bad file, which changes nothing."""
    result = await context.deps.reload()
    audit.note(request, good=result.good)
    text = result.text if result.text.endswith("\n") else result.text + "\n"
    return PlainTextResponse(text, 200 if result.good else 400)


async def metrics(_request: Request, _context: Context) -> Response:
    """GET /metrics."""
    return Response(generate_latest(REGISTRY), headers={"Content-Type": CONTENT_TYPE_LATEST})


async def applied(request: Request, context: Context) -> Response:
    """GET /-/applied?offset=N: answer once the notifier here has applied that record.

    Other workers ask it so that a client who posted there reads its writes here.
    """
    text = request.query_params.get("offset", "")
    if not text.isdecimal() or len(text) > 18:
        raise Refusal(400, "offset must be a number")
    if context.deps.notifier() is None:
        raise Refusal(503, "the notifier is not here", {"Retry-After": "1"})
    done = await context.deps.wait_applied(int(text), APPLIED_TIMEOUT_MS)
    return as_json({"applied": done}, 200 if done else 504)
