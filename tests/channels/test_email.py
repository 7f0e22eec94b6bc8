"""What an email says: its parts, its headers, its thread, and what cannot be smuggled in."""

from email import message_from_bytes
from email.policy import default

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from notifiers.channels.email import Email
from notifiers.channels.texts import FieldError
from notifiers.notification import Global
from tests.channels import golden, samples
from tests.channels.building import build, built_with, findings

GLOBAL = Global(smtp_smarthost="mail.example:587", smtp_from="Tocsin <tocsin@alerts.example>")
TO = "On Call <oncall@example.org>, second@example.org"
FAR = {
    "root": "<1f3a9c0244d1e5b7.0123456789abcdef@alerts.example>",
    "subject": "PaymentTimeouts: pod=payments-7d9f, service=payments",
}


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
        ("update", samples.level_change({**FAR, "told": samples.TOLD_WARNING})),
        ("repeat", samples.repeat({**FAR, "told": samples.TOLD_CRITICAL})),
        ("resolve", samples.resolved({**FAR, "told": samples.TOLD_CRITICAL})),
        ("over_limits", samples.over_every_limit()),
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


def test_whatever_it_carries_gmail_does_not_cut_it():
    html = parsed(samples.over_every_limit()).get_body(("html",)).get_content()
    assert len(html.encode()) < 102_000
    assert "more alerts" in html
    assert "more labels" in html
    assert "You may get this message twice." in html


def test_headers_of_the_file_replace_ours():
    mail = parsed(samples.first(), headers={"Subject": "Ours", "X-Team": "payments"})
    assert mail.get_all("Subject") == ["Ours"]
    assert mail["X-Team"] == "payments"


def test_without_threading_each_stands_alone():
    mail = parsed(samples.first(), threading={"enabled": False})
    assert mail["References"] is None


# Alertmanager's fields; what they do there is in tests/channels/alertmanager


def parts_of(**more):
    mail = parsed(samples.first(), **more)
    return [part.get_content_type() for part in mail.iter_parts()]


def test_a_part_that_the_file_leaves_empty_is_left_out():
    assert parts_of() == ["text/plain", "text/html"]
    assert parts_of(html="") == ["text/plain"]
    assert parts_of(html="<p>x</p>") == ["text/html"]
    assert parts_of(html="<p>x</p>", text="x") == ["text/plain", "text/html"]
    assert parts_of(text="x") == ["text/plain", "text/html"]
    assert parts_of(html="", text="") == ["text/plain"]


def test_a_text_of_ones_own_stands_beside_our_html():
    mail = parsed(samples.first(), text="{{ len .Alerts }} alerts")
    assert mail.get_body(("plain",)).get_content().strip() == "1 alerts"
    assert "14 requests timed out" in mail.get_body(("html",)).get_content()


def test_the_subject_is_alertmanagers_where_the_layout_is():
    assert parsed(samples.first(), text="x")["Subject"].startswith("[FIRING:1] PaymentTimeouts")


def test_what_a_template_writes_adds_no_header():
    evil = "x\r\nBcc: everybody@example.org\r\n\r\nbody"
    told = samples.notification(samples.alert(labels={"alertname": "A", "service": evil}))
    headers = dict.fromkeys(("Subject", "X-Team"), "{{ .CommonLabels.service }}")
    mail = parsed(told, headers=headers)
    assert mail["Bcc"] is None
    assert mail["Subject"] == "x Bcc: everybody@example.org body"
    assert mail["X-Team"] == "x Bcc: everybody@example.org body"


@settings(max_examples=40)
@given(st.text(max_size=60), st.sampled_from(["Subject", "Reply-To", "X-Any", "To", "Message-Id"]))
def test_no_label_is_more_than_one_header(value, name):
    told = samples.notification(samples.alert(labels={"alertname": "A", "service": value}))
    headers = {name: "{{ .CommonLabels.service }}"}
    try:
        request = rendered(told, headers=headers)
    except FieldError:
        return
    mail = message_from_bytes(request.content, policy=default)
    names = {key.lower() for key in mail}
    assert names <= {key.lower() for key in parsed(samples.first())} | {name.lower()}
    assert len(mail.get_all(name) or ()) <= 1
    assert request.recipients == ("oncall@example.org", "second@example.org")
    assert mail.get_content_type() == "multipart/alternative"


def test_recipients_by_label():
    told = samples.first()
    to = "{{ .CommonLabels.service }}@example.org, b@example.org"
    assert rendered(told, to=to).recipients == ("payments@example.org", "b@example.org")


# What the file may say


@pytest.mark.parametrize(
    ("entry_", "global_", "code"),
    [
        ({"to": "a@b.c"}, Global(smtp_from="x@y.z"), "smtp-smarthost"),
        ({"to": "a@b.c"}, Global(smtp_from="x@y.z", smtp_smarthost="mail"), "smtp-smarthost"),
        ({"to": "a@b.c"}, Global(smtp_smarthost="mail:25"), "smtp-address"),
        ({"to": ""}, GLOBAL, "smtp-address"),
        ({"to": "a@b.c"}, Global(smtp_smarthost="mail:25", smtp_from="{{ .X"), "template"),
        ({"to": "a@b.c", "tls_config": {"ca_file": "/nowhere"}}, GLOBAL, "tls-file"),
    ],
)  # fmt: skip
def test_mistakes_in_the_file(entry_, global_, code):
    assert findings(Email, entry_, global_).codes == [code]


@pytest.mark.parametrize(
    ("entry_", "code"),
    [
        ({"to": "nobody"}, "smtp-address"),
        ({"to": "a@b.c, "}, "smtp-address"),
        ({"to": "a@b.c\nBcc: d@e.f"}, "smtp-address"),
        ({"to": "a@b.c", "headers": {"Content-Type": "x"}}, "smtp-header"),
        ({"to": "a@b.c", "headers": {"X Y": "x"}}, "smtp-header"),
        ({"to": "a@b.c", "require_tls": False, "auth_username": "u", "auth_password": "p"},
         "smtp-plain-auth"),
    ],
)  # fmt: skip
def test_what_alertmanager_takes_and_no_server_will_is_warned_of(entry_, code):
    assert built_with(Email, entry_, GLOBAL)[1].warnings == [code]


def test_a_header_that_cannot_be_one_is_left_out():
    mail = parsed(samples.first(), headers={"X Y": "x", "MIME-Version": "7", "X-Z": "kept"})
    assert mail["MIME-Version"] == "1.0"
    assert mail["X-Z"] == "kept"
    assert "X Y" not in mail


def test_implicit_tls_by_port_or_by_word():
    def implicit(**more):
        return build(Email, {"to": "a@b.c", **more}, GLOBAL)._settings.server.implicit_tls

    assert not implicit()
    assert implicit(smarthost="mail.example:465")
    assert not implicit(smarthost="mail.example:465", force_implicit_tls=False)
    assert implicit(smarthost="mail.example:8465", force_implicit_tls=True)
