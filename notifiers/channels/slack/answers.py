"""What Slack's answers mean. Its Web API says errors by name with HTTP 200, a webhook by status."""

from collections.abc import Mapping

from notifiers.notification import Drop, Retry
from notifiers.sender import classify_status, excerpt, retry_after_ms

GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed"})
"""The message cannot be edited (any more): say it in a new one."""

UNFIT = frozenset(
    {"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "invalid_attachments",
     "attachment_payload_limit_exceeded", "too_many_attachments", "msg_too_long"}
)  # fmt: skip
"""The layout is refused: plain text gets through, and a plain page is better than none."""

_AUTH = {
    "invalid_auth": "the token is wrong",
    "not_authed": "no token was sent",
    "token_revoked": "the token was revoked",
    "token_expired": "the token has expired",
    "account_inactive": "the token's user or workspace is gone",
    "missing_scope": "the bot needs the scope chat:write",
    "not_allowed_token_type": "use a bot token (xoxb-)",
    "no_permission": "the workspace does not let this bot post",
    "access_denied": "the workspace does not let this bot post",
    "ekm_access_denied": "the workspace's administrators have suspended posting",
    "org_login_required": "the workspace is being migrated or needs a login",
    "team_access_not_granted": "the app is not approved for this workspace",
    "invalid_token": "the webhook's URL is wrong or was revoked; create a new one",
    "no_active_hooks": "the webhook was disabled; create a new one",
    "no_service": "the webhook was removed; create a new one",
    "no_service_id": "the webhook's URL is incomplete",
    "no_team": "the webhook's workspace is gone",
    "action_prohibited": "the workspace does not let this webhook post here",
}

_CLIENT = {
    "channel_not_found": "no such channel, or the bot cannot see it; invite it, or use the id",
    "not_in_channel": "invite the bot to the channel",
    "is_archived": "the channel is archived; choose another",
    "channel_is_archived": "the channel is archived; choose another",
    "restricted_action": "the channel does not let this bot post",
    "posting_to_general_channel_denied": "the bot may not post to the general channel",
    "user_not_found": "no such user",
    "no_text": "the message was empty",
    "invalid_payload": "the request was not understood",
    "invalid_arguments": "the request was not understood",
}

_LATER = frozenset(
    {"fatal_error", "internal_error", "service_unavailable", "request_timeout", "rollup_error",
     "team_added_to_org", "accesslimited"}
)  # fmt: skip

_LIMITED = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded"})


def classify(status: int, headers: Mapping[str, str], error: str, now_ms: int) -> Retry | Drop:
    """Say what a refusal means. `error` is Slack's name for it, "" where it gave none."""
    if status == 429 or error in _LIMITED:
        return Retry("rateLimited", retry_after_ms(headers, now_ms), f"Slack: {error or 429}")
    if error in _AUTH:
        return Drop("authError", f"Slack: {error}: {_AUTH[error]}")
    if error in _CLIENT or error in UNFIT:
        return Drop("clientError", f"Slack: {error}: {_CLIENT.get(error, 'the layout is refused')}")
    if error in _LATER:
        return Retry("serverError", None, f"Slack: {error}")
    by_status = classify_status(status, headers, error, now_ms) if status >= 300 else None
    # An error that nobody knows may pass: trying again costs little, a lost page does not.
    return by_status or Retry("other", None, f"Slack: {excerpt(error) or 'no error given'}")
