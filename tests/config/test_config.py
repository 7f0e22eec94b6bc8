"""tocsin.yaml: defaults, every key, every mistake at once, no secret shown."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.config import CONFIG_CODES, Auth, Config, HttpLateness, Listen, Source, parse
from engine.document import DOCUMENT_CODES, render
from engine.limits import DEFAULT_LIMITS


def read(text: str, base: Path, **environ: str) -> tuple[Config | None, list[str]]:
    """The configuration, and findings as `code: underlined`."""
    config, findings = parse(text, "tocsin.yaml", base, environ=environ, hostname="host-1")
    lines = [*text.split("\n"), ""]
    return config, [
        f"{f.code}: {lines[f.line - 1][f.column - 1 : f.column - 1 + f.length]}" for f in findings
    ]


def good(text: str, base: Path, **environ: str) -> Config:
    config, findings = read(text, base, **environ)
    assert config is not None, findings
    assert findings == []
    return config


@pytest.mark.parametrize("text", ["", "# only a comment\n", "{}"])
def test_an_empty_file_is_valid(text: str, tmp_path: Path) -> None:
    config = good(text, tmp_path)
    assert config.broker == f"embedded://{tmp_path}/data/log"
    assert config.embedded
    assert config.data_dir == tmp_path / "data"
    assert config.rules == (tmp_path / "rules",)
    assert config.notifications == tmp_path / "notifiers.yaml"
    assert config.listen == Listen("127.0.0.1", 9093)
    assert config.auth == Auth(None)
    assert config.dedup is None
    assert config.sources == (Source("metrics", "metrics"), Source("logs", "logs"))
    assert (config.app_id, config.shards, config.instance_id) == ("tocsin", 16, "host-1")
    assert config.roles == ("ingest", "evaluate")
    assert config.advertised_url == config.external_url == "http://127.0.0.1:9093"
    assert config.limits == DEFAULT_LIMITS
    assert (config.checkpoint_every_ms, config.session_timeout_ms) == (5_000, 10_000)
    assert (config.evaluation_timeout_ms, config.fsync, config.log_level) == (
        30_000, "interval", "info",
    )  # fmt: skip


WHOLE = """\
app_id: watch
broker: kafka://b1:9092;kafka://b2:9092
dedup: rediss://cache:6380/2
dedup_password_file: password
data_dir: state
rules: [rules/, more.yml]
notifications: n.yaml
silences: ["silences/**/*.yaml", more.yml]
egress: {allow: [10.0.0.0/8, 192.0.2.7, "fd00::/8"]}
route_prefix: /alerts/tocsin/
matcher_parsing: utf8
listen: 0.0.0.0:8080
auth: {tokens_file: tokens.yaml}
external_url: https://tocsin.example.org/
advertised_url: http://10.0.0.1:8080
sources:
  - {topic: events, format: json, kind: logs, lateness: 500ms, partitions: 3}
  - {topic: metrics}
http_lateness: {write: 3s}
limits: {series_max: 10, rules_max: 20}
instance_id: worker-1
roles: [evaluate]
shards: 8
fsync: always
checkpoint_every: 1s
session_timeout: 6s
evaluation_timeout: 20s
evaluation_interval: 15s
start_delay: 5s
log_level: debug
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "rules").mkdir()
    (tmp_path / "silences").mkdir()
    for name in ("more.yml", "n.yaml", "tokens.yaml"):
        (tmp_path / name).write_text("")
    (tmp_path / "password").write_text("p@ss/word\n")
    return tmp_path


def test_every_key_is_read(place: Path) -> None:
    config = good(WHOLE, place)
    assert config.broker == "kafka://b1:9092;kafka://b2:9092"
    assert not config.embedded
    assert config.dedup == "rediss://:p%40ss%2Fword@cache:6380/2"
    assert config.data_dir == place / "state"
    assert config.rules == (place / "rules", place / "more.yml")
    assert config.notifications == place / "n.yaml"
    assert config.listen == Listen("0.0.0.0", 8080)
    assert config.auth == Auth(place / "tokens.yaml")
    assert config.external_url == "https://tocsin.example.org"
    assert config.advertised_url == "http://10.0.0.1:8080"
    assert config.sources == (
        Source("events", "logs", lateness_ms=500), Source("metrics", "metrics"),
    )  # fmt: skip
    assert (config.limits.series_max, config.limits.rules_max) == (10, 20)
    assert config.limits.labels_per_series_max == DEFAULT_LIMITS.labels_per_series_max
    assert (config.app_id, config.instance_id, config.roles) == ("watch", "worker-1", ("evaluate",))
    assert (config.shards, config.fsync, config.log_level) == (8, "always", "debug")
    assert (config.checkpoint_every_ms, config.session_timeout_ms) == (1_000, 6_000)
    assert (config.evaluation_timeout_ms, config.evaluation_interval_ms) == (20_000, 15_000)
    assert config.start_delay_ms == 5_000
    assert config.silences == ("silences/**/*.yaml", "more.yml")
    assert list(map(str, config.egress_allow)) == ["10.0.0.0/8", "192.0.2.7/32", "fd00::/8"]
    assert (config.route_prefix, config.matcher_parsing) == ("/alerts/tocsin", "utf8")
    assert config.http_lateness == HttpLateness(ingest_ms=2_000, write_ms=3_000)


