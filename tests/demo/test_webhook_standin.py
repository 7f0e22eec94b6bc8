"""The webhook receiver keeps every hit and compares none."""

import httpx
from starlette.responses import PlainTextResponse

from engine.demo.webhook_standin import WebhookStandIn
from tests.channels.serving import Clock


async def test_every_post_is_kept_and_answered():
    standin = WebhookStandIn(Clock(7), hits_max=2)
    transport = httpx.ASGITransport(app=standin.app())
    async with httpx.AsyncClient(transport=transport, base_url="http://hook") as http:
        answers = [await http.post("/a/b", json={"n": 1}) for _ in range(3)]

        async def busy(_hit):
            return PlainTextResponse("later", 503)

        standin.answer = busy
        refused = await http.post("/c", json={})
        read = await http.get("/a/b")
    assert [answer.text for answer in answers] == ["ok"] * 3
    assert (refused.status_code, read.status_code) == (503, 405)
    assert [(hit.path, hit.at_ms) for hit in standin.hits] == [("/a/b", 7), ("/c", 7)]
    assert standin.hits[0].json == {"n": 1}
