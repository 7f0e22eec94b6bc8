"""Template files of a configuration: what they define, what is wrong with them, what they cost."""

import time
from pathlib import Path

import pytest

from engine.document import Span, failed
from engine.template.go import TemplateError
from notifiers.notification import Notification, NotifiedAlert
from notifiers.templating import EMPTY, OUTPUT_BYTES_MAX, TemplateSet, route_labels

T0 = 1_767_261_600_000
HERE = Span(3, 5, 7)


def alert(number: int = 1, status: str = "firing", **more: object) -> NotifiedAlert:
    labels = {"alertname": "Down", "instance": f"i{number}"}
    fields: dict[str, object] = {
        "status": status, "labels": labels, "annotations": {"summary": f"host {number} <down>"},
        "starts_at_ms": T0, "ends_at_ms": T0 + 60_000 if status == "resolved" else 0,
        "generator_url": "http://p/g", "fingerprint": f"{number:016x}", **more,
    }  # fmt: skip
    return NotifiedAlert(**fields)  # type: ignore[arg-type]


def notification(*alerts: NotifiedAlert, **more: object) -> Notification:
    fields: dict[str, object] = {
        "tenant": "default", "receiver": "a.b", "integration": "slack/0",
        "group_key": '{}:{alertname="Down"}', "group_labels": {"alertname": "Down"},
        "common_labels": {"alertname": "Down"}, "common_annotations": {}, "route_labels": {},
        "status": "firing", "reason": "first notification", "external_url": "http://tocsin",
        "n": 1, "episodes": (), "alerts": alerts, "previous": None, "redis_degraded": False,
        "possibly_repeated": False, "now_ms": T0 + 90_000, **more,
    }  # fmt: skip
    return Notification(**fields)  # type: ignore[arg-type]


def loaded(folder: Path, **files: str) -> TemplateSet:
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text, "utf-8")
    templates, findings = TemplateSet.load([("*", HERE)], folder, file="am.yml")
    assert not findings
    return templates


def test_a_field_calls_what_a_file_defines(tmp_path: Path) -> None:
    templates = loaded(
        tmp_path, a_tmpl='{{ define "mine" }}{{ .Status }} in {{ .GroupLabels.alertname }}{{ end }}'
    )
    text = templates.text('{{ template "mine" . }}')
    assert text.expand(notification(alert()), T0) == "firing in Down"
    assert text.source == '{{ template "mine" . }}'
    assert text.problem is None


def test_what_stands_outside_of_definitions_goes_by_the_files_name(tmp_path: Path) -> None:
    templates = loaded(tmp_path, plain_tmpl="all of {{ .Receiver }}")
    text = templates.text('{{ template "plain.tmpl" . }}')
    assert text.expand(notification(alert()), T0) == r"all of a\.b"


def test_a_later_file_wins_and_an_empty_one_replaces_nothing(tmp_path: Path) -> None:
    templates = loaded(
        tmp_path,
        a_tmpl='{{ define "x" }}first{{ end }}{{ define "slack.default.text" }}T{{ end }}',
        b_tmpl='{{ define "x" }}second{{ end }}{{ define "slack.default.title" }} {{ end }}',
    )
    expanded = templates.text('{{ template "x" . }}').expand(notification(alert()), T0)
    assert expanded == "second"
    assert templates.redefined == {"slack.default.text"}
    assert EMPTY.redefined == frozenset()


def test_a_name_that_is_redefined_is_seen_by_built_in_templates(tmp_path: Path) -> None:
    templates = loaded(tmp_path, a_tmpl='{{ define "__subject" }}short{{ end }}')
    shown = templates.text('{{ template "slack.default.title" . }}')
    assert shown.expand(notification(alert()), T0) == "short"
    assert {"__subject", "slack.default.title", "slack.default.fallback"} < templates.redefined
    assert "slack.default.text" not in templates.redefined


def test_mistakes_in_files_are_found_in_them(tmp_path: Path) -> None:
    (tmp_path / "bad.tmpl").write_text('ok\n{{ define "x" }}{{ nope }}{{ end }}', "utf-8")
    (tmp_path / "odd.tmpl").write_text(
        '{{ define "y" }}\n {{ template "gone" . }}{{ end }}', "utf-8"
    )
    (tmp_path / "cut.j2").write_text("a\n{% for x in alerts %}", "utf-8")
    (tmp_path / "bytes.tmpl").write_bytes(b"\xff")
    _, findings = TemplateSet.load([("*.tmpl", HERE), ("*.j2", HERE), ("none/*", HERE)], tmp_path,
                                   file="am.yml")  # fmt: skip
    told = {(Path(f.file).name, f.line, f.severity): f.message for f in findings}
    assert ("bad.tmpl", 2, "error") in told
    assert "gone" in told["odd.tmpl", 2, "warning"]
    assert ("cut.j2", 2, "error") in told
    assert ("bytes.tmpl", 1, "error") in told
    assert "none/*" in told["am.yml", 3, "warning"]
    assert failed(findings)


