"""What became of notifications: GET /api/v1/deliveries, and sending again what was given up."""

import asyncio
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from engine.alerts import RetryDelivery
from engine.api import audit
from engine.api.auth import caller
from engine.api.body import Refusal, as_json, decode_json, read_plain, require_json
from engine.api.context import Context
from engine.api.sending import DestinationView, FailureView, LetterView
from engine.api.settle import append_entries
from engine.api.timestamp import to_text as format_time

IDS_MAX: Final = 1_000
BODY_BYTES_MAX: Final = 65_536

_SAID: Final = {
    "retried": "its group is asked again, now",
    "on its way": "it is being sent already",
    "over": "there is nothing to tell any more: ended, silenced, or told since",
    "unknown": "there is no such dead letter",
}


class RetryRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which dead letters are to be sent again."""

    ids: list[str] = []
    all: bool = False


_decoder = msgspec.json.Decoder(RetryRequest)


async def list_deliveries(request: Request, context: Context) -> Response:
    """GET /api/v1/deliveries."""
    del request
    found = context.view().deliveries()
    data = {
        "deadLetters": [_letter(each) for each in found.letters],
        "destinations": [_destination(each) for each in found.destinations],
        "failures": [_failure(each) for each in found.failures],
        "inFlight": found.in_flight,
    }
    return as_json({"status": "success", "data": data})


async def retry_deliveries(request: Request, context: Context) -> Response:
    """POST /api/v1/deliveries/retry: each group is asked anew what there is to tell.

    Nothing is sent because it once was decided: what is over is not sent, and its letter goes.
    """
    require_json(request, "retry")
    body = await read_plain(request, BODY_BYTES_MAX)
    wanted = decode_json(body, _decoder)
    if wanted.all == bool(wanted.ids):
        raise Refusal(400, 'say which: {"ids": ["…"]} or {"all": true}')
    if len(wanted.ids) > IDS_MAX:
        raise Refusal(400, f"at most {IDS_MAX} ids at once")
    if context.deps.notifier() is None:
        return await context.proxy.forward(request, context.deps, body)
    view, now_ms = context.view(), context.deps.now_ms()
    letters = view.deliveries().letters
    ids = [each.id for each in letters] if wanted.all else list(dict.fromkeys(wanted.ids))
    outcomes: dict[str, str] = {}
    for letter_id in ids:
        outlook = view.outlook(letter_id, now_ms)
        outcomes[letter_id] = "unknown" if outlook is None else _outcome(outlook)
        await asyncio.sleep(0)  # each may look at thousands of alerts
    tenant = context.deps.settings.tenant
    records = [
        RetryDelivery(
            tenant=tenant, letter_id=letter_id, at_ms=now_ms, by=caller(request),
            over=outcome == "over",
        )
        for letter_id, outcome in outcomes.items()
        if outcome in ("retried", "over")
    ]  # fmt: skip
    view.hurry()  # who asks has mended something: what is left alone is probed at once
    await append_entries(request, context.deps, context.proxy, records)
    audit.note(request, letters=len(records))
    said = [
        {"id": letter_id, "outcome": outcome, "text": _SAID[outcome]}
        for letter_id, outcome in outcomes.items()
    ]
    return as_json({"status": "success", "data": {"deliveries": said}})


def _outcome(outlook: str) -> str:
    return "retried" if outlook == "waiting" else outlook


def _letter(letter: LetterView) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": letter.id,
        "receiver": letter.receiver,
        "integration": letter.integration,
        "groupKey": letter.group_key,
        "firstAt": format_time(letter.first_ms),
        "lastAt": format_time(letter.last_ms),
        "times": letter.times,
        "reason": letter.reason,
        "text": letter.text,
        "firing": letter.firing,
        "resolved": letter.resolved,
        "state": letter.state,
    }
    if letter.next_ms:
        shown["nextAt"] = format_time(letter.next_ms)
    return shown


def _destination(each: DestinationView) -> dict[str, Any]:
    return {
        "destination": each.destination,
        "breaker": each.breaker,
        "failures": each.failures,
        "queued": each.queued,
        "waitSeconds": each.wait_ms / 1_000,
        "lastError": each.last_error,
    }


def _failure(each: FailureView) -> dict[str, Any]:
    return {
        "at": format_time(each.at_ms),
        "receiver": each.receiver,
        "integration": each.integration,
        "reason": each.reason,
        "text": each.text,
        "final": each.final,
    }
