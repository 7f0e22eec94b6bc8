"""The verdict on a file is Alertmanager's: asked of amtool, and held against its reference."""

import random
import re
import secrets
import subprocess
from pathlib import Path
from typing import Any

import pytest

from engine.document import Finding, render
from notifiers import load
from notifiers.config import installed_channels
from notifiers.receiver_types import GLOBAL_FIELDS, TYPES
from tests.acceptance.services import missing, program
from tests.notifiers import corpora, invented

NEEDED = frozenset({"receiver-unsupported", "template", "label-name", "tls-file"})
"""Codes with which we refuse more than amtool does: README, The file."""


def _errors(text: str) -> list[str]:
    _, findings = load(text, "alertmanager.yml", base=Path("/nowhere"))
    assert all(finding.help for finding in findings)
    return [finding.code for finding in findings if finding.severity == "error"]


def _refused(text: str) -> bool:
    return bool(set(_errors(text)) - NEEDED)


def _amtool_refuses(text: str, folder: Path) -> tuple[bool, str]:
    path = folder / "a.yml"
    path.write_text(text)
    asked = [str(program("amtool")), "check-config", str(path)]
    said = subprocess.run(asked, capture_output=True, text=True, check=False)
    return said.returncode != 0, said.stdout + said.stderr


needs_amtool = pytest.mark.skipif(missing("amtool") is not None, reason=str(missing("amtool")))


@pytest.mark.real
@needs_amtool
def test_made_up_files_are_judged_as_amtool_judges_them(tmp_path: Path) -> None:
    seed = secrets.randbelow(1_000_000)
    rng = random.Random(seed)
    accepted = 0
    for number in range(40):
        made = invented.document(rng)
        for _ in range(8):  # a mistake too many hides what the change would do
            if not _refused(invented.text(made)):
                break
            made = invented.document(rng)
        for _ in range(rng.choice((0, 1, 1, 2))):
            invented.mutate(rng, made)
        text = invented.text(made)
        refuses, why = _amtool_refuses(text, tmp_path)
        if "nil pointer" in why:  # it crashed: no verdict
            continue
        errors = _errors(text)
        if set(errors) & NEEDED:  # what else is wrong may be hidden behind it
            continue
        assert bool(errors) == refuses, f"seed {seed}, {number}: {errors}; amtool: {why}\n{text}"
        accepted += not refuses
    assert accepted > 1, f"seed {seed}: nothing was right"


BASE = "route: {receiver: a}\nreceivers: [{name: a}]\n"


def _entry(kind: str, text: str) -> str:
    return f"route: {{receiver: a}}\nreceivers: [{{name: a, {kind}_configs: [{text}]}}]\n"