def test_a_file_of_a_built_in_ones_name_redefines_nothing(tmp_path: Path) -> None:
    templates = loaded(tmp_path, default_tmpl="mine", email_tmpl='{{ define "x" }}{{ end }}')
    assert templates.redefined == frozenset()
    shown = templates.text('{{ template "default.tmpl" . }}').expand(notification(alert()), T0)
    assert shown == "mine"
    assert EMPTY.text('{{ template "default.tmpl" . }}').problem is not None


@pytest.mark.parametrize(
    ("pattern", "sound"),
    [("a*.tmpl", True), ("[a-c]?/*.tmpl", True), ("[^x]*", True), (r"a\[b", True), ("[", False),
     ("[]", False), ("a[b", False), ("[a-]", False), ("a\\", False), ("[-a]", False)],
)  # fmt: skip
def test_patterns_are_gos(tmp_path: Path, pattern: str, sound: bool) -> None:
    assert failed(TemplateSet.load([(pattern, HERE)], tmp_path)[1]) is not sound


def test_a_long_chain_of_templates_is_an_error_and_no_more(tmp_path: Path) -> None:
    chain = "".join(
        f'{{{{ define "t{n}" }}}}{{{{ template "t{n + 1}" . }}}}{{{{ end }}}}' for n in range(2_000)
    )
    templates = loaded(tmp_path, a_tmpl=chain + '{{ define "t2000" }}x{{ end }}')
    for parse in (templates.text, templates.html):
        with pytest.raises(TemplateError, match="deep"):
            parse('{{ template "t0" . }}').expand(notification(alert()), T0)


def test_one_definition_twice_in_a_file_is_a_mistake_as_in_go(tmp_path: Path) -> None:
    (tmp_path / "a.tmpl").write_text(
        '{{ define "x" }}1{{ end }}{{ define "x" }}2{{ end }}', "utf-8"
    )
    assert failed(TemplateSet.load([("*.tmpl", HERE)], tmp_path)[1])


def test_a_missing_template_is_told_before_it_fails() -> None:
    for parse in (EMPTY.text, EMPTY.html):
        text = parse('<b>{{ template "mien" . }}</b>')
        assert text.problem is not None
        assert "mien" in text.problem.message
        with pytest.raises(TemplateError, match="mien"):
            text.expand(notification(alert()), T0)


def test_a_text_that_cannot_be_read_is_refused_at_its_place() -> None:
    for parse in (EMPTY.text, EMPTY.html):
        with pytest.raises(TemplateError) as refused:
            parse("one {{ nope }}")
        assert (refused.value.start, refused.value.end) == (7, 11)


def test_an_error_in_a_file_names_file_and_line(tmp_path: Path) -> None:
    templates = loaded(tmp_path, a_tmpl='\n{{ define "x" }}\n{{ index .Alerts 7 }}{{ end }}')
    for parse in (templates.text, templates.html):
        with pytest.raises(TemplateError, match=r"a\.tmpl: line 3, column"):
            parse('{{ template "x" . }}').expand(notification(alert()), T0)


def test_times_are_those_of_the_notification() -> None:
    shown = EMPTY.text(
        '{{ (index .Alerts 0).StartsAt.Format "15:04:05" }} {{ (index .Alerts 0).EndsAt.IsZero }} '
        "{{ since (index .Alerts 0).StartsAt }} {{ now.Unix }}"
    ).expand(notification(alert()), T0 + 90_000)
    assert shown == f"10:00:00 true 1m30s {(T0 + 90_000) // 1000}"


def test_an_alert_that_fires_on_at_another_level_has_not_ended() -> None:
    shown = EMPTY.text("{{ len .Alerts }} {{ len .Alerts.Resolved }}").expand(
        notification(alert(1), alert(2, "resolved", superseded=True)), T0
    )
    assert shown == "1 0"


def test_labels_of_the_route_are_expanded_once() -> None:
    labels = {"team": "db", "why": '{{ .GroupLabels.alertname }} of {{ routeLabels "team" }}',
              "broken": "{{ index .Alerts 9 }}"}  # fmt: skip
    given = notification(alert(), route_labels=labels)
    assert route_labels(given, EMPTY) == {**labels, "why": "Down of db"}
    expanded = notification(alert(), route_labels=route_labels(given, EMPTY))
    assert EMPTY.text("{{ .RouteLabels.why }}").expand(expanded, T0) == "Down of db"
    with pytest.raises(TemplateError):
        EMPTY.text('{{ routeLabels "broken" }}').expand(expanded, T0)


