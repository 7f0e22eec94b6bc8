"""A notification file: what is read, and every mistake with its place and remedy."""

from pathlib import Path
from typing import Any

import pytest

from engine.document import Finding, render
from notifiers import load
from notifiers.fields import Secret
from tests.notifiers import corpora
from tests.notifiers.world import CHANNELS, Recorder

GOOD = """
global:
  resolve_timeout: 10m
  smtp_smarthost: mail:587
  smtp_auth_password: hunter2
  slack_api_url: https://hooks.slack.com/services/T0/B0/hunter2
route:
  receiver: chat
  group_by: [alertname, cluster]
  repeat_interval: 3h
  labels: {team: core}
  routes:
  - matchers: [severity="critical", 'region=~"eu-.*"']
    receiver: pager
    group_wait: 5s
    continue: true
    labels: {urgency: high}
    routes:
    - match: {service: pay}
      group_by: ['...']
  - match_re: {service: pay|cart}
    receiver: nobody
receivers:
- name: chat
  slack_configs:
  - {url: 'https://hooks.example.org/hunter2'}
  - {url: 'https://hooks.example.org/other', send_resolved: true}
- name: pager
  labels: {tier: one}
  webhook_configs: [{url: 'https://pager/hunter2', title: x, tags: [a, b]}]
- name: nobody
"""


def _load(text: str, **kwargs: Any) -> tuple[Any, list[Finding]]:
    return load(text, "notifiers.yaml", channels=CHANNELS, **kwargs)


def _places(text: str) -> list[tuple[int, str]]:
    config, findings = _load(text)
    assert (config is None) == bool(findings)
    assert all(finding.help for finding in findings)
    return [(finding.line, finding.code) for finding in findings]


def test_a_good_file_is_read_whole() -> None:
    config, findings = _load(GOOD, external_url="http://tocsin:9093/")
    assert findings == []
    assert list(config.receivers) == ["chat", "pager", "nobody"]
    chat = config.receivers["chat"]
    assert [(i.name, i.send_resolved) for i in chat.integrations] == [
        ("slack/0", False), ("slack/1", True),
    ]  # fmt: skip
    assert config.receivers["nobody"].integrations == ()
    assert config.receivers["pager"].labels == {"tier": "one", "name": "pager"}
    assert config.global_.resolve_timeout_ms == 600_000
    assert config.global_.smtp_require_tls is True
    assert config.external_url == "http://tocsin:9093"


def test_routes_inherit() -> None:
    config, _ = _load(GOOD)
    root = config.route
    pager, quiet = root.routes
    deep = pager.routes[0]
    assert (root.group_wait_ms, root.group_interval_ms, root.repeat_interval_ms) == (
        30_000, 300_000, 10_800_000,
    )  # fmt: skip
    assert (pager.group_wait_ms, pager.repeat_interval_ms) == (5_000, 10_800_000)
    assert (pager.group_by, deep.group_by_all) == (frozenset({"alertname", "cluster"}), True)
    assert (deep.receiver, quiet.receiver) == ("pager", "nobody")
    assert deep.labels == {"team": "core", "urgency": "high"}
    assert deep.key == '{}/{region=~"eu-.*",severity="critical"}/{service="pay"}'
    labels = {"severity": "critical", "region": "eu-1", "service": "pay"}
    assert [route.receiver for route in root.match(labels)] == ["pager", "nobody"]


def test_secrets_are_nowhere_to_be_seen() -> None:
    config, _ = _load(GOOD)
    assert "hunter2" not in repr(config)
    assert "hunter2" not in config.text
    assert "<secret>" in config.text
    assert "alertname" in config.text


def test_secrets_come_from_files_too_and_are_read_again(tmp_path: Path) -> None:
    (tmp_path / "hook").write_text("https://one/\n")
    text = """
route: {receiver: a}
receivers: [{name: a, webhook_configs: [{url_file: hook}]}]
"""
    seen: list[Secret] = []

    class Keeps(Recorder):
        @classmethod
        def from_config(cls, values: Any, global_: Any, report: Any) -> Any:
            seen.append(values["url"])
            return cls("http://x")

    config, findings = load(text, "n.yaml", base=tmp_path, channels={"webhook": Keeps})
    assert config is not None, findings
    assert seen[0].read() == "https://one/"
    (tmp_path / "hook").write_text("https://two/")
    assert seen[0].read() == "https://two/"