CASES: dict[str, tuple[str, bool]] = {  # text, whether amtool 0.34 takes it
    "a second document is not read": (f"{BASE}---\nfoo: 1\n", True),
    "a key twice": (f"{BASE}route: {{receiver: a}}\n", False),
    "an alias": ("route: {receiver: &n a}\nreceivers: [{name: *n}]\n", True),
    "a merged mapping": (
        "route: {receiver: a, routes: [{<<: {receiver: a}, group_wait: 5s}]}\n"
        "receivers: [{name: a}]\n", True),
    "a number as a name": ("route: {receiver: 1}\nreceivers: [{name: 1}]\n", True),
    "yes as a name": ("route: {receiver: yes}\nreceivers: [{name: 'yes'}]\n", True),
    "a null receiver": ("route: {receiver: a}\nreceivers: [{name: a}, ~]\n", True),
    "no receivers": ("route: {receiver: a}\n", False),
    "an empty global": (f"global:\n{BASE}", True),
    "a list as global": (f"global: []\n{BASE}", False),
    "a receiver's name": (
        "route: {receiver: a}\nreceivers: [{name: a, labels: {name: b}}]\n", False),
    "one matcher, not a list": (
        "route: {receiver: a, routes: [{matchers: a=b}]}\nreceivers: [{name: a}]\n", False),
    "nothing among matchers of the root": (
        "route: {receiver: a, matchers: ['']}\nreceivers: [{name: a}]\n", True),
    "a matcher at the root": (
        "route: {receiver: a, matchers: [a=b]}\nreceivers: [{name: a}]\n", False),
    "parentheses that close in the anchors": (
        "route: {receiver: a, routes: [{match_re: {a: 'a)(b'}}]}\nreceivers: [{name: a}]\n", True),
    "a label's name in UTF-8": (
        "route: {receiver: a, group_by: [ü, a.b, 'a b']}\nreceivers: [{name: a}]\n", True),
    "the same in match": (
        "route: {receiver: a, routes: [{match: {a.b: x}}]}\nreceivers: [{name: a}]\n", False),
    "group_by once more": (
        "route: {receiver: a, group_by: [a, a]}\nreceivers: [{name: a}]\n", False),
    "an interval twice over both lists": (
        f"{BASE}time_intervals: [{{name: x}}]\nmute_time_intervals: [{{name: x}}]\n", False),
    "weekdays in capitals": (
        f"{BASE}time_intervals: [{{name: x, time_intervals: [{{weekdays: ['Monday:FRIDAY']}}]}}]\n",
        True),
    "a rule of nothing": (f"{BASE}inhibit_rules: [{{}}]\n", True),
    "an empty label in equal": (f"{BASE}inhibit_rules: [{{equal: ['']}}]\n", False),
    "templates that are not there": (f"templates: ['/nonexistent/*.tmpl']\n{BASE}", True),
    "a pattern that is none": (f"templates: ['[']\n{BASE}", False),
    "tracing without an endpoint": (f"{BASE}tracing: {{}}\n", False),
    "tracing": (f"{BASE}tracing: {{endpoint: x}}\n", True),
    "an event recorder": (f"{BASE}event_recorder: {{stdout_outputs: [{{}}]}}\n", True),
    "a port that is no number": (_entry("webhook", "{url: 'http://a:b/'}"), False),
    "a port that no host has": (_entry("webhook", "{url: 'http://a:99999/'}"), True),
    "a URL with a template": (_entry("webhook", "{url: '{{ .X }}'}"), True),
    "a URL with a broken template": (_entry("webhook", "{url: 'http://x/{{ .X'}"), False),
    "a timeout of days": (_entry("webhook", "{url: 'http://x', timeout: 1d}"), False),
    "a password and a token": (
        _entry("webhook", "{url: 'http://x', http_config: {basic_auth: {}, bearer_token: x}}"),
        False),
    "no_proxy alone": (_entry("webhook", "{url: 'http://x', http_config: {no_proxy: x}}"), False),
    "a reserved header": (
        _entry("webhook", "{url: 'http://x', http_config: {http_headers: {HOST: {values: [a]}}}}"),
        False),
    "a header in two cases": (
        _entry("email", "{to: a, from: b, smarthost: 'x:25', headers: {Subject: a, subject: b}}"),
        False),
    "a thread without a length": (
        _entry("email", "{to: a, from: b, smarthost: 'x:25', threading: {enabled: true}}"), False),
    "no chat": (_entry("telegram", "{bot_token: a}"), False),
    "a chat below zero": (_entry("telegram", "{bot_token: a, chat_id: -100}"), True),
    "no key for Opsgenie": (_entry("opsgenie", "{}"), False),
    "a responder of no kind": (_entry("opsgenie", "{api_key: a, responders: [{name: x}]}"), False),
    "an incoming webhook that edits": (
        _entry("slack", "{api_url: 'http://x', update_message: true}"), False),
    "two ways into Slack": (_entry("slack", "{api_url: 'http://x', app_token: x}"), False),
    "a topic and a phone": (_entry("sns", "{topic_arn: a, phone_number: b}"), False),
    "a receiver of an unknown kind": (_entry("foo", "{}"), False),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_files_with_a_known_verdict(name: str) -> None:
    text, accepted = CASES[name]
    assert (not set(_errors(text)) - {"receiver-unsupported"}) == accepted


@pytest.mark.real
@needs_amtool
def test_the_known_verdicts_are_amtools(tmp_path: Path) -> None:
    wrong = [name for name, (text, ok) in CASES.items() if _amtool_refuses(text, tmp_path)[0] == ok]
    assert not wrong


@pytest.mark.real
@needs_amtool
def test_what_the_api_shows_is_a_file_that_amtool_reads(tmp_path: Path) -> None:
    """`amtool config routes --alertmanager.url` reads it back."""
    seen = 0
    folder = corpora.ROOT / "alertmanager-configs"
    for path in [*folder.glob("config/*.yml"), *folder.glob("doc/examples/*.yml")]:
        config, _ = load(path.read_text("utf-8"), str(path))
        if config is not None:
            refuses, why = _amtool_refuses(config.text, tmp_path)
            assert not refuses, (path, why)
            seen += 1
    if not seen:
        corpora.file("config/conf.good.yml")
        pytest.fail("no file was right")


def _sections() -> dict[str, str]:
    """The reference's YAML blocks by the type that they describe."""
    text = corpora.file("docs/configuration.md")
    found = re.findall(r"^#+ `<(\w+)_config>`\n(.*?)^```yaml\n(.*?)^```", text, re.S | re.M)
    return {kind: block for kind, _, block in found}


def _documented(block: str) -> set[str]:
    return set(re.findall(r"^\[? ?([a-z][a-z0-9_]*):", block, re.M))


def test_every_field_of_the_reference_is_known() -> None:
    blocks = _sections()
    assert len(blocks.keys() & TYPES.keys()) > 12
    for kind, block in blocks.items():
        if kind in TYPES:
            fields = TYPES[kind].fields
            known = {"send_resolved", *fields, *(f"{n}_file" for n, f in fields.items() if f.file)}
            assert not _documented(block) - known, kind


def test_every_field_of_global_in_the_reference_is_known() -> None:
    block = corpora.file("docs/configuration.md").split("```yaml\nglobal:\n", 1)[1].split("```")[0]
    named = set(re.findall(r"^  \[? ?([a-z][a-z0-9_]*):", block, re.M))
    known = {*GLOBAL_FIELDS, *(f"{n}_file" for n, f in GLOBAL_FIELDS.items() if f.file)}
    assert len(named) > 40
    assert not named - known


@pytest.mark.parametrize("kind", sorted(TYPES.keys() & installed_channels().keys()))
def test_a_channel_of_ours_has_every_field_of_alertmanagers(kind: str) -> None:
    channel: Any = installed_channels()[kind]
    assert not TYPES[kind].fields.keys() - channel.fields.keys()
    assert channel.send_resolved_default == TYPES[kind].send_resolved


def test_a_type_that_we_lack_is_refused_by_name_with_the_way_round() -> None:
    text = _entry("sns", "{topic_arn: a}")
    _, findings = load(text, "a.yml")
    assert [finding.code for finding in findings] == ["receiver-unsupported"]
    assert "sns" in findings[0].message
    assert "webhook_configs" in findings[0].help
    unknown = [kind for kind in TYPES if kind not in installed_channels()]
    assert all(TYPES[kind].instead for kind in unknown if kind in (
        "incidentio", "jira", "mattermost", "pushover", "rocketchat", "sns", "victorops", "webex",
        "wechat",
    ))  # fmt: skip


def _secret_fields(fields: Any) -> set[str]:
    found = set()
    for name, field in fields.items():
        if "secret" in field.kind and field.kind not in ("secrets", "secrets_map"):
            found.add(name)
        found |= _secret_fields(field.fields)
    return found


def test_no_shown_line_gives_a_secret_away() -> None:
    """Lines of files are shown with their findings, in logs and in public builds."""
    names = _secret_fields(GLOBAL_FIELDS).union(*(_secret_fields(t.fields) for t in TYPES.values()))
    assert {"api_url", "credentials", "key", "token_id", "url", "routing_key"} <= names
    for name in sorted(names):
        for line in (f"  {name}: https://h/hunter2", f"- {{x: y, {name}: hunter2}}"):
            shown = render([Finding("f", 1, 1, 1, "c", "m")], {"f": line})
            assert "hunter2" not in shown, line


def test_no_file_breaks_the_reader_and_what_is_shown_reads_the_same() -> None:
    seed = secrets.randbelow(1_000_000)
    rng = random.Random(seed)
    for number in range(60):
        made: Any = invented.document(rng)
        for _ in range(rng.choice((0, 1, 3))):
            invented.mutate(rng, made)
        text = invented.text(made)
        config, findings = load(text, "a.yml", base=Path("/nowhere"))
        assert (config is None) == any(one.severity == "error" for one in findings)
        if config is None:
            continue
        again, _ = load(config.text, "a.yml", base=Path("/nowhere"))
        assert again is not None, f"seed {seed}, {number}: {config.text}"
        assert again.text == config.text
        assert again.route == config.route
