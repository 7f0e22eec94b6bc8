"""What the values of a receiver become: secrets, templates, Go's numbers and durations."""

from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml

from engine.document import Finding
from notifiers import load
from notifiers.fields import HTTP_CONFIG, Field, Secret, TemplatedMap, TemplatedSecret
from notifiers.notification import Global
from tests.channels.samples import first
from tests.notifiers.world import Recorder


def _read(
    fields: dict[str, Field], entry: str, base: Path = Path(), top: str = ""
) -> tuple[dict[str, Any], list[Finding], Any]:
    """Read one entry by fields; its values, the findings, and what `global:` became."""
    seen: list[Any] = []

    class Probe(Recorder):
        fields: ClassVar[Any] = {}
        refused: ClassVar[Any] = {}

        @classmethod
        def from_config(cls, values: Any, global_: Any, report: Any) -> Any:
            seen.append((values, global_))
            return cls("http://x")

    Probe.fields = fields
    text = f"{top}\nroute: {{receiver: a}}\nreceivers:\n- name: a\n  probe_configs:\n  - {entry}\n"
    config, findings = load(text, "n.yaml", base=base, channels={"probe": Probe})
    assert (config is None) == any(finding.severity == "error" for finding in findings)
    values, global_ = seen[0] if seen else ({}, None)
    return values, findings, global_


def _value(kind: Any, written: str, **options: Any) -> Any:
    values, findings, _ = _read({"x": Field(kind, **options)}, f"{{x: {written}}}")
    assert findings == []
    return values.get("x")


@pytest.mark.parametrize(
    ("kind", "written", "value"),
    [
        ("string", "yes", "yes"),
        ("string", "0x10", "0x10"),
        ("string", "''", ""),
        ("string", "~", None),
        ("bool", "yes", True),
        ("bool", "OFF", False),
        ("int", "0x10", 16),
        ("int", "1_000", 1_000),
        ("int", "010", 8),
        ("int", "0b101", 5),
        ("int", "1.9", 1),
        ("int", "18446744073709551615", 2**64 - 1),
        ("float", "1e3", 1_000.0),
        ("duration", "1d2h", 93_600_000),
        ("go_duration", "1.5h", 5_400_000),
        ("go_duration", "1h30m5.5s", 5_405_500),
        ("go_duration", "5µs", 1),
        ("go_duration", "2000000", 2),
        ("go_duration", "-5s", 0),
        ("go_duration_text", "1m", 60_000),
        ("host_port", "'[::1]:25'", "[::1]:25"),
        ("host_port", "':25'", ":25"),
        ("strings", "[a, 1, yes, ~]", ("a", "1", "yes", "")),
        ("string_map", "{a: 1, b: ~}", {"a": "1", "b": ""}),
        ("any_map", "{a: [1, yes, ~, 1.5, 'yes', 2020-01-01]}",
         {"a": [1, True, None, 1.5, "yes", "2020-01-01"]}),
    ],
)  # fmt: skip
def test_values_are_what_go_makes_of_them(kind: Any, written: str, value: Any) -> None:
    assert _value(kind, written) == value


@pytest.mark.parametrize(
    ("kind", "written", "code"),
    [
        ("bool", "'yes'", "value-type"),
        ("bool", "1", "value-type"),
        ("int", "'1'", "value-type"),
        ("int", "-1", "value-range"),
        ("int", "18446744073709551617", "value-type"),
        ("int", ".inf", "value-type"),
        ("int", ".nan", "value-type"),
        ("float", "x", "value-type"),
        ("duration", "1.5h", "duration"),
        ("go_duration", "1d", "duration"),
        ("go_duration", "'10'", "duration"),
        ("go_duration", "''", "duration"),
        ("go_duration", ".s", "duration"),
        ("go_duration", "9999999h", "duration"),
        ("go_duration_text", "5", "duration"),
        ("host_port", "mail", "host-port"),
        ("host_port", "'mail:'", "host-port"),
        ("host_port", "'::1:25'", "host-port"),
        ("strings", "a", "value-type"),
        ("string_map", "[a]", "value-type"),
        ("template", "'{{ .Status '", "template"),
        ("html", "'{{ if }}'", "template"),
        ("template_map", "{a: '{{ end }}'}", "template"),
        ("json_template", "{a: ['{{ .'] }", "template"),
        ("json_template_map", "[a]", "value-type"),
        ("secret_template_url", "'{{ .'", "template"),
        ("secret_template_url", "ftp://x", "url"),
        ("template_url", "x", "url"),
        ("secret_url", "''", "url"),
        ("proxy_url", "':x'", "url"),
    ],
)
def test_what_go_refuses_is_a_finding(kind: Any, written: str, code: str) -> None:
    _, findings, _ = _read({"x": Field(kind)}, f"{{x: {written}}}")
    assert [(finding.code, finding.line) for finding in findings] == [(code, 6)]
    assert findings[0].help