def test_seven_mistakes_are_seven_findings(tmp_path: Path) -> None:
    text = """\
broker: kafka://b1:9092;kafka//b2:9092
dedup: http://cache:6379
listen: 0.0.0.0:9093
rule: [rules/]
sources:
  - {topic: events, format: json}
  - {topic: logs, format: json, lateness: 5}
limits: {series_max: many}
"""
    config, findings = parse(text, "tocsin.yaml", tmp_path)
    assert config is None
    assert [(f.line, f.column, f.code) for f in findings] == [
        (1, 25, "broker"), (2, 8, "dedup"), (3, 9, "listen-open"), (4, 1, "key-unknown"),
        (6, 13, "source-kind"), (7, 43, "duration"), (8, 22, "value-type"),
    ]  # fmt: skip
    assert all(finding.help for finding in findings)
    shown = render(findings, {"tocsin.yaml": text})
    assert shown.count(" = help: ") == 7
    assert "4 | rule: [rules/]\n  | ^^^^\n  = help: did you mean `rules`?" in shown


@pytest.mark.parametrize(
    ("text", "findings"),
    [
        ("broker: localhost:9092", ["broker: localhost:9092"]),
        ("dedup: embedded\nbroker: kafka://b1", ["broker: kafka://b1"]),
        ("dedup: embedded\nbroker: kafka://b1:0;", ["broker: kafka://b1:0", "broker: "]),
        ("dedup: embedded\nbroker: kafka://u:p@b1:1", ["unsupported: kafka://u:p@b1:1"]),
        ("broker: embedded://", ["broker: embedded://"]),
        ("broker: [a]", ["value-type: ["]),
        ("dedup: redis://", ["dedup: redis://"]),
        ("dedup: redis://c:99999/0", ["dedup: redis://c:99999/0"]),
        ("dedup: redis://c:1/x", ["dedup: redis://c:1/x"]),
        ("dedup: redis://c:1/0\ndedup_password_file: no", ["secret-file: no"]),
        ("listen: 9093", ["listen: 9093"]),
        ("listen: a b:1", ["listen: a b:1"]),
        ("listen: localhost:99999", ["listen: localhost:99999"]),
        ("listen: :9093", ["listen-open: :9093"]),
        ("listen: '[::]:9093'", ["listen-open: '[::]:9093'"]),
        ("auth: nobody", ["auth: nobody"]),
        ("auth: {}", ["auth: {"]),
        ("auth: {token_file: a}", ["auth: token_file", "key-unknown: token_file"]),
        ("auth: {tokens_file: nope}", ["path-missing: nope"]),
        ("rules: [nope/, also]", ["path-missing: nope/", "path-missing: also"]),
        ("notifications: nope", ["path-missing: nope"]),
        ("sources: {a: 1}", ["value-type: a"]),
        ("sources: [metrics]", ["value-type: metrics"]),
        ("sources: [{kind: logs}]", ["key-missing: kind"]),
        ("sources: [{topic: 'a b', kind: logs}]", ["source-topic: 'a b'"]),
        ("sources: [{topic: tocsin.shards, kind: logs}]", ["source-topic: tocsin.shards"]),
        ("sources: [{topic: logs}, {topic: logs}]", ["source-duplicate: logs"]),
        ("sources: [{topic: a, kind: log}]", ["value-choice: log"]),
        ("sources: [{topic: logs, format: otlp}]", ["unsupported: otlp"]),
        ("sources: [{topic: logs, partitions: 0}]", ["value-range: 0"]),
        ("sources: [{topic: logs, lateness: 2d}]", ["value-range: 2d"]),
        ("http_lateness: 2s", ["value-type: 2s"]),
        ("http_lateness: {write: 2d, wire: 1s}", ["value-range: 2d", "key-unknown: wire"]),
        ("limits: {seriesmax: 1}", ["key-unknown: seriesmax"]),
        ("limits: {series_max: 0}", ["value-range: 0"]),
        ("limits: [1]", ["value-type: ["]),
        ("app_id: 'a b'", ["identifier: 'a b'"]),
        ("instance_id: -x", ["identifier: -x"]),
        ("roles: [worker]", ["value-choice: worker"]),
        ("roles: []", ["value-choice: ["]),
        ("shards: 0", ["value-range: 0"]),
        ("shards: '8'", ["value-type: '8'"]),
        ("fsync: yes", ["value-choice: yes"]),
        ("session_timeout: 1s", ["value-range: 1s"]),
        ("session_timeout: 60s", ["timeouts: 60s"]),
        ("evaluation_timeout: 5s", ["timeouts: 5s"]),
        ("log_level: trace", ["value-choice: trace"]),
        ("external_url: tocsin.example.org", ["url: tocsin.example.org"]),
        ("external_url: http://a:b", ["url: http://a:b"]),
        ("- a", ["value-type: -"]),
        ("silences: silences", ["path-missing: silences"]),
        ("silences: [{a: b}]", ["value-type: a"]),
        ("egress: {allow: [10.1.0.0/8, public]}", ["egress: 10.1.0.0/8", "egress: public"]),
        ("egress: {deny: []}", ["key-missing: deny", "key-unknown: deny"]),
        ("egress: 10.0.0.0/8", ["value-type: 10.0.0.0/8"]),
        ("route_prefix: tocsin", ["route-prefix: tocsin"]),
        ("route_prefix: /a b", ["route-prefix: /a b"]),
        ("route_prefix: //a", ["route-prefix: //a"]),
        ("matcher_parsing: strict", ["value-choice: strict"]),
        ("broker: [", ["yaml-syntax: ["]),
    ],
)
def test_mistakes(text: str, findings: list[str], tmp_path: Path) -> None:
    config, found = read(text, tmp_path)
    assert config is None
    assert found == findings


