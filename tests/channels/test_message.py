"""What a person reads: what, where, since when, how bad against which threshold, what changed."""

import dataclasses

import pytest

from engine.alerts import Evidence
from notifiers import wording
from notifiers.changes import changes, first_level, told
from notifiers.message import (
    ITEMS_MAX,
    age,
    change_line,
    compose,
    is_link,
    reading_text,
    silence_matchers,
)
from notifiers.message.links import links_of
from tests.channels import samples


def read(notification, sent_ms=None):
    return compose(notification, notification.now_ms if sent_ms is None else sent_ms)


def test_a_first_message_answers_every_question():
    message = read(samples.first())
    [item] = message.items
    assert message.verdict == "WARNING"
    assert message.title == "payments: 14 requests timed out in the last minute"
    assert dict(message.scope) == {"pod": "payments-7d9f", "service": "payments"}
    assert [reading_text(one) for one in item.readings] == [
        "timeouts 14 (threshold > 10)", "users 9",
    ]  # fmt: skip
    assert item.since_ms == samples.T0_MS - 120
    assert item.rule == "rules/payments.yml:12"
    assert [link.text for link in item.links] == ["Runbook"]
    assert message.change == ""


def test_the_end_tells_the_value_then_and_now():
    [item] = read(samples.resolved()).items
    # 14 are no more than 50: it fired as a warning. A reader must not wonder.
    assert reading_text(item.readings[0]) == (
        "timeouts 3 (threshold > 50); 14 when it fired at another level"
    )
    [item] = read(samples.resolved({"told": samples.TOLD_CRITICAL})).items
    assert reading_text(item.readings[0]) == (
        "timeouts 3 (threshold > 50); 14 when it fired as warning"
    )
    assert item.until_ms - item.since_ms == 303_120
    one = samples.alert(status="resolved", timeouts=3, ends_at_ms=samples.T0_MS)
    [item] = read(samples.notification(one)).items
    assert reading_text(item.readings[0]) == "timeouts 3 (threshold > 10); 14 when it fired"


def test_a_level_that_has_just_ended_is_named_without_being_told_before():
    [item] = read(samples.level_change()).items
    assert item.readings[0].then == "14 when it fired as warning"
    assert item.readings[1].then == "9 when it fired"  # compared with nothing


def test_a_reminder_says_how_old_its_numbers_are():
    message = read(samples.repeat({"told": samples.TOLD_CRITICAL}))
    assert change_line(message) == ("Reminder: still firing for 4 h 1 min; values as of 14:04 UTC")
    day = dataclasses.replace(samples.repeat(), now_ms=samples.T0_MS + 86_400_000)
    assert read(day).change == "still firing for 1 d; values as of 2026-11-21 14:04 UTC"
    other = samples.posted(1, updated_at_ms=samples.T0_MS + 65_000)
    several = samples.notification(
        samples.alert(), other, reason="repeat interval elapsed", now_ms=samples.T0_MS + 600_000
    )
    assert read(several).change == (
        "still firing, the oldest for 11 min; values as of 14:03 UTC to 14:04 UTC"
    )


def test_log_lines_end_with_what_they_tell_of():
    assert read(samples.first()).items[0].lines
    assert not read(samples.resolved()).items[0].lines


def test_what_has_only_begun_has_no_length():
    message = read(samples.first())
    assert age(message.items[0], message.now_ms) == "just now"


def test_a_length_agrees_with_the_two_times_beside_it():
    ended = samples.alert(
        status="resolved", starts_at_ms=samples.T0_MS - 59_990, ends_at_ms=samples.T0_MS
    )
    message = read(samples.notification(ended))
    [item] = message.items
    assert wording.date_time(item.since_ms) == "2026-11-21 14:02:05 UTC"
    assert wording.date_time(item.until_ms) == "2026-11-21 14:03:05 UTC"
    assert age(item, message.now_ms) == "lasted 1 min"
    short = samples.alert(status="resolved", ends_at_ms=samples.T0_MS)
    assert age(read(samples.notification(short)).items[0], 0) == "lasted less than 1 s"


def test_a_level_change_is_one_alert_not_two():
    message = read(samples.level_change({"told": samples.TOLD_WARNING}))
    assert len(message.items) == 1
    assert message.change == "now critical, was warning"
    assert message.counts == ""


def test_what_is_worst_comes_first_and_gives_the_level():
    message = read(
        samples.notification(
            samples.posted(1, status="resolved", ends_at_ms=samples.T0_MS),
            samples.posted(2, labels={"alertname": "DiskFull", "severity": "info", "i": "2"}),
            samples.posted(3),
        )
    )
    assert [(item.status, item.level) for item in message.items] == [
        ("firing", "critical"), ("firing", "info"), ("resolved", "critical"),
    ]  # fmt: skip
    assert (message.verdict, message.counts) == ("CRITICAL", "2 firing, 1 resolved")


