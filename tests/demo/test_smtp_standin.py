"""The mail server stand-in, asked with the standard library's client."""

import smtplib
import socket
import ssl

import pytest
import trustme

from engine.demo.smtp_standin import SmtpStandIn, SmtpStandInError
from tests.channels.serving import Clock

MAIL = b"Subject: hello\r\n\r\nbody\r\n"


@pytest.fixture
def mailbox():
    made = []

    def make(**options):
        made.append(SmtpStandIn(Clock(1_000), **options))
        made[-1].start()
        return made[-1]

    yield make
    for standin in made:
        standin.close()


def client(standin):
    return smtplib.SMTP(standin.host, standin.port, timeout=5)


def test_a_mail_is_kept_as_it_came(mailbox):
    box = mailbox()
    with client(box) as smtp:
        smtp.sendmail("a@example.org", ["b@example.org", "c@example.org"], MAIL)
        smtp.sendmail("a@example.org", ["b@example.org"], MAIL)
    first, second = box.mails()
    assert (first.number, second.number) == (1, 2)
    assert first.sender == "a@example.org"
    assert first.recipients == ("b@example.org", "c@example.org")
    assert first.message["Subject"] == "hello"
    assert first.at_ms == 1_000
    assert not first.encrypted


def test_starttls_is_demanded(mailbox):
    authority = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(server)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    box = mailbox(tls=server, require_starttls=True, users={"u": "p"})
    with client(box) as smtp:
        with pytest.raises(smtplib.SMTPSenderRefused) as refused:
            smtp.sendmail("a@example.org", ["b@example.org"], MAIL)
        assert refused.value.smtp_code == 530
    with client(box) as smtp:
        smtp.starttls(context=trusting)
        with pytest.raises(smtplib.SMTPSenderRefused):
            smtp.sendmail("a@example.org", ["b@example.org"], MAIL)
        with pytest.raises(smtplib.SMTPAuthenticationError):
            smtp.login("u", "wrong")
        smtp.login("u", "p")
        smtp.sendmail("a@example.org", ["b@example.org"], MAIL)
    [mail] = box.mails()
    assert mail.encrypted
    assert mail.login == "u"


def test_sizes_are_refused(mailbox):
    box = mailbox(size_bytes_max=1_000)
    with client(box) as smtp:
        smtp.ehlo()
        assert smtp.esmtp_features["size"] == "1000"
        with pytest.raises(smtplib.SMTPSenderRefused):
            smtp.sendmail("a@example.org", ["b@example.org"], MAIL + b"line\r\n" * 400)
        assert smtp.mail("a@example.org")[0] == 250  # without saying its size
        smtp.rcpt("b@example.org")
        assert smtp.data(MAIL + b"line\r\n" * 400)[0] == 552
    assert not box.mails()


def test_refusals_can_be_injected(mailbox):
    box = mailbox()
    box.refuse = lambda command, _argument: "451 4.3.0 later" if command == "DATA" else None
    with client(box) as smtp, pytest.raises(smtplib.SMTPDataError) as refused:
        smtp.sendmail("a@example.org", ["b@example.org"], MAIL)
    assert refused.value.smtp_code == 451
    assert not box.mails()


def test_what_is_kept_is_bounded(mailbox):
    box = mailbox(mails_max=2)
    with client(box) as smtp:
        for _ in range(4):
            smtp.sendmail("a@example.org", ["b@example.org"], MAIL)
    assert [mail.number for mail in box.mails()] == [3, 4]
    assert box.count == 4


def test_a_taken_port_is_one_sentence_with_the_remedy():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        box = SmtpStandIn(Clock(0), port=port)
        with pytest.raises(SmtpStandInError, match=rf"127.0.0.1:{port} .*choose another port"):
            box.start()
        box.close()


def test_it_can_be_closed_without_start_twice_and_started_again():
    box = SmtpStandIn(Clock(0))
    box.close()
    for _ in range(2):
        box.start()
        with client(box) as smtp:
            smtp.noop()
        box.close()
        box.close()
