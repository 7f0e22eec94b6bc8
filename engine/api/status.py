"""Status and receivers, as Alertmanager's API v2 has them."""

from starlette.requests import Request
from starlette.responses import Response

from engine.api.context import Context
from engine.api.listing import answer, matchers, matches
from engine.api.timestamp import to_text
from engine.api.wire import receiver_json, receiver_labels

API_COMPATIBLE_WITH = "0.34.2"
"""The Alertmanager whose API v2 this is. Karma and Grafana choose by `versionInfo.version`."""


async def get_status(request: Request, context: Context) -> Response:
    """GET /api/v2/status."""
    settings = context.deps.settings
    return answer(
        request,
        {
            "cluster": {"status": "disabled", "peers": []},
            "config": {"original": context.view().config_text()},
            "uptime": to_text(settings.started_ms),
            "versionInfo": {
                "version": f"{API_COMPATIBLE_WITH}+tocsin.{settings.version}",
                "revision": "",
                "branch": "",
                "buildUser": "",
                "buildDate": "",
                "goVersion": "",
            },
        },
    )


async def list_receivers(request: Request, context: Context) -> Response:
    """GET /api/v2/receivers."""
    selector = matchers(request, context, "receiver_matchers")
    found = [
        view for view in context.view().receivers() if matches(selector, receiver_labels(view))
    ]
    return answer(request, [receiver_json(view) for view in found])