def test_kafka_without_dedup_is_a_warning(tmp_path: Path) -> None:
    config, findings = read("broker: kafka://b1:9092", tmp_path)
    assert config is not None
    assert findings == ["dedup-embedded: broker"]
    good("broker: kafka://b1:9092\ndedup: embedded", tmp_path)


def test_loopback_and_saying_it_aloud_are_enough(tmp_path: Path) -> None:
    for listen in ("127.0.0.2:1", "localhost:0", "'[::1]:9093'"):
        assert good(f"listen: {listen}", tmp_path).listen.loopback
    config = good("listen: :9093\nauth: none", tmp_path)
    assert config.auth.open
    assert config.listen == Listen("0.0.0.0", 9093)
    assert config.advertised_url == "http://host-1:9093"


@pytest.mark.parametrize(
    ("text", "prefix"),
    [
        ("", ""),
        ("external_url: https://example.org/", ""),
        ("external_url: https://example.org/tocsin/", "/tocsin"),
        ("external_url: https://example.org/tocsin\nroute_prefix: /", ""),
        ("external_url: https://example.org/tocsin\nroute_prefix: /inner/", "/inner"),
        ("advertised_url: http://w0:9093/elsewhere", ""),
    ],
)
def test_the_prefix_is_the_path_of_the_external_url(text: str, prefix: str, tmp_path: Path) -> None:
    """As Alertmanager's --web.route-prefix."""
    assert good(text, tmp_path).route_prefix == prefix


def test_a_glob_of_silences_may_match_nothing_yet_but_its_directory_is_there(
    tmp_path: Path,
) -> None:
    assert read("silences: silences/*.yaml", tmp_path)[1] == ["path-missing: silences/*.yaml"]
    (tmp_path / "silences").mkdir()
    assert good("silences: silences/*.yaml", tmp_path).silences == ("silences/*.yaml",)


def test_no_sources_at_all_is_possible(tmp_path: Path) -> None:
    assert good("sources: []", tmp_path).sources == ()


def test_partitions_of_kafka_are_kafkas_own(tmp_path: Path) -> None:
    sources = "sources: [{topic: logs, partitions: 3}]\n"
    assert good(sources, tmp_path).sources[0].partitions == 3
    kafka = good(sources + "broker: kafka://b:1\ndedup: redis://c", tmp_path)
    assert kafka.sources[0].partitions is None


def test_the_environment_names_the_instance(tmp_path: Path) -> None:
    config = good(
        "", tmp_path, TOCSIN_INSTANCE_ID="tocsin-2", TOCSIN_ADVERTISED_URL="http://10.1.1.1:9093/"
    )
    assert config.instance_id == "tocsin-2"
    assert config.advertised_url == "http://10.1.1.1:9093"
    assert good("instance_id: own", tmp_path, TOCSIN_INSTANCE_ID="x").instance_id == "own"


def test_secrets_are_in_no_repr_and_in_no_finding(place: Path) -> None:
    assert "p%40ss" not in repr(good(WHOLE, place))
    text = "dedup: redis://user:hunter2@cache:6379/0\n"
    config, findings = parse(text, "tocsin.yaml", place)
    assert config is not None
    assert config.dedup == "redis://user:hunter2@cache:6379/0"
    assert [(f.code, f.severity) for f in findings] == [("secret-inline", "warning")]
    assert "hunter2" not in repr(config) + render(findings, {"tocsin.yaml": text})


@given(st.text())
def test_no_text_raises(text: str) -> None:
    _, findings = parse(text, "tocsin.yaml", Path("/nowhere"), environ={}, hostname="h")
    for finding in findings:
        assert finding.code in CONFIG_CODES or finding.code in DOCUMENT_CODES


LINES = WHOLE.split("\n")


@given(st.lists(st.sampled_from(LINES) | st.text(max_size=20), max_size=8),
       st.text(alphabet=":;/@[]{}.-0a9 ", max_size=20))  # fmt: skip
def test_no_mixture_raises(lines: list[str], value: str) -> None:
    for key in ("broker", "listen", "dedup", "external_url", "app_id"):
        parse("\n".join([*lines, f"{key}: '{value}'"]), "t", Path("/nowhere"), environ={})
