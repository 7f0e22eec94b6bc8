"""POST /api/v1/rules/inspect: what this installation knows of the series that rules would read.

It is asked before rules are loaded (`tocsin check rules --against`) and changes nothing. Each
worker knows the series that came to it and the samples of its shards: who is asked asks all.
"""

import asyncio
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from engine.api.body import Refusal, as_json, decode_json, read_plain, require_json
from engine.api.context import Context
from engine.api.live import Asked, Inspect, Inspected, is_costly, merged
from engine.promql import Expr, PromQLError, VectorSelector, parse, type_of, walk

SELECTORS_MAX: Final = 200
EXPRESSIONS_MAX: Final = 200
BODY_BYTES_MAX: Final = 1_000_000


_question = msgspec.json.Decoder(Inspect)
_answer = msgspec.json.Decoder(Inspected)


async def inspect(request: Request, context: Context) -> Response:
    """POST /api/v1/rules/inspect; with `here` in the query, or as a hop, of this worker alone."""
    require_json(request, "selectors")
    body = await read_plain(request, BODY_BYTES_MAX)
    asked = _read(decode_json(body, _question))
    ours = await context.deps.inspect(asked)
    if "here" in request.query_params or context.proxy.is_hop(request):
        return as_json(ours)
    answers, silent = [ours], []
    peers = context.deps.peers()
    found = await asyncio.gather(
        *(context.proxy.ask(url, request, context.deps, body) for url in peers.values())
    )
    for instance, content in zip(peers, found, strict=True):
        try:
            answers.append(_answer.decode(content or b""))
        except msgspec.DecodeError:
            silent.append(instance)
    return as_json({"status": "success", "data": merged(answers, silent)})


def _read(question: Inspect) -> Asked:
    """Parse what is asked. Raises Refusal (400, 413)."""
    for number, limit, what in (
        (len(question.selectors), SELECTORS_MAX, "selectors"),
        (len(question.expressions), EXPRESSIONS_MAX, "expressions"),
    ):
        if number > limit:
            raise Refusal(413, f"{number} {what} at once, the limit is {limit}: ask several times")
    selectors = []
    for text in question.selectors:
        tree = _parsed(text)
        if not isinstance(tree, VectorSelector):
            raise Refusal(400, f'{text!r} is no selector such as up{{job="web"}}')
        selectors.append((text, tree.selector))
    return Asked(question.tenant, selectors, [(t, _vector(t)) for t in question.expressions])


def _vector(text: str) -> Expr:
    tree = _parsed(text)
    if type_of(tree) != "vector":
        raise Refusal(400, f"{text!r} gives no vector")
    return tree


def _parsed(text: str) -> Expr:
    try:
        tree = parse(text)
    except PromQLError as error:
        raise Refusal(400, f"{text!r}: {error.message}") from error
    for node in walk(tree):
        if isinstance(node, VectorSelector) and is_costly(node.selector):
            raise Refusal(400, f"{text!r}: a repeat inside a repeat may take for ever")
    return tree