def test_a_template_is_parsed_once_and_expanded_for_a_first() -> None:
    told = first()
    text = _value("template", "'{{ .Status | toUpper }} <b>'")
    assert (text.source, text.expand(told, 0)) == ("{{ .Status | toUpper }} <b>", "FIRING <b>")
    html = _value("html", "'<i>{{ .Receiver }}</i>{{ \"<\" }}'")
    assert html.expand(told, 0) == f"<i>{told.receiver}</i>&lt;"
    several = _value("template_map", "{a: '{{ .Receiver }}', b: ''}")
    assert {k: v.expand(told, 0) for k, v in several.items()} == {"a": told.receiver, "b": ""}


def test_a_mistake_in_a_template_is_shown_where_it_is() -> None:
    _, findings, _ = _read({"x": Field("template")}, "{x: 'abc {{ .Status | nope }} def'}")
    finding = findings[0]
    text = "  - {x: 'abc {{ .Status | nope }} def'}"
    assert text[finding.column - 1 :].startswith(("nope", "{{", "."))
    assert "nope" in finding.message


def test_a_templated_secret_is_a_secret(tmp_path: Path) -> None:
    told = first()
    kinds = {"url": Field("secret_template_url")}
    values, _, _ = _read(kinds, "{url: 'http://hunter2/{{ .Receiver }}'}")
    url = values["url"]
    assert isinstance(url, TemplatedSecret)
    assert "hunter2" not in repr(url)
    assert url.is_template
    assert url.expand(told, 0) == f"http://hunter2/{told.receiver}"
    path = tmp_path / "url"
    path.write_text("http://one/{{ .Status }}\n")
    values, _, _ = _read(kinds, "{url_file: url}", tmp_path)
    assert values["url"].expand(told, 0) == "http://one/firing"
    path.write_text("http://two/")
    assert (values["url"].expand(told, 0), values["url"].is_template) == ("http://two/", False)


def test_json_keeps_its_shape_and_its_texts_are_templates() -> None:
    told = first()
    made = _value("json_template", "{'{{ .Status }}': [1, yes, ~, 1.5, {a: '{{ .Receiver }}'}]}")
    assert isinstance(made, TemplatedMap)
    ((key, elements),) = made.entries
    assert key.expand(told, 0) == "firing"
    one, truth, nothing, fraction, inner = elements
    assert (one, truth, nothing, fraction) == (1, True, None, 1.5)
    assert inner.entries[0][1].expand(told, 0) == told.receiver


def test_files_are_read_at_each_use_from_the_folder_of_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "id").write_text(" 17\n")
    kinds = {"id_file": Field("file"), "ca_file": Field("path"), "more": Field("files")}
    values, findings, _ = _read(kinds, "{id_file: id, ca_file: ca.pem, more: [id]}", tmp_path)
    assert findings == []
    assert values["id_file"].read() == "17"
    assert values["more"][0].read() == "17"
    assert values["ca_file"] == str(tmp_path / "ca.pem")


def test_both_a_secret_and_its_file() -> None:
    _, findings, _ = _read({"x": Field("secret")}, "{x: a, x_file: b}")
    assert [finding.code for finding in findings] == ["secret-twice"]
    values, findings, _ = _read({"x": Field("secret", file_wins=True)}, "{x: a, x_file: b}")
    assert (findings, values["x"].path) == ([], Path("b"))
    values, findings, _ = _read({"x": Field("secret")}, "{x: '', x_file: b}")
    assert (findings, values["x"].path) == ([], Path("b"))


HTTP = """
  authorization: {type: Token, credentials: hunter2}
  tls_config: {ca: PEM, cert: C, key: hunter2, server_name: other, min_version: TLS11,
               max_version: TLS13, insecure_skip_verify: yes}
  proxy_url: http://u:hunter2@proxy:3128
  no_proxy: 10.0.0.0/8
  proxy_connect_header: {Proxy-Authorization: [hunter2]}
  http_headers: {X-Team: {values: [a, b], secrets: [hunter2], files: [f]}}
  enable_http2: no
  follow_redirects: true
"""


def test_http_config_is_read_whole_and_hides_its_secrets() -> None:
    entry = yaml.safe_dump({"h": yaml.safe_load(HTTP)}, default_flow_style=True, width=10_000)
    values, findings, _ = _read({"h": HTTP_CONFIG}, entry.strip())
    assert findings == []
    http = values["h"]
    assert http["authorization"] == {"type": "Token", "credentials": Secret("hunter2")}
    assert http["tls_config"]["key"].read() == "hunter2"
    assert http["tls_config"]["server_name"] == "other"
    assert (http["tls_config"]["min_version"], http["tls_config"]["max_version"]) == (
        "TLS11", "TLS13",
    )  # fmt: skip
    assert http["proxy_connect_header"] == {"Proxy-Authorization": (Secret("hunter2"),)}
    header = http["http_headers"]["X-Team"]
    assert (header["values"], header["secrets"]) == (("a", "b"), (Secret("hunter2"),))
    assert header["files"][0].path == Path("f")
    assert (http["enable_http2"], http["follow_redirects"]) == (False, True)
    assert "hunter2" not in repr(values)


