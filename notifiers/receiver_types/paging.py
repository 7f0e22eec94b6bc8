"""Receivers that page somebody or keep a ticket, and webhooks, as Alertmanager 0.34 has them."""

from collections.abc import Iterator

from notifiers.fields import Field, Given, Mistake, at_least_one
from notifiers.receiver_types.shape import (
    FLAG,
    TEXT,
    TIMEOUT,
    ReceiverType,
    addressed,
    authorized,
    either,
    entry,
    texts,
)

WEBHOOK = ReceiverType(
    entry(
        url=Field("secret_template_url", required=True),
        max_alerts=Field("int", default=0),
        timeout=TIMEOUT,
        payload=Field("json_template"),
    ),
    send_resolved=True,
)

PAGERDUTY = ReceiverType(
    entry(
        service_key=Field("secret_template"),
        routing_key=Field("secret_template"),
        url=Field("url"),
        **texts("client client_url description source severity class component group"),
        details=Field("json_template_map"),
        images=Field("maps", fields=texts("src alt href")),
        links=Field("maps", fields=texts("href text")),
        timeout=TIMEOUT,
    ),
    send_resolved=True,
    rules=(
        at_least_one("routing_key", "routing_key_file", "service_key", "service_key_file"),
        addressed("url", "pagerduty_url"),
    ),
)


def _responder(given: Given, global_: Given) -> Iterator[Mistake]:
    del global_
    kind = given.text("type")
    if "{{" not in kind and kind.lower() not in ("team", "teams", "user", "escalation", "schedule"):
        yield Mistake("type", "value-choice", f"no responder is a {kind!r}",
                      "use team, teams, user, escalation or schedule")  # fmt: skip


OPSGENIE = ReceiverType(
    entry(
        api_key=Field("secret_template"),
        api_url=Field("url"),
        **texts("message description source entity actions tags note priority"),
        details=Field("template_map"),
        responders=Field(
            "maps",
            fields=texts("id name username type"),
            rules=(at_least_one("id", "name", "username"), _responder),
        ),
        update_alerts=FLAG,
    ),
    send_resolved=True,
    rules=(either("api_key", "opsgenie_api_key"), addressed("api_url", "opsgenie_api_url")),
)

_RESERVED = frozenset({
    "routing_key", "message_type", "state_message", "entity_display_name", "monitoring_tool",
    "entity_id", "entity_state",
})  # fmt: skip


def _custom_fields(given: Given, global_: Given) -> Iterator[Mistake]:
    del global_
    for name in given.names("custom_fields"):
        if name in _RESERVED:
            yield Mistake("custom_fields", "fields-conflict", f"{name} is a field of its own",
                          "remove it from custom_fields")  # fmt: skip


VICTOROPS = ReceiverType(
    entry(
        api_key=Field("secret"),
        api_url=Field("url"),
        routing_key=Field("template", required=True),
        **texts("message_type state_message entity_display_name monitoring_tool"),
        custom_fields=Field("template_map"),
    ),
    send_resolved=True,
    rules=(
        either("api_key", "victorops_api_key"),
        _custom_fields,
        addressed("api_url", "victorops_api_url"),
    ),
    instead="webhook_configs to the generic REST endpoint's URL with payload (message_type, …)",
)


def _incidentio_token(given: Given, global_: Given) -> Iterator[Mistake]:
    del global_
    token = given.has("alert_source_token") or given.has("alert_source_token_file")
    http = given.part("http_config")
    if token and authorized(http):
        yield Mistake("http_config", "http-auth", "an alert_source_token and an authorization",
                      "keep one of them")  # fmt: skip
    if not token and given.stands("http_config") and not authorized(http):
        yield Mistake(None, "key-missing", "there is no alert_source_token and no authorization",
                      "set alert_source_token_file")  # fmt: skip


INCIDENTIO = ReceiverType(
    entry(
        url=Field("url", required=True, has_file=True),
        alert_source_token=Field("secret"),
        max_alerts=Field("int", default=0),
        timeout=TIMEOUT,
    ),
    send_resolved=True,
    rules=(_incidentio_token,),
    instead="webhook_configs to an alert source for Alertmanager, with http_config.authorization",
)


def _jira(given: Given, global_: Given) -> Iterator[Mistake]:
    if given.stands("api_type") and given.text("api_type") not in ("auto", "cloud", "datacenter"):
        yield Mistake("api_type", "value-choice", "there is no such api_type",
                      "use auto, cloud or datacenter")  # fmt: skip
    if not given.has("api_url") and not global_.has("jira_api_url"):
        yield Mistake(None, "key-missing", "there is no api_url, and no jira_api_url in global",
                      "set api_url")  # fmt: skip


_JIRA_TEXT = Field("map", fields={"template": TEXT, "enable_update": Field("bool")}, or_text=True)

JIRA = ReceiverType(
    entry(
        api_url=Field("url"),
        api_type=Field(),
        project=Field("template", required=True),
        summary=_JIRA_TEXT,
        description=_JIRA_TEXT,
        labels=Field("templates"),
        priority=TEXT,
        issue_type=Field("template", required=True),
        **texts("reopen_transition resolve_transition wont_fix_resolution"),
        reopen_duration=Field("duration"),
        fields=Field("json_template_map"),
    ),
    send_resolved=True,
    rules=(_jira,),
    instead="webhook_configs to the incoming webhook of a rule of Jira Automation",
)


def _sigv4(given: Given, global_: Given) -> Iterator[Mistake]:
    del global_
    if given.has("access_key") != given.has("secret_key"):
        yield Mistake(None, "key-missing", "access_key and secret_key go together", "set both")
    if given.has("external_id") and not given.has("role_arn"):
        yield Mistake("external_id", "key-missing", "external_id without role_arn", "set role_arn")


def _sns_target(given: Given, global_: Given) -> Iterator[Mistake]:
    del global_
    names = ("topic_arn", "target_arn", "phone_number")
    # One or all three, as Alertmanager 0.34 has it.
    if sum(given.has(name) for name in names) not in (1, 3):
        yield Mistake(None, "key-missing", "it needs one of topic_arn, target_arn and phone_number",
                      "set one of them")  # fmt: skip


SNS = ReceiverType(
    entry(
        **texts("api_url topic_arn target_arn phone_number subject message"),
        sigv4=Field(
            "map",
            fields={
                **{
                    name: Field()
                    for name in (
                        "region", "access_key", "profile", "role_arn", "external_id",
                        "service_name",
                    )
                },
                "secret_key": Field("secret", has_file=False),
                "use_fips_sts_endpoint": FLAG,
            },
            rules=(_sigv4,),
        ),
        attributes=Field("template_map"),
        use_aws_http_client=FLAG,
    ),
    send_resolved=True,
    rules=(_sns_target,),
    instead="webhook_configs to a function URL of AWS Lambda that publishes to the topic",
)  # fmt: skip
