"""Email over real SMTP: TLS, logins, refusals, threads, and what cannot be smuggled in."""

import ssl
from email import message_from_bytes
from email.policy import default

import pytest
import trustme

from engine.demo.smtp_standin import SmtpStandIn
from notifiers.channels.email import Email
from notifiers.fields import Secret
from notifiers.notification import Drop, Global, Retry, Sent
from tests.channels import golden, samples
from tests.channels.building import build, findings
from tests.channels.serving import Clock

GLOBAL = Global(smtp_smarthost="mail.example:587", smtp_from="Tocsin <tocsin@alerts.example>")
TO = "On Call <oncall@example.org>, second@example.org"
FAR = {
    "root": "<1f3a9c0244d1e5b7.0123456789abcdef@alerts.example>",
    "subject": "PaymentTimeouts: pod=payments-7d9f, service=payments",
}


@pytest.fixture(scope="session")
def authority():
    return trustme.CA()


@pytest.fixture
def server_tls(authority):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    return context


@pytest.fixture
def ca_file(authority, tmp_path):
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


@pytest.fixture
def mailbox():
    """Make and start mailboxes; they are closed at the end."""
    made = []

    def make(**options):
        standin = SmtpStandIn(Clock(samples.T0_MS), **options)
        standin.start()
        made.append(standin)
        return standin

    yield make
    for standin in made:
        standin.close()


def entry(standin, ca_file=None, **more):
    tls = {"tls_config": {"ca_file": ca_file}} if ca_file else {}
    return {"to": TO, "smarthost": f"localhost:{standin.port}", **tls, **more}


async def notify(entry_, notification=None):
    notification = notification or samples.first()
    channel = build(Email, entry_, GLOBAL)
    return await channel.notify(notification, notification.now_ms)


def rendered(notification, **more):
    channel = build(Email, {"to": TO, **more}, GLOBAL)
    return channel.render(notification, notification.now_ms + 212)


def parsed(notification, **more):
    return message_from_bytes(rendered(notification, **more).content, policy=default)


# What is written


@pytest.mark.parametrize(
    ("name", "notification"),
    [
        ("first", samples.first()),
        ("level_change", samples.level_change({**FAR, "told": samples.TOLD_WARNING})),
        ("repeat", samples.repeat({**FAR, "told": samples.TOLD_CRITICAL})),
        ("resolved", samples.resolved({**FAR, "told": samples.TOLD_CRITICAL})),
        ("over_every_limit", samples.over_every_limit()),
        ("several", samples.notification(*[samples.posted(i) for i in range(3)])),
    ],
)
def test_golden_emails(name, notification):
    mail = parsed(notification)
    headers = "".join(f"{key}: {value}\n" for key, value in mail.items())
    plain, html = mail.iter_parts()
    parts = f"{headers}\n--- text\n{plain.get_content()}\n--- html\n{html.get_content()}"
    golden.check(f"email/{name}.txt", parts.replace("\r\n", "\n"))


def test_text_comes_before_html():
    mail = parsed(samples.first())
    assert mail.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]


def test_an_episode_is_one_thread_of_one_subject():
    first = parsed(samples.first())
    far = {"root": first["References"], "subject": first["Subject"], "told": "1f3a9c02=warning"}
    others = [
        parsed(make(far)) for make in (samples.level_change, samples.repeat, samples.resolved)
    ]
    mails = [first, *others]
    assert {mail["Subject"] for mail in mails} == {
        "PaymentTimeouts: pod=payments-7d9f, service=payments"
    }
    roots = {mail["References"] for mail in mails} | {mail["In-Reply-To"] for mail in mails}
    assert len(roots) == 1
    ids = [mail["Message-ID"] for mail in mails]
    assert len(set(ids)) == 4
    assert not roots & set(ids)  # the root itself was never sent
    assert all(one.startswith("<1f3a9c0244d1e5b7.") for one in [*ids, *roots])


def test_the_next_episode_is_another_thread():
    one = parsed(samples.first())
    next_ = samples.notification(samples.alert(episode="ffff000011112222"), n=5)
    assert parsed(next_)["References"] != one["References"]


def test_another_attempt_is_the_same_email():
    assert rendered(samples.first()).content == rendered(samples.first()).content


def test_robots_are_told():
    mail = parsed(samples.level_change())
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["X-Auto-Response-Suppress"] == "All"
    assert mail["Precedence"] == "bulk"
    assert mail["List-Id"] == "on-call <on-call.tocsin.alerts.example>"
    assert mail["X-Priority"].startswith("1")
    assert parsed(samples.first())["X-Priority"] is None