def test_only_labels_that_differ_are_repeated_for_each():
    message = read(samples.notification(samples.posted(1), samples.posted(2)))
    assert dict(message.scope) == {"job": "node"}
    assert [item.scope for item in message.items] == [
        (("instance", "db-02:9100"),), (("instance", "db-01:9100"),),
    ]  # fmt: skip


def test_what_several_alerts_share_is_said_once():
    notes = {"summary": "s", "description": "d", "runbook_url": "https://r.example/"}
    message = read(samples.notification(*[samples.posted(i, annotations=notes) for i in (1, 2)]))
    assert message.name == "DiskFull"
    assert message.description == "d"
    assert [link.text for link in message.links] == [
        "Runbook", "Source", "Silence DiskFull job=node severity=critical", "All alerts",
    ]  # fmt: skip
    assert not any(item.description or item.links for item in message.items)


def test_what_only_one_of_several_says_stays_with_it():
    one = samples.posted(1, annotations={"description": "d"}, generator_url="https://a.example/")
    message = read(samples.notification(one, samples.posted(2, annotations={})))
    assert message.description == ""
    assert [(item.description, len(item.links)) for item in message.items] == [("", 1), ("d", 1)]


def test_a_flood_is_counted_whole_and_looked_at_in_part():
    told = samples.notification(*[samples.posted(index) for index in range(300)])
    message = read(told)
    assert (message.total, len(message.items), message.counts) == (300, ITEMS_MAX, "300 firing")
    assert message.title == "300 × DiskFull: job=node"
    assert message.items[0].scope == (("instance", "db-299:9100"),)  # the newest


def test_alerts_of_several_names_have_none_together():
    other = samples.posted(1, labels={"alertname": "DiskSlow"})
    assert read(samples.notification(other, samples.posted(2))).name == ""


def test_the_subject_stays_whatever_changes():
    life = [samples.first(), samples.level_change(), samples.repeat(), samples.resolved()]
    group = {"alertname": "PaymentTimeouts", "service": "payments"}
    subjects = {read(dataclasses.replace(one, group_labels=group)).subject for one in life}
    assert subjects == {"PaymentTimeouts: service=payments"}


@pytest.mark.parametrize(
    ("changes_", "sent_after_ms", "footer"),
    [
        ({}, 212, "data 14:03:05.120 UTC → arrived +3 ms → decided +9 ms → sent +230 ms"),
        ({"now_ms": samples.T0_MS + 30_012}, 50,
         "data 14:03:05.120 UTC → arrived +3 ms → decided +9 ms → sent +30.05 s, 30 s of it grouping"),
        ({"reason": "repeat interval elapsed"}, 0,
         "data 14:03:05.120 UTC → arrived +3 ms → decided +9 ms → sent 14:03:05.150 UTC (reminder)"),
    ],
)  # fmt: skip
def test_the_footer_tells_each_stage(changes_, sent_after_ms, footer):
    notification = samples.notification(samples.alert(), **changes_)
    assert read(notification, notification.now_ms + sent_after_ms).footer == footer


def test_the_footer_of_a_tick_that_waited_for_its_data():
    alert = samples.alert(arrival_ms=samples.T0_MS - 700, decision_ms=samples.T0_MS + 12)
    footer = read(samples.notification(alert)).footer
    assert "arrived -700 ms → decided +712 ms" in footer


def test_posted_alerts_have_no_stages():
    assert read(samples.notification(samples.posted(1))).footer == "sent 14:03:05.150 UTC"


def test_doubts_are_said():
    message = read(
        samples.notification(samples.alert(), redis_degraded=True, possibly_repeated=True)
    )
    assert len(message.warnings) == 2


def test_a_silence_covers_every_level_and_all_of_a_group():
    assert silence_matchers([samples.alert()]) == (
        '{alertname="PaymentTimeouts",pod="payments-7d9f",service="payments"}'
    )
    group = [samples.posted(1), samples.posted(2)]
    assert silence_matchers(group) == '{alertname="DiskFull",job="node",severity="critical"}'
    storm = [samples.posted(1), samples.alert(level="critical")]
    assert silence_matchers(storm) == ""  # never all that is critical
    quoted = samples.alert(labels={"alertname": 'a"b\\c\nd'})
    assert silence_matchers([quoted]) == r'{alertname="a\"b\\c\nd"}'


def test_the_silence_link_is_prefilled_and_only_while_something_fires():
    [link] = [link for link in read(samples.first()).links if link.kind == "silence"]
    assert link.url.startswith("https://tocsin.example/?filter=%7Balertname%3D%22Pay")
    assert "silence" not in {link.kind for link in read(samples.resolved()).links}


