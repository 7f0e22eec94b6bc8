"""Email over real SMTP: TLS, logins, refusals, and what each of them means."""

import base64
import ssl

import aiosmtplib
import pytest
import trustme

from engine.demo.smtp_standin import SmtpStandIn
from notifiers import egress
from notifiers.channels.email import Email
from notifiers.fields import Secret
from notifiers.notification import Drop, Retry, Sent
from tests.channels import samples
from tests.channels.building import build
from tests.channels.serving import Clock
from tests.channels.test_email import GLOBAL, TO


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
    group = samples.notification(*[samples.posted(i) for i in range(300)])
    assert isinstance(await notify(entry(box, require_tls=False), group), Sent)
    [mail] = box.mails()
    assert "+250 more alerts" in mail.message.get_body(("plain",)).get_content()
    assert len(mail.message.get_body(("html",)).get_content().encode()) < 102_000  # Gmail's cut
    assert max(map(len, mail.content.split(b"\r\n"))) < 998


async def test_the_server_chooses_among_the_logins_that_the_file_has(mailbox):
    box = mailbox(users={"tocsin": "secret"})
    auth = {"auth_username": "tocsin", "auth_password": "secret", "require_tls": False}
    assert isinstance(await notify(entry(box, **auth)), Sent)  # PLAIN, to loopback
    assert box.mails()[0].login == "tocsin"
    unknown = {"auth_username": "tocsin", "auth_secret": "shared", "require_tls": False}
    outcome = await notify(entry(box, **unknown))
    assert isinstance(outcome, Drop)
    assert outcome.reason == "authError"
    assert "no way to log in" in outcome.text
    assert "shared" not in outcome.text


async def test_a_password_never_travels_unencrypted_to_another_host(mailbox, monkeypatch):
    box = mailbox(users={"tocsin": "secret"})
    real = egress.connect

    async def here(_host, _port, rules):
        return await real("127.0.0.1", box.port, rules)

    monkeypatch.setattr(egress, "connect", here)
    auth = {"auth_username": "tocsin", "auth_password": "secret", "require_tls": False}
    outcome = await notify({"to": TO, "smarthost": "mail.example:25", **auth})
    assert isinstance(outcome, Drop)
    assert outcome.reason == "authError"
    assert "unencrypted" in outcome.text
    assert not box.mails()


async def test_identity_goes_with_plain(mailbox, monkeypatch):
    box = mailbox(users={"tocsin": "secret"})
    said = []
    greet, execute = aiosmtplib.SMTP.ehlo, aiosmtplib.SMTP.execute_command

    async def offered_plain_alone(client, *parts, **more):
        answer = await greet(client, *parts, **more)
        client.server_auth_methods = ["plain"]
        return answer

    async def heard(client, *parts, **more):
        said.append(parts)
        return await execute(client, *parts, **more)

    monkeypatch.setattr(aiosmtplib.SMTP, "ehlo", offered_plain_alone)
    monkeypatch.setattr(aiosmtplib.SMTP, "execute_command", heard)
    auth = {"auth_username": "tocsin", "auth_password": "secret", "auth_identity": "boss"}
    await notify(entry(box, require_tls=False, **auth))
    [login] = [parts for parts in said if parts[0] == b"AUTH"]
    assert login[1] == b"PLAIN"
    assert base64.b64decode(login[2]) == b"boss\0tocsin\0secret"


async def test_an_address_beyond_ascii(mailbox):
    box = mailbox()
    to = "Jürgen <jürgen@example.org>, Bücher <leser@bücher.example>"
    assert isinstance(await notify(entry(box, require_tls=False, to=to)), Sent)
    [mail] = box.mails()
    assert mail.recipients == ("jürgen@example.org", "leser@xn--bcher-kva.example")


async def test_it_is_never_sent_to_a_metadata_service():
    outcome = await notify({"to": TO, "smarthost": "169.254.169.254:25"})
    assert isinstance(outcome, Drop)
    assert "metadata" in outcome.text


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"to": "{{ .CommonLabels.nobody }}"}, "to"),
        ({"to": "{{ .CommonLabels.service }}"}, "to"),
        ({"from": "a@b.c, d@e.f"}, "from"),
        ({"text": "{{ template `nowhere` . }}"}, "text"),
        ({"headers": {"X-A": "{{ template `nowhere` . }}"}}, "X-A"),
    ],
)
async def test_what_cannot_be_said_is_dropped_by_name(mailbox, more, field):
    box = mailbox()
    outcome = await notify(entry(box, require_tls=False, **more))
    assert isinstance(outcome, Drop)
    assert outcome.reason == "clientError"
    assert outcome.text.startswith(f"{field}: ")
    assert not box.mails()