def test_an_alert_adds_no_header():
    evil = "x\r\nBcc: everybody@example.org\r\n\r\nbody"
    alert = samples.alert(
        labels={"alertname": evil, "service": evil, "severity": evil},
        annotations={"summary": evil},
        episode="1\r\nX-Evil: 1",
        level=evil,
    )
    mail = parsed(samples.notification(alert, receiver=evil, group_labels={"alertname": evil}))
    assert mail["Bcc"] is None
    assert mail["X-Evil"] is None
    assert "\n" not in str(mail["Subject"])
    known = set(parsed(samples.first()).keys())
    assert set(mail.keys()) <= known


def test_what_an_alert_carries_is_no_html():
    evil = '<script>alert(1)</script><img src=x onerror="x">'
    alert = samples.alert(
        labels={**samples.SERVICE, "severity": "critical", "pod": evil},
        annotations={"summary": evil, "description": evil, "runbook_url": "javascript:alert(1)"},
        lines=(evil,),
    )
    html = parsed(samples.notification(alert)).get_body(("html",)).get_content()
    assert "<script" not in html
    assert "<img" not in html
    assert "javascript:" not in html


def test_headers_of_the_file_replace_ours():
    mail = parsed(samples.first(), headers={"Subject": "Ours", "X-Team": "payments"})
    assert mail.get_all("Subject") == ["Ours"]
    assert mail["X-Team"] == "payments"


def test_without_threading_each_stands_alone():
    mail = parsed(samples.first(), threading={"enabled": False})
    assert mail["References"] is None


# How it is sent


async def test_starttls_is_required_by_default(mailbox, server_tls, ca_file):
    box = mailbox(tls=server_tls, require_starttls=True)
    outcome = await notify(entry(box, ca_file))
    [mail] = box.mails()
    assert isinstance(outcome, Sent)
    assert outcome.far_id["root"] == mail.message["References"]
    assert mail.encrypted
    assert mail.sender == "tocsin@alerts.example"
    assert mail.recipients == ("oncall@example.org", "second@example.org")
    assert "timeouts 14 (threshold > 10)" in mail.message.get_body(("plain",)).get_content()


async def test_a_server_without_tls_gets_nothing(mailbox):
    box = mailbox()
    outcome = await notify(entry(box))
    assert isinstance(outcome, Retry)
    assert "STARTTLS" in outcome.text
    assert not box.mails()


async def test_a_server_that_demands_tls_refuses_plaintext(mailbox, server_tls):
    box = mailbox(tls=server_tls, require_starttls=True)
    outcome = await notify(entry(box, require_tls=False))
    assert isinstance(outcome, Drop)
    assert outcome.reason == "authError"
    assert not box.mails()


async def test_a_strangers_certificate_is_not_trusted(mailbox, server_tls):
    box = mailbox(tls=server_tls)
    outcome = await notify(entry(box))
    assert isinstance(outcome, Retry)
    assert not box.mails()


async def test_plaintext_only_where_the_file_says_so(mailbox):
    box = mailbox()
    assert isinstance(await notify(entry(box, require_tls=False)), Sent)
    assert not box.mails()[0].encrypted


async def test_a_login(mailbox, server_tls, ca_file):
    box = mailbox(tls=server_tls, require_starttls=True, users={"tocsin": "secret"})
    good = {"auth_username": "tocsin", "auth_password": "secret"}
    assert isinstance(await notify(entry(box, ca_file, **good)), Sent)
    assert box.mails()[0].login == "tocsin"
    wrong = await notify(entry(box, ca_file, **{**good, "auth_password": "guess"}))
    assert isinstance(wrong, Drop)
    assert wrong.reason == "authError"
    assert "guess" not in wrong.text
    without = await notify(entry(box, ca_file))
    assert isinstance(without, Drop)
    assert without.reason == "authError"
    assert len(box.mails()) == 1


async def test_a_password_in_a_file_that_is_not_there_yet(mailbox, server_tls, ca_file, tmp_path):
    box = mailbox(tls=server_tls, users={"tocsin": "secret"})
    path = tmp_path / "password"
    auth = {"auth_username": "tocsin", "auth_password": Secret(path=path)}
    assert isinstance(await notify(entry(box, ca_file, **auth)), Retry)
    path.write_text("secret\n")
    assert isinstance(await notify(entry(box, ca_file, **auth)), Sent)


