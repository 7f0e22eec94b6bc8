"""The inbox page: what its two receivers got, and that nothing in it runs."""

import re

import httpx
import pytest
from starlette.applications import Starlette

from engine.demo.inbox import Inbox
from engine.demo.slack_standin import SlackStandIn
from engine.demo.smtp_standin import SmtpStandIn
from notifiers.channels.email import Email
from notifiers.channels.slack import Slack
from notifiers.notification import Global, Sent
from tests.channels import samples
from tests.channels.building import build
from tests.channels.serving import Clock, serving


@pytest.fixture
async def world():
    """Give the two stand-ins, a client of the page, and what sends to both."""
    clock = Clock(samples.T0_MS)
    slack, smtp = SlackStandIn(clock), SmtpStandIn(clock)
    slack.tokens.add("x")
    slack.add_channel("alerts")
    smtp.start()
    app = Starlette(routes=[*slack.routes(), *Inbox(slack, smtp).routes()])
    async with serving(app) as url:
        bot = build(Slack, {"app_url": f"{url}/api/chat.postMessage", "app_token": "x",
                            "channel": "#alerts"})  # fmt: skip
        mail = build(Email, {"to": "oncall@demo.example", "require_tls": False},
                     Global(smtp_from="t@demo.example", smtp_smarthost=f"127.0.0.1:{smtp.port}"))  # fmt: skip

        async def send(make, *previous):
            outcomes = []
            for index, channel in enumerate((bot, mail)):
                clock.advance(2_000)
                told = make(*[far[index].far_id for far in previous])
                outcomes.append(await channel.notify(told, told.now_ms))
            assert all(isinstance(one, Sent) for one in outcomes), outcomes
            return outcomes

        async with httpx.AsyncClient(base_url=url) as http:
            yield http, send
        await bot.close()
    smtp.close()


async def test_empty_at_first(world):
    http, _ = world
    page = await http.get("/demo/inbox")
    assert page.status_code == 200
    assert "Nothing yet" in page.text
    assert "http://" not in page.text  # no asset from anywhere
    assert "https://" not in page.text


async def test_the_life_of_an_episode(world):
    http, send = world
    first = await send(samples.first)
    raised = await send(samples.level_change, first)
    await send(samples.resolved, raised)
    shown = (await http.get("/demo/inbox/list")).text
    assert "RESOLVED · payments: 3 requests timed out in the last minute" in shown
    assert shown.count('class="message"') == 1
    assert "edited 2 times" in shown
    assert "2 replies" in shown
    assert shown.count('class="mails"') == 1  # one thread
    assert re.findall(r"email/(\d+)", shown) == ["3", "2", "1"]
    assert "data 14:08:08.120 UTC → arrived +4 ms → decided +3 ms → sent" in shown


async def test_the_page_asks_only_for_what_is_new(world):
    http, send = world
    before = await http.get("/demo/inbox/list")
    same = await http.get("/demo/inbox/list", headers={"If-None-Match": before.headers["ETag"]})
    await send(samples.first)
    after = await http.get("/demo/inbox/list", headers={"If-None-Match": before.headers["ETag"]})
    assert (same.status_code, after.status_code) == (304, 200)


async def test_hostile_alerts_stay_text(world):
    http, send = world
    evil = '"><script>alert(1)</script><!channel>'

    def hostile():
        return samples.notification(
            samples.alert(
                labels={"alertname": evil, "service": evil},
                lines=(evil,),
                annotations={"summary": evil, "description": evil},
            )
        )

    await send(hostile)
    page = await http.get("/demo/inbox")
    mail = await http.get("/demo/inbox/email/1")
    for text in (page.text.replace('<script src="/demo/inbox/inbox.js"></script>', ""), mail.text):
        assert "<script" not in text
    assert 'class="mention"' not in page.text
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    assert "sandbox allow-popups" in mail.headers["Content-Security-Policy"]
    assert "script-src" not in mail.headers["Content-Security-Policy"]
    assert mail.headers["X-Frame-Options"] == "SAMEORIGIN"


async def test_a_mail_that_is_not_there(world):
    http, _ = world
    assert (await http.get("/demo/inbox/email/9")).status_code == 404


async def test_a_get_only_page(world):
    http, _ = world
    assert (await http.post("/demo/inbox")).status_code == 405
    assert (await http.get("/demo/inbox/inbox.js")).headers["content-type"].startswith("text/java")