@pytest.mark.parametrize(
    ("labels", "text"),
    [
        (samples.SERVICE, "Silence PaymentTimeouts pod=payments-7d9f service=payments"),
        ({"alertname": "A", "path": "x" * 200}, f"Silence A path={'x' * 44}…"),
        ({"alertname": "A", "url": "https://evil.example"}, "Silence A"),
        ({"url": "https://evil.example"}, "Silence this"),
        ({"alertname": "A\n\x1b[1m"}, "Silence A [1m"),
    ],
)
def test_a_silence_says_what_it_would_silence(labels, text):
    alert = samples.alert(labels=labels, level="")
    links = links_of(samples.first(), [alert])
    assert links[0].text == text


def test_what_cannot_be_a_link_is_none():
    assert is_link("https://x/y?a=1&b=2")
    for url in (
        "",
        "x",
        "javascript:x",
        "https://",
        "https://a b",
        "http://x/\n",
        "https://[",
        "x" * 9,
    ):
        assert not is_link(url)


def test_an_expression_that_is_no_column():
    alert = samples.alert(
        values={"errors": 73, "total": 1_000},
        evidence=(Evidence("errors / total > 0.05", 0.073, ">", 0.05, True),),
        values_at_firing={"errors": 61, "total": 1_000},
    )
    [item] = read(samples.notification(alert)).items
    assert [reading_text(one) for one in item.readings] == [
        "errors / total 0.073 (threshold > 0.05)", "errors 73; 61 when it fired", "total 1,000",
    ]  # fmt: skip


def test_values_that_json_cannot_say():
    alert = samples.alert(evidence=(Evidence("x > 1", "NaN", ">", 1.0, False),), values={})
    [item] = read(samples.notification(alert)).items
    assert reading_text(item.readings[0]) == "x NaN (threshold > 1)"


# What changed


def test_changes_are_told_from_what_was_told():
    one, two, three = (
        samples.alert(episode=f"{i:08d}aaaa", fingerprint=f"{i:016x}") for i in range(3)
    )
    known = told([one, two])
    ended = dataclasses.replace(two, status="resolved")
    found = changes([one, ended, three], known)
    assert (found.new, found.resolved, found.levels) == ((three,), (ended,), ())
    again = changes([two], told([ended]))
    assert again.new == (two,)  # it fires again


def test_the_level_that_was_told_first_is_kept_as_long_as_it_fires():
    warning, critical = samples.alert(), samples.alert(level="critical")
    known = told([warning])
    for alert, first in ((critical, "/warning"), (critical, "/warning"), (warning, "")):
        known = told([alert], known)
        assert known == f"1f3a9c02={alert.level}{first}"
        assert not changes([alert], known).levels
        assert first_level(alert, known) == "warning"
    over = told([samples.alert(status="resolved")], known)
    assert over == "1f3a9c02=-"
    assert told([critical], over) == "1f3a9c02=critical"  # another time
    assert first_level(critical, "") == first_level(critical, None) == ""


def test_nothing_is_told_of_what_is_too_much_to_keep():
    alerts = [samples.posted(index) for index in range(41)]
    assert told(alerts) == ""
    assert changes(alerts, "") is None
    assert len(told(alerts[:40])) < 1_200


def test_a_level_cannot_break_what_is_kept():
    hostile = samples.alert(level="a,b=c\n-")
    known = told([hostile])
    assert changes([hostile], known) == changes([hostile], told([hostile]))
    assert not changes([hostile], known).levels
    assert known.count(",") == 0


# Words


@pytest.mark.parametrize(
    ("value", "text"),
    [(14, "14"), (14.0, "14"), (0.0731, "0.0731"), (1 / 3, "0.3333"), (1_250_000, "1,250,000"),
     (12_345.678, "12,345.7"), (1e18, "1e+18"), (1.5e-7, "1.5e-07"), (-3.25, "-3.25"), ("NaN", "NaN"),
     (float("inf"), "+Inf")],
)  # fmt: skip
def test_numbers(value, text):
    assert wording.number(value) == text


@pytest.mark.parametrize(
    ("length_ms", "text"),
    [(-5, "0 ms"), (850, "850 ms"), (12_400, "12 s"), (303_000, "5 min 3 s"), (3_600_000, "1 h"),
     (3_605_000, "1 h"), (90_000_000, "1 d 1 h"), (86_400_000 * 400, "400 d")],
)  # fmt: skip
def test_durations(length_ms, text):
    assert wording.duration(length_ms) == text


@pytest.mark.parametrize(
    ("length_ms", "text"),
    [(0, "+0 ms"), (-40, "-40 ms"), (1_240, "+1.24 s"), (303_000, "+5 min 3 s")],
)
def test_steps(length_ms, text):
    assert wording.step(length_ms) == text


def test_times_out_of_range_are_no_errors():
    assert wording.date_time(10**18).startswith("9999")
    assert wording.date_time(-(10**18)).startswith("1970")
    assert wording.go_time(10**18).startswith("9999")