@pytest.mark.parametrize(
    ("command", "answer", "kind", "reason"),
    [
        ("RCPT", "450 4.2.1 mailbox busy", Retry, "rateLimited"),
        ("RCPT", "550 5.1.1 no such user", Drop, "clientError"),
        ("MAIL", "451 4.3.0 later", Retry, "serverError"),
        ("MAIL", "553 5.1.8 sender refused", Drop, "clientError"),
        ("DATA", "452 4.3.1 no space", Retry, "rateLimited"),
        ("DATA", "554 5.7.1 spam", Drop, "clientError"),
        ("DATA", "421 4.7.0 closing", Retry, "rateLimited"),
        ("MAIL", "530 5.7.0 log in first", Drop, "authError"),
    ],
)
async def test_4xx_may_pass_and_5xx_will_not(mailbox, command, answer, kind, reason):
    box = mailbox()
    box.refuse = lambda asked, _argument: answer if asked == command else None
    outcome = await notify(entry(box, require_tls=False))
    assert isinstance(outcome, kind), outcome
    assert outcome.reason == reason
    assert answer[:3] in outcome.text
    assert not box.mails()


async def test_one_refused_recipient_does_not_cost_the_others_theirs(mailbox):
    box = mailbox()
    box.refuse = lambda _c, address: "550 5.1.1 gone" if address.startswith("second") else None
    assert isinstance(await notify(entry(box, require_tls=False)), Sent)
    assert box.mails()[0].recipients == ("oncall@example.org",)


async def test_a_size_that_the_server_does_not_take(mailbox):
    box = mailbox(size_bytes_max=2_000)
    outcome = await notify(entry(box, require_tls=False))
    assert isinstance(outcome, Drop)
    assert "552" in outcome.text


async def test_nobody_there():
    outcome = await notify({"to": TO, "smarthost": "127.0.0.1:1"})
    assert isinstance(outcome, Retry)


async def test_a_long_list_is_one_email_of_bounded_size(mailbox):
    box = mailbox()
    group = samples.notification(*[samples.posted(i) for i in range(100)])
    assert isinstance(await notify(entry(box, require_tls=False), group), Sent)
    [mail] = box.mails()
    assert "+50 more alerts" in mail.message.get_body(("plain",)).get_content()
    assert len(mail.message.get_body(("html",)).get_content().encode()) < 102_000  # Gmail's cut
    assert max(map(len, mail.content.split(b"\r\n"))) < 998


def test_whatever_it_carries_gmail_does_not_cut_it():
    html = parsed(samples.over_every_limit()).get_body(("html",)).get_content()
    assert len(html.encode()) < 102_000
    assert "more alerts" in html
    assert "more labels" in html
    assert "the deduplication store cannot be reached" in html


# What the file may say


@pytest.mark.parametrize(
    ("entry_", "global_", "code"),
    [
        ({"to": "a@b.c"}, Global(smtp_from="x@y.z"), "smtp-smarthost"),
        ({"to": "a@b.c"}, Global(smtp_from="x@y.z", smtp_smarthost="mail"), "smtp-smarthost"),
        ({"to": "a@b.c"}, Global(smtp_smarthost="mail:25"), "smtp-address"),
        ({"to": "nobody"}, GLOBAL, "smtp-address"),
        ({"to": "a@b.c, "}, GLOBAL, "smtp-address"),
        ({"to": "a@b.c\nBcc: d@e.f"}, GLOBAL, "smtp-address"),
        ({"to": "{{ .X }}"}, GLOBAL, "template"),
        ({"to": "a@b.c", "headers": {"Subject": "{{ .X }}"}}, GLOBAL, "template"),
        ({"to": "a@b.c", "headers": {"Message-ID": "x"}}, GLOBAL, "smtp-header"),
        ({"to": "a@b.c", "headers": {"X Y": "x"}}, GLOBAL, "smtp-header"),
        ({"to": "a@b.c", "tls_config": {"ca_file": "/nowhere"}}, GLOBAL, "tls-file"),
        ({"to": "a@b.c", "require_tls": False, "auth_username": "u", "auth_password": "p"}, GLOBAL,
         "smtp-plain-auth"),
    ],
)  # fmt: skip
def test_mistakes_in_the_file(entry_, global_, code):
    assert findings(Email, entry_, global_).codes == [code]


def test_implicit_tls_by_port_or_by_word():
    def implicit(**more):
        return build(Email, {"to": "a@b.c", **more}, GLOBAL)._settings.implicit_tls

    assert not implicit()
    assert implicit(smarthost="mail.example:465")
    assert not implicit(smarthost="mail.example:465", force_implicit_tls=False)
    assert implicit(smarthost="mail.example:8465", force_implicit_tls=True)