def test_oauth2_is_read_whole() -> None:
    written = (
        "{h: {oauth2: {client_id: me, client_secret: s, token_url: 'https://t', scopes: [a],"
        " endpoint_params: {x: y}, tls_config: {ca_file: ca}, proxy_url: 'http://p:1'}}}"
    )
    values, findings, _ = _read({"h": HTTP_CONFIG}, written, Path("/etc"))
    assert findings == []
    oauth2 = values["h"]["oauth2"]
    assert (oauth2["client_id"], oauth2["client_secret"].read(), oauth2["token_url"]) == (
        "me", "s", "https://t",
    )  # fmt: skip
    assert (oauth2["scopes"], oauth2["endpoint_params"]) == (("a",), {"x": "y"})
    assert oauth2["tls_config"]["ca_file"] == "/etc/ca"
    assert oauth2["proxy_url"].read() == "http://p:1"


def test_what_is_shown_hides_every_secret_and_reads_the_same() -> None:
    entry = (
        "{h: {basic_auth: {username: u, password: hunter2}, proxy_url: 'http://hunter2@p',"
        " http_headers: {A: {secrets: [hunter2]}}, proxy_connect_header: {B: [hunter2]}},"
        " flag: yes, number: 0x10, text: 'yes'}"
    )

    class Probe(Recorder):
        fields: ClassVar[Any] = {
            "h": HTTP_CONFIG, "flag": Field("bool"), "number": Field("int"), "text": Field(),
        }  # fmt: skip
        refused: ClassVar[Any] = {}

        @classmethod
        def from_config(cls, values: Any, global_: Any, report: Any) -> Any:
            return cls("http://x")

    text = f"route: {{receiver: a}}\nreceivers: [{{name: a, probe_configs: [{entry}]}}]\n"
    config, _ = load(text, "n.yaml", channels={"probe": Probe})
    assert config is not None
    assert "hunter2" not in config.text
    assert config.text.count("<secret>") == 4
    again, findings = load(config.text, "n.yaml", channels={"probe": Probe})
    assert (again and again.text, findings) == (config.text, [])
    assert "flag: yes" in config.text
    assert "number: 0x10" in config.text
    assert "text: 'yes'" in config.text


def test_what_global_says_is_handed_to_channels() -> None:
    top = (
        "global: {opsgenie_api_key: 'k', opsgenie_api_url: 'https://o/', pagerduty_url: 'https://p',"
        " telegram_bot_token: t, telegram_api_url: 'https://t', jira_api_url: 'https://j'}\n"
    )
    _, findings, global_ = _read({}, "{}", top=top)
    assert findings == []
    assert isinstance(global_, Global)
    assert global_.opsgenie_api_key is not None
    assert global_.opsgenie_api_key.read() == "k"
    assert (global_.opsgenie_api_url, global_.pagerduty_url, global_.telegram_api_url) == (
        "https://o/", "https://p", "https://t",
    )  # fmt: skip
    assert _read({}, "{}")[2].pagerduty_url == "https://events.pagerduty.com/v2/enqueue"


def test_templates_of_a_file_are_there_for_every_field(tmp_path: Path) -> None:
    (tmp_path / "a.tmpl").write_text('{{ define "mine" }}<{{ .Status }}>{{ end }}')
    (tmp_path / "b.tmpl").write_text('{{ define "slack.default.title" }}ours{{ end }}')
    values, findings, global_ = _read(
        {"x": Field("template")}, "{x: '{{ template \"mine\" . }}'}", tmp_path,
        "templates: ['*.tmpl']",
    )  # fmt: skip
    assert findings == []
    assert values["x"].expand(first(), 0) == "<firing>"
    assert "slack.default.title" in global_.templates.redefined


@pytest.mark.parametrize(
    ("pattern", "text", "code"),
    [("bad.tmpl", "{{ define }}", "template"), ("[", "", "template-file")],
)
def test_a_bad_template_file_refuses_the_configuration(
    tmp_path: Path, pattern: str, text: str, code: str
) -> None:
    (tmp_path / "bad.tmpl").write_text(text)
    _, findings, _ = _read({}, "{}", tmp_path, f"templates: ['{pattern}']")
    assert [finding.code for finding in findings] == [code]


def test_a_list_has_a_limit() -> None:
    many = "[" + "a, " * 1_001 + "]"
    _, findings, _ = _read({"x": Field("strings")}, f"{{x: {many}}}")
    assert [finding.code for finding in findings] == ["value-range"]