def test_a_label_of_the_route_that_names_itself_is_said_so() -> None:
    given = notification(
        alert(), route_labels={"a": '{{ routeLabels "b" }}', "b": '{{ routeLabels "a" }}'}
    )
    with pytest.raises(TemplateError, match="refers to itself"):
        EMPTY.text('{{ routeLabels "a" }}').expand(given, T0)


def test_alertname_comes_first_then_names_in_order() -> None:
    labels = {"b": "2", "B": "1", "alertname": "X", "aa": "3"}
    shown = EMPTY.text("{{ .CommonLabels }} {{ .CommonLabels.Names }}")
    assert shown.expand(notification(alert(), common_labels=labels), T0) == (
        "alertname=X, B=1, aa=3, b=2 [alertname B aa b]"
    )


def test_many_labels_of_a_route_that_call_each_other_are_bounded() -> None:
    labels = {f"l{n}": f'{{{{ routeLabels "l{n + 1}" }}}}{{{{ routeLabels "l{n + 1}" }}}}'
              for n in range(39)}  # fmt: skip
    before = time.perf_counter()
    with pytest.raises(TemplateError):
        EMPTY.text('{{ routeLabels "l0" }}').expand(
            notification(alert(), route_labels={**labels, "l39": "{{ .Status }}"}), T0
        )
    assert time.perf_counter() - before < 20.0


def test_a_thousand_alerts_take_a_moment_and_what_is_too_long_is_cut() -> None:
    many = notification(*map(alert, range(1_000)))
    before = time.perf_counter()
    shown = EMPTY.html('{{ template "email.default.html" . }}').expand(many, T0)
    assert time.perf_counter() - before < 5.0
    assert "host 999 &lt;down&gt;" in shown
    long = EMPTY.text('{{ range .Alerts }}{{ printf "%5000s" .Status }}{{ end }}').expand(many, T0)
    assert long.endswith("… (cut)")
    assert len(long.encode()) <= OUTPUT_BYTES_MAX


@pytest.mark.parametrize(
    "text",
    [
        "{{ range .Alerts }}{{ range $.Alerts }}{{ range $.Alerts }}x{{ end }}{{ end }}{{ end }}",
        '{{ define "t" }}{{ template "t" . }}{{ template "t" . }}{{ end }}{{ template "t" . }}',
        '{{ $x := "ab" }}' + "{{ $x = print $x $x }}" * 40,
        '{{ $x := list 1 }}{{ range .Alerts }}{{ $x = list $x $x $x $x }}{{ end }}{{ toJson $x }}',
        "{{ range .Alerts }}" * 30 + "<b>" + "{{ end }}" * 30,
    ],
)  # fmt: skip
def test_nothing_grows_without_end(text: str) -> None:
    many = notification(*map(alert, range(300)))
    before = time.perf_counter()
    for parse in (EMPTY.text, EMPTY.html):
        try:
            assert len(parse(text).expand(many, T0)) <= OUTPUT_BYTES_MAX
        except TemplateError:
            pass
    assert time.perf_counter() - before < 30.0


def test_jinja_files_are_called_like_any_other(tmp_path: Path) -> None:
    templates = loaded(
        tmp_path,
        summary_j2="{{ status }} {{ group_labels.alertname }}: "
        "{% for a in firing %}{{ a.annotations.summary }}{{ a.values.x | default('?') }} {% endfor %}",
        one_j2="{{ labels.instance }}={{ values.x }}",
    )
    given = notification(alert(1, values={"x": 0.5}), alert(2, "resolved"))
    call = '{{ template "summary.j2" . }}'
    assert templates.text(call).expand(given, T0) == "firing Down: host 1 <down>0.5 "
    assert templates.html(call).expand(given, T0) == "firing Down: host 1 &lt;down&gt;0.5 "
    each = templates.text('{{ range .Alerts.Firing }}{{ template "one.j2" . }}{{ end }}')
    assert each.expand(given, T0) == "i1=0.5"


def test_jinja_stands_between_tags_only_and_in_the_sandbox(tmp_path: Path) -> None:
    templates = loaded(
        tmp_path, a_j2="x", b_j2="{{ nothing_of_this_name }}", c_j2="{{ status.__class__ }}"
    )
    assert templates.html('<p title="{{ template "a.j2" . }}">').problem is not None
    with pytest.raises(TemplateError, match="nothing_of_this_name"):
        templates.text('{{ template "b.j2" . }}').expand(notification(alert()), T0)
    with pytest.raises(TemplateError):
        templates.text('{{ template "c.j2" . }}').expand(notification(alert()), T0)
