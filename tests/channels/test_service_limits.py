"""Whatever an alert carries, each service takes it: no length and no character loses a page."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from notifiers.channels.discord import embed
from notifiers.channels.msteams import card
from notifiers.channels.outline import outline
from notifiers.channels.texts import Texts, cut_units, units
from notifiers.message import is_link
from tests.channels import samples, standins
from tests.channels.configured import KINDS, build
from tests.channels.serving import Clock
from tests.channels.standins.service import Hit, utf16
from tests.channels.standins.telegram import visible

_HOSTILE = st.sampled_from(
    ["@everyone", "<@&1>", "```", "</b>", "&lt;", "*_~|`", "[a](http://x)", "é", "😀", "\u202e",
     "\\", "\x00", "\n", "{{ .x }}", "<script>", "…", '"', "http://a.example/_x_", "]]>", "# "]
)  # fmt: skip
TEXT = st.lists(
    st.one_of(_HOSTILE, st.text(max_size=20), st.builds(lambda t: t * 300, _HOSTILE)), max_size=6
).map("".join)
LABELS = st.dictionaries(st.from_regex(r"[a-z_]{1,12}", fullmatch=True), TEXT, max_size=5)


@st.composite
def notifications(draw):
    count = draw(st.sampled_from([1, 1, 2, 3, 12]))
    told = []
    for index in range(count):
        labels = {"alertname": "X", **draw(LABELS), "n": str(index)}
        level = draw(st.sampled_from(["", "critical", "warning", "info", "odd"]))
        told.append(
            samples.alert(
                status=draw(st.sampled_from(["firing", "resolved"])),
                labels={**labels, **({"severity": level} if level else {})},
                annotations=draw(LABELS) | {"summary": draw(TEXT), "description": draw(TEXT)},
                level=level,
                lines=tuple(draw(st.lists(TEXT, max_size=3))),
                episode=f"{index:016x}",
                starts_at_ms=draw(st.integers(0, 4_000_000_000_000)),
                generator_url=draw(
                    st.sampled_from(["", "javascript:x", "https://p/?" + "a" * 900])
                ),
            )
        )
    return samples.notification(
        *told,
        possibly_repeated=draw(st.booleans()),
        redis_degraded=draw(st.booleans()),
        group_labels={"alertname": "X"},
    )


@pytest.fixture(scope="module")
def channels(tmp_path_factory):
    return {kind: build(kind, tmp_path_factory.mktemp(kind)) for kind in KINDS}


def hits(kind, made, notification):
    found = made.render(notification, notification.now_ms)
    if kind == "pagerduty":
        return [("POST", "/v2/enqueue", found)]
    if kind.startswith("msteams"):
        return [("POST", "/workflows/1", found)]
    if kind == "discord":
        return [(one.method, "/api/webhooks/1/t", one.body) for one in found]
    if kind == "telegram":
        return [("POST", f"/bot1:a/{one.method}", one.body) for one in found]
    return [(one.method, f"/{one.path.partition('?')[0]}", one.body) for one in found]


def service(kind):
    services = {
        "pagerduty": standins.PagerDuty, "discord": standins.Discord,
        "telegram": standins.Telegram, "msteams": standins.Teams, "msteamsv2": standins.Teams,
    }  # fmt: skip
    return services.get(kind, standins.Opsgenie)(Clock(0))


def huge(index=0, **changes):
    """Return one alert that is too long in every place."""
    long = "_ü😀" * 900
    return samples.alert(
        labels={"alertname": "X", "n": str(index), **{f"l{i:02d}": long for i in range(40)}},
        annotations={
            "summary": long,
            "description": long,
            "runbook_url": "https://r.example/" + "_" * 1_900,
            "dashboard_url": "https://d.example/(x)?" + "&" * 400,
        },
        values={f"column_{i}_{long[:30]}": i / 7 for i in range(40)},
        evidence=(),
        lines=(long, long, long),
        rule_file=long,
        episode=f"{index:016x}",
        level="critical",
        **changes,
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("count", [1, 12, 120])
@pytest.mark.parametrize("status", ["firing", "resolved"])
def test_the_longest_there_is_is_taken(channels, kind, count, status):
    told = [huge(index, status=status) for index in range(count)]
    notification = samples.notification(*told, possibly_repeated=True, redis_degraded=True)
    _taken(kind, channels[kind], notification)


def _taken(kind, made, notification):
    far = service(kind)
    for method, path, body in hits(kind, made, notification):
        raw = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
        headers = {"authorization": "GenieKey k"}
        answer = far.judge(Hit(0, method, path, {"identifierType": "alias"}, headers, raw))
        assert answer.status_code < 300, (kind, answer.body)


@given(notification=notifications())
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_it_is_taken(channels, notification):
    for kind in KINDS:
        _taken(kind, channels[kind], notification)


@given(notification=notifications())
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_an_alert_carries_is_no_markup(notification):
    read = outline(notification, notification.now_ms)
    texts = Texts({}, notification, notification.now_ms)
    message = card.render(texts, read)
    kinds = {block["type"] for block in message["attachments"][0]["content"]["body"]}
    assert kinds == {"RichTextBlock"}  # whose text runs know no markup
    assert embed.render(texts, read)["allowed_mentions"] == {"parse": []}


@given(TEXT)
@settings(max_examples=200, deadline=None)
def test_an_escaped_text_reads_as_it_was(text):
    """Taking every backslash before a sign away gives the text back: nothing was lost or left."""
    shown = embed.escape(text)
    signs = "\\*_~`|<>[]#-"
    read, index = [], 0
    while index < len(shown):
        if shown[index] == "\\" and shown[index + 1 : index + 2] in tuple(signs):
            index += 1
        read.append(shown[index])
        index += 1
    plain = "".join(read)
    assert plain == text or "http" in text


@given(st.text(max_size=50), st.integers(2, 40))
@settings(max_examples=200, deadline=None)
def test_a_cut_text_is_short_enough_and_a_beginning(text, units_max):
    cut = cut_units(text, units_max)
    assert units(cut) == utf16(cut) <= units_max
    assert cut == text or (cut.endswith("…") and text.startswith(cut[:-1]))


def test_telegram_shows_the_links_and_the_footer_however_long_the_rest_is(channels):
    notification = samples.over_every_limit()
    [request] = channels["telegram"].render(notification, notification.now_ms)
    shown = visible(request.body)
    assert "All alerts" in shown
    assert "decided" in shown
    assert "You may have seen this already" in shown


def test_only_web_addresses_become_links(channels):
    hostile = samples.alert(annotations={"summary": "s", "runbook_url": "javascript:alert(1)"})
    notification = samples.notification(hostile)
    for kind in KINDS:
        for _, _, body in hits(kind, channels[kind], notification):
            links = json.dumps(
                [body.get("links"), body.get("attachments"), body.get("embeds"), body.get("text")]
            )
            assert "javascript:" not in links
    assert not is_link("javascript:alert(1)")