BAD = """
global:
  resolve_timeout: soon
  opsgenie_api_key: x
  smtp_smarthots: mail:587
inhibit_rules:
- {source_matchers: [a="b], target_matchers: [c="d"], equal: ["-"]}
- {source_match: {a: b}, target_match_re: {c: "(", 'd.e': x}}
time_intervals: [{name: night}, {name: night}, {time_intervals: [{weekdays: [someday]}]}]
mute_time_intervals: [{name: day, time_intervals: [{times: [{start_time: '9:00'}]}]}]
silences: []
route:
  reciever: a
  group_by: [a, a, -b-]
  routes:
  - {receiver: nobody, matchers: ["a=~(("]}
  - {receiver: a, match: {x: y}, mute_time_intervals: [nigth], group_interval: 0s}
  - {receiver: a, matchers: a=b, labels: {x: '{{ .A'}}
receivers:
- name: a
  webhook_configs:
  - {url: not-a-url, titel: x}
  - {send_resolved: maybe, url: 'http://x', timeout: 5s}
  - {url: 'http://x', url_file: y}
  - {}
  pagerduty_configs: [{routing_key: x}]
  sns_configs: [{subject: x}]
- name: a
- slack_configs: []
  labels: {name: b}
"""


def test_every_mistake_is_found_at_once() -> None:
    assert sorted(_places(BAD)) == [
        (3, "duration"),
        (5, "key-unknown"),
        (7, "label-name"),
        (7, "matcher"),
        (8, "label-name"),
        (8, "matcher"),
        (9, "interval"),
        (9, "interval-name"),
        (9, "interval-name"),
        (10, "interval"),
        (11, "unsupported"),
        (13, "key-unknown"),
        (13, "route-root"),
        (14, "group-by"),
        (14, "label-name"),
        (16, "matcher"),
        (16, "receiver-unknown"),
        (17, "interval-unknown"),
        (17, "value-range"),
        (18, "template"),
        (18, "value-type"),
        (22, "key-unknown"),
        (22, "url"),
        (23, "unsupported"),
        (23, "value-type"),
        (24, "secret-twice"),
        (25, "key-missing"),
        (26, "receiver-unsupported"),
        (27, "key-missing"),
        (28, "receiver-duplicate"),
        (29, "receiver-name"),
    ]


def test_a_finding_points_at_its_place_and_names_the_way_round() -> None:
    text = "route: {receiver: team-x}\nreceivers: [{name: team-y}]\n"
    _, findings = _load(text)
    assert render(findings, {"notifiers.yaml": text}) == (
        "notifiers.yaml:1:19: error[receiver-unknown]: there is no receiver 'team-x'\n"
        "1 | route: {receiver: team-x}\n"
        "  |                   ^^^^^^\n"
        "  = help: did you mean team-y?"
    )


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "key-missing"),
        ("- a", "value-type"),
        ("route: {receiver: a}", "receiver-unknown"),
        ("receivers: [{name: a}]", "key-missing"),
        ("route: {receiver: a, matchers: [a=b]}\nreceivers: [{name: a}]", "route-root"),
        ("route: {receiver: a, continue: true}\nreceivers: [{name: a}]", "route-root"),
        ("route: {receiver: a, group_by: ['...', b]}\nreceivers: [{name: a}]", "group-by"),
        ("route: {receiver: a, labels: {x: '{{ .A }'}}\nreceivers: [{name: a}]", "template"),
        ("route: [", "yaml-syntax"),
    ],
)
def test_a_mistake_is_named(text: str, code: str) -> None:
    config, findings = _load(text)
    assert config is None
    assert code in {finding.code for finding in findings}


def test_what_is_empty_is_not_refused() -> None:
    text = "inhibit_rules: []\ntemplates:\nroute: {receiver: a, mute_time_intervals: []}\n"
    assert _places(text + "receivers: [{name: a}]") == []


def test_a_channels_own_findings_point_at_its_fields() -> None:
    class Picky(Recorder):
        @classmethod
        def from_config(cls, values: Any, global_: Any, report: Any) -> Any:
            report("title", "picky-title", "no such title", "use another")
            report(None, "picky", "all wrong", "think again")

    text = "route: {receiver: a}\nreceivers: [{name: a, webhook_configs: [{url: 'http://x',\n title: t}]}]"
    _, findings = load(text, "n.yaml", channels={"webhook": Picky})
    assert [(f.code, f.line) for f in findings] == [("picky", 2), ("picky-title", 3)]


def _corpus_files() -> list[str]:
    root = corpora.ROOT / "alertmanager-configs"
    return sorted(str(path.relative_to(root)) for path in root.rglob("*.yml"))


@pytest.mark.parametrize("name", _corpus_files() or ["config/conf.good.yml"])
def test_real_files_are_read_or_refused_by_name(name: str) -> None:
    config, findings = load(corpora.file(name), name)
    assert (config is None) == any(f.severity == "error" for f in findings)
    assert all(f.message and f.help for f in findings), findings
