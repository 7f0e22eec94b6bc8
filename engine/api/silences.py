"""Silences in Alertmanager's v2 form: create, update, expire, list."""

import json
import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from engine.alerts import SilenceMatcher, SilenceRecord
from engine.api import audit, timestamp
from engine.api.body import Refusal, as_json, decode_json, read_plain, require_json, warning
from engine.api.context import Context
from engine.api.labels import label_name_problem, label_value_problem
from engine.api.listing import answer, flag, matchers
from engine.api.matcher_text import MATCHERS_MAX
from engine.api.settle import append_entries
from engine.api.views import SilenceView
from engine.api.wire import silence_json, silence_state
from engine.series import Matcher, breadth, compiled, names_nothing


class PostableSilence(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """`postableSilence`."""

    id: str | None = None
    matchers: list["PostableMatcher"]
    starts_at: str
    ends_at: str
    created_by: str
    comment: str
    annotations: dict[str, str | None] | None = None


class PostableMatcher(msgspec.Struct, frozen=True, rename="camel"):
    """`matcher` as it is posted."""

    name: str
    value: str
    is_regex: bool
    is_equal: bool | None = None


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A posted silence whose form is right."""

    matchers: tuple[SilenceMatcher, ...]
    starts_at_ms: int
    ends_at_ms: int


_decoder = msgspec.json.Decoder(PostableSilence)


async def list_silences(request: Request, context: Context) -> Response:
    """GET /api/v2/silences."""
    selector = matchers(request, context)
    states = {name for name in ("active", "pending", "expired") if flag(request, name)}
    now_ms = context.deps.now_ms()
    found = [
        view
        for view in context.view().silences()
        if silence_state(view, now_ms) in states and _matches_filter(view, selector)
    ]
    found.sort(key=lambda view: _order(view, now_ms))
    return answer(request, [silence_json(view, now_ms) for view in found])


async def get_silence(request: Request, context: Context) -> Response:
    """GET /api/v2/silence/{id}."""
    return as_json(silence_json(_known(request, context), context.deps.now_ms()))


async def expire_silence(request: Request, context: Context) -> Response:
    """DELETE /api/v2/silence/{id}; expiring an expired one is no error."""
    view = _known(request, context)
    audit.note(request, silence=view.id)
    now_ms = context.deps.now_ms()
    _refuse_if_in_file(view, now_ms)
    if silence_state(view, now_ms) != "expired":
        record = _expired(context, view, now_ms)
        await append_entries(request, context.deps, context.proxy, [record])
    return Response(status_code=200)


async def post_silence(request: Request, context: Context) -> Response:
    """POST /api/v2/silences: a new one, or with `id` a change of a known one."""
    require_json(request, "silence")
    limits = context.deps.settings.limits
    body = await read_plain(request, limits.silence_bytes_max, "silence_bytes_max")
    posted = decode_json(body, _decoder)
    if posted.id and context.deps.notifier() is None:
        # What the change means depends on the silence as it is: only the owner knows that.
        return await context.proxy.forward(request, context.deps, body)
    now_ms = context.deps.now_ms()
    wanted = _validated(posted, context, now_ms)
    records = _records(posted, wanted, context, now_ms)
    applied = await append_entries(request, context.deps, context.proxy, records)
    audit.note(
        request, silence=records[-1].id, created_by=posted.created_by,
        matchers=len(wanted.matchers),
    )  # fmt: skip
    warnings = [] if applied else ["accepted, not yet applied"]
    if what := breadth(tuple(matcher.as_matcher() for matcher in wanted.matchers)):
        warnings.append(f"this silence mutes {what}")
    headers = {"Warning": warning(warnings)} if warnings else {}
    return as_json({"silenceID": records[-1].id}, headers=headers)


def _records(
    posted: PostableSilence, wanted: _Wanted, context: Context, now_ms: int
) -> list[SilenceRecord]:
    """Decide between a change in place, a successor, and a new silence (Alertmanager's rules)."""
    view = context.deps.notifier()
    previous = view.silence(posted.id) if view is not None and posted.id else None
    if posted.id and previous is None:
        raise Refusal(404, "silence not found")
    if previous is not None:
        _refuse_if_in_file(previous, now_ms)
    if previous is not None and _can_update(previous, wanted, now_ms):
        return [_record(posted, wanted, context, previous.id, wanted.starts_at_ms, now_ms)]
    if view is not None and len(view.silences()) >= context.deps.settings.limits.silences_max:
        raise Refusal(
            400, f"exceeded maximum number of silences: {len(view.silences())} "
            f"(limit: {context.deps.settings.limits.silences_max})"
        )  # fmt: skip
    starts_at_ms = max(wanted.starts_at_ms, now_ms)
    made = _record(posted, wanted, context, str(uuid.uuid4()), starts_at_ms, now_ms)
    if previous is None or silence_state(previous, now_ms) == "expired":
        return [made]
    return [_expired(context, previous, now_ms), made]


def _refuse_if_in_file(view: SilenceView, now_ms: int) -> None:
    """Refuse (409) to change what a file says: its next reload would undo it."""
    if view.origin and silence_state(view, now_ms) != "expired":
        where = view.origin.removeprefix("file:")
        raise Refusal(409, f"this silence is kept in the file {where}: change it there")


def _can_update(previous: SilenceView, wanted: _Wanted, now_ms: int) -> bool:
    if previous.matchers != wanted.matchers:
        return False
    match silence_state(previous, now_ms):
        case "active":
            same_start = previous.starts_at_ms // 1_000 == wanted.starts_at_ms // 1_000
            return same_start and wanted.ends_at_ms >= now_ms
        case "pending":
            return wanted.starts_at_ms >= now_ms
        case "expired":
            return False


def _record(
    posted: PostableSilence, wanted: _Wanted, context: Context, silence_id: str,
    starts_at_ms: int, now_ms: int,
) -> SilenceRecord:  # fmt: skip
    return SilenceRecord(
        tenant=context.deps.settings.tenant,
        id=silence_id,
        matchers=list(wanted.matchers),
        starts_at_ms=starts_at_ms,
        ends_at_ms=wanted.ends_at_ms,
        created_by=posted.created_by,
        comment=posted.comment,
        updated_at_ms=now_ms,
        annotations={name: value or "" for name, value in (posted.annotations or {}).items()},
    )


def _expired(context: Context, view: SilenceView, now_ms: int) -> SilenceRecord:
    """Return the silence ended now; one that has not begun begins and ends now."""
    return SilenceRecord(
        tenant=context.deps.settings.tenant,
        id=view.id,
        matchers=list(view.matchers),
        starts_at_ms=min(view.starts_at_ms, now_ms),
        ends_at_ms=now_ms,
        created_by=view.created_by,
        comment=view.comment,
        updated_at_ms=now_ms,
        annotations=dict(view.annotations),
    )


def _validated(posted: PostableSilence, context: Context, now_ms: int) -> _Wanted:
    try:
        starts_at_ms = timestamp.parse(posted.starts_at)
        ends_at_ms = timestamp.parse(posted.ends_at)
    except ValueError as error:
        raise Refusal(400, f"bad request body: {error}") from error
    if starts_at_ms >= ends_at_ms:
        raise Refusal(400, "Failed to create silence: start time must be before end time")
    if ends_at_ms < now_ms:
        raise Refusal(400, "Failed to create silence: end time can't be in the past")
    wanted = checked_matchers(posted.matchers, context)
    return _Wanted(wanted, starts_at_ms or now_ms, ends_at_ms)


def checked_matchers(
    posted: Sequence[PostableMatcher], context: Context
) -> tuple[SilenceMatcher, ...]:
    """Return posted matchers as the log has them. Raises Refusal (400)."""
    wanted = tuple(
        SilenceMatcher(m.name, m.value, m.is_regex, True if m.is_equal is None else m.is_equal)
        for m in posted
    )
    problem = _matchers_problem(wanted, context)
    if problem:
        raise Refusal(400, f"invalid silence: {problem}")
    return wanted


def _matchers_problem(wanted: Sequence[SilenceMatcher], context: Context) -> str:
    if not wanted:
        return "at least one matcher required"
    if len(wanted) > MATCHERS_MAX:
        return f"too many matchers: {len(wanted)} (limit: {MATCHERS_MAX})"
    for index, matcher in enumerate(wanted):
        problem = label_name_problem(matcher.name, context.deps.settings)
        problem = problem or _pattern_problem(matcher, context)
        if problem:
            return f"invalid label matcher {index} in set 0: {problem}"
    if names_nothing(tuple(matcher.as_matcher() for matcher in wanted)):
        return "matcher set 0: at least one matcher must not match the empty string"
    return ""


def _pattern_problem(matcher: SilenceMatcher, context: Context) -> str:
    problem = label_value_problem(matcher.value, context.deps.settings)
    if problem or not matcher.is_regex:
        return problem
    try:
        compiled(matcher.value)
    except (re.error, OverflowError, RecursionError) as error:
        return f"invalid regular expression {json.dumps(matcher.value)}: {error}"
    return ""


def _known(request: Request, context: Context) -> SilenceView:
    view = context.view().silence(request.path_params["silence_id"])
    if view is None:
        raise Refusal(404, "")  # without a body, as in Alertmanager's OpenAPI file
    return view


def _matches_filter(view: SilenceView, selector: Sequence[Matcher]) -> bool:
    """A filter finds silences that contain equal matchers, not those that it would select."""
    have = {matcher.as_matcher() for matcher in view.matchers}
    return all(matcher in have for matcher in selector)


def _order(view: SilenceView, now_ms: int) -> tuple[int, int, str]:
    """Active by their end, pending by their start, expired by their end, newest first."""
    match silence_state(view, now_ms):
        case "active":
            return (1, view.ends_at_ms, view.id)
        case "pending":
            return (2, view.starts_at_ms, view.id)
        case "expired":
            return (3, -view.ends_at_ms, view.id)
