"""What a type of receiver is: its fields, and what must hold over several of them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from notifiers.fields import HTTP_CONFIG, Field, Given, Mistake, Rule

SLACK_API = "https://slack.com/api/chat.postMessage"
"""Where Slack's Web API takes messages: no secret, and what `api_url` was before `app_token`."""

TEXT = Field("template")
FLAG = Field("bool", default=False)
TIMEOUT = Field("go_duration", default=0)


@dataclass(frozen=True, slots=True)
class ReceiverType:
    """One type of `<name>_configs` as Alertmanager has it."""

    fields: Mapping[str, Field]  # without send_resolved, which all have
    send_resolved: bool  # what it is where the file does not say
    rules: tuple[Rule, ...] = ()
    instead: str = ""  # the way round, where Tocsin has no such channel


def entry(**fields: Field) -> Mapping[str, Field]:
    """Return the fields of a type that talks HTTP."""
    return {**fields, "http_config": HTTP_CONFIG}


def texts(names: str) -> Mapping[str, Field]:
    """Return a template field for each of some names."""
    return dict.fromkeys(names.split(), TEXT)


def authorized(http: Given) -> bool:
    """Say whether an http_config has an Authorization header of its own."""
    return http.stands("authorization") or http.has("bearer_token") or http.has("bearer_token_file")


def addressed(name: str, in_global: str) -> Rule:
    """Return the rule that a URL is given here, where `global:` has removed its default."""

    def rule(given: Given, global_: Given) -> Iterator[Mistake]:
        if not given.has(name) and global_.nulled(in_global):
            yield Mistake(None, "key-missing", f"there is no {name}, and {in_global} is null",
                          f"set {name}, or remove {in_global} from global")  # fmt: skip

    return rule


def either(name: str, in_global: str) -> Rule:
    """Return the rule that a field or its file is given here, or one in `global:`."""

    def rule(given: Given, global_: Given) -> Iterator[Mistake]:
        here = given.has(name) or given.has(f"{name}_file")
        if not here and not global_.has(in_global) and not global_.has(f"{in_global}_file"):
            yield Mistake(None, "key-missing", f"there is no {name}, and no {in_global} in global",
                          f"set {name} or {name}_file")  # fmt: skip

    return rule
