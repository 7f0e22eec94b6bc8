"""The screen and the plain lines, drawn from made-up moments of a run."""

import io
from dataclasses import replace

import pytest
from rich.console import Console

from engine.demo.plain import PlainReport
from engine.demo.screen import Screen
from engine.demo.silence import HintChooser, hint
from engine.demo.view import Rates, View, latency
from engine.worker import AlertRow, ScreenSnapshot, SentRow

NOW_MS = 1_767_225_600_000
BASE = "http://127.0.0.1:9093"


def alert(name: str = "PaymentTimeouts", state: str = "firing", **changes: object) -> AlertRow:
    made = AlertRow(
        name=name,
        state=state,
        level="critical",
        labels={"alertname": name, "severity": "critical", "service": "p", "pod": "payments-3"},
        summary="57 timeouts of 40 users",
        rule_file="rules/payments.yml",
        rule_line=14,
        silenced=False,
        event_ms=NOW_MS - 3_000,
        arrival_ms=NOW_MS - 2_990,
        decision_ms=NOW_MS - 2_986,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def sent(channel: str = "slack", **changes: object) -> SentRow:
    made = SentRow(
        channel=channel,
        receiver="on-call",
        outcome="sent",
        alerts=("PaymentTimeouts",),
        firing=2,
        resolved=0,
        arrival_ms=NOW_MS - 2_990,
        decision_ms=NOW_MS - 2_986,
        sent_ms=NOW_MS - 1_974,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def snapshot(**changes: object) -> ScreenSnapshot:
    made = ScreenSnapshot(
        ready=True,
        samples_total=70_000,
        lines_total=9_000,
        rejected_total=0,
        series=1_450,
        shards=16,
        alerts=(alert(),),
        sent=(sent(),),
        sent_total=1,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def view(**changes: object) -> View:
    made = View(
        now_ms=NOW_MS,
        age_ms=12_300,
        base_url=BASE,
        snapshot=snapshot(),
        samples_per_second=2_341.4,
        lines_per_second=334,
        fleet_series=3_605,
        going_on=("payments time out",),
        hint=hint("PaymentTimeouts", BASE, NOW_MS),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def drawn(shown: View, width: int = 120, height: int = 30) -> list[str]:
    console = Console(
        file=io.StringIO(), width=width, height=height, record=True, force_terminal=True
    )
    console.print(Screen(shown), height=height)
    return console.export_text().splitlines()


def test_a_frame_says_what_streams_in_what_fires_by_which_rule_and_what_was_sent():
    text = "\n".join(drawn(view()))
    assert "2,341 samples/s" in text
    assert "334 log lines/s" in text
    assert "3,605 series" in text
    assert "1,450 read by rules" in text
    assert "0 pending" in text
    assert "1 firing" in text
    assert "PaymentTimeouts" in text
    assert "payments-3" in text
    assert "rules/payments.yml:14" in text
    assert "record -> 4 ms -> decision -> 1,012 ms -> Slack" in text
    assert f"{BASE}/demo/inbox" in text
    assert "payments time out" in text


@pytest.mark.parametrize("width", [200, 120, 100, 99, 80, 64, 63, 40, 20])
@pytest.mark.parametrize("height", [50, 24, 18])
def test_a_frame_fits_whatever_terminal_there_is(width, height):
    many = tuple(alert(f"Alert{n}", summary="long " * 40) for n in range(60))
    full = snapshot(alerts=many, sent=(sent(),) * 50, sent_total=50)
    lines = drawn(view(snapshot=full, going_on=("something",) * 8), width, height)
    assert max(len(line) for line in lines) <= width
    if width >= 80:
        assert len(lines) <= height
        assert any("more" in line for line in lines)
        assert any("Ctrl-C" in line for line in lines)


def test_the_silence_command_is_shown_as_it_must_be_typed():
    lines = drawn(view(), width=80, height=30)
    for part in hint("PaymentTimeouts", BASE, NOW_MS).lines:
        assert len(part) <= 80
        assert part in [line.rstrip() for line in lines]


def test_a_silence_command_that_would_be_broken_is_not_shown():
    text = "\n".join(drawn(view(), width=70, height=30))
    assert "curl" not in text
    assert "columns" in text


def test_a_silenced_alert_is_shown_as_silenced():
    text = "\n".join(drawn(view(snapshot=snapshot(alerts=(alert(silenced=True),)))))
    assert "1 silenced" in text
    assert "silenced  PaymentTimeouts" in text


def test_before_tocsin_is_up_it_says_so():
    text = "\n".join(drawn(view(snapshot=None, age_ms=900)))
    assert "Starting Tocsin" in text
    assert "0.9 s" in text


def test_labels_with_markup_are_shown_as_they_are():
    odd = alert(labels={"pod": "[red]x[/red]"}, summary="[bold]no[/bold] [/]")
    assert "[red]x[/red]" in "\n".join(drawn(view(snapshot=snapshot(alerts=(odd,)))))


def test_plain_lines_say_each_thing_once():
    report = PlainReport()
    first = report.lines(view())
    text = "\n".join(first)
    assert f"inbox: {BASE}/demo/inbox" in text
    assert "fleet     payments time out" in text
    assert "firing    PaymentTimeouts payments-3 critical [rules/payments.yml:14]" in text
    assert "slack     PaymentTimeouts, 2 firing: record -> 4 ms -> decision" in text
    assert "2,341 samples/s" in text
    assert "curl" in text
    assert report.lines(view(now_ms=NOW_MS + 250)) == []


def test_plain_lines_tell_changes():
    report = PlainReport()
    report.lines(view(snapshot=snapshot(alerts=(alert(state="pending"),))))
    assert "firing    PaymentTimeouts" in "\n".join(report.lines(view()))
    silenced = view(snapshot=snapshot(alerts=(alert(silenced=True),)))
    assert "SILENCED" in "\n".join(report.lines(silenced))
    over = view(
        snapshot=snapshot(
            alerts=(alert(state="resolved"),),
            sent=(sent(), sent("email", firing=0, resolved=2)),
            sent_total=2,
        ),
        going_on=(),
    )
    text = "\n".join(report.lines(over))
    assert "resolved  PaymentTimeouts" in text
    assert "over: payments time out" in text
    assert "email     PaymentTimeouts, 2 resolved" in text


def test_plain_lines_repeat_the_status_now_and_then():
    report = PlainReport()
    report.lines(view())
    assert report.lines(view(now_ms=NOW_MS + 9_000)) == []
    assert "status" in report.lines(view(now_ms=NOW_MS + 10_000))[0]


def test_a_notification_without_a_cause_and_a_dropped_one_say_so():
    assert latency(sent(arrival_ms=0, decision_ms=0)) == "-> Slack"
    assert latency(sent(outcome="dropped")) == "given up, not taken by Slack"


def test_a_resolution_is_not_measured_from_its_last_record():
    assert latency(sent(firing=0, resolved=2)) == "decision -> 1,012 ms -> Slack"


def test_rates_are_those_of_the_last_seconds():
    rates = Rates()
    assert rates.add(0, snapshot(samples_total=0, lines_total=0)) == (0.0, 0.0)
    for second in range(1, 11):
        found = rates.add(
            second * 1_000, snapshot(samples_total=second * 2_000, lines_total=second * 300)
        )
    assert found == (2_000.0, 300.0)
    assert rates.add(13_000, snapshot(samples_total=20_000, lines_total=3_000))[0] == 0


def test_the_hint_stays_until_its_alert_is_silenced_or_over():
    chooser = HintChooser(BASE)
    assert chooser.choose(snapshot(alerts=()), NOW_MS) is None
    one, other = alert("One"), alert("Other", decision_ms=NOW_MS)
    assert chooser.choose(snapshot(alerts=(one,)), NOW_MS).alert == "One"
    assert chooser.choose(snapshot(alerts=(one, other)), NOW_MS).alert == "One"
    silenced = replace(one, silenced=True)
    assert chooser.choose(snapshot(alerts=(silenced, other)), NOW_MS).alert == "Other"
    over = replace(other, state="resolved")
    assert chooser.choose(snapshot(alerts=(over,)), NOW_MS).alert == "Other"
