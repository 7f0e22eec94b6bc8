"""Records by HTTP: NDJSON and Prometheus remote write 1.0.

**Invariant:** a 2xx is sent only after the append was acknowledged, so a sender that retries
everything else loses nothing. What can never succeed is a 4xx, what may is a 503.
"""

import asyncio
from collections.abc import Iterator, Sequence

from starlette.requests import Request
from starlette.responses import Response

from engine.api.body import Refusal, as_json, read_body, read_plain
from engine.api.context import Context
from engine.api.deps import Endpoint, Ingested
from engine.api.settle import append
from engine.api.views import Rejected
from engine.metrics import counter
from engine.owner import Output

REJECTS_SHOWN_MAX = 100
_PIECE_BYTES = 1_000_000  # decoded at once; the loop serves others in between
_SNAPPY_RATIO_MAX = 1_000  # snappy cannot compress better than about 21
TAKEN = counter("tocsin_http_records_total", "Records that came by HTTP.", ["endpoint", "outcome"])


async def post_metrics(request: Request, context: Context) -> Response:
    """POST /api/v1/ingest/metrics."""
    return await _post_lines(request, context, "metrics")


async def post_logs(request: Request, context: Context) -> Response:
    """POST /api/v1/ingest/logs."""
    return await _post_lines(request, context, "logs")


async def post_write(request: Request, context: Context) -> Response:
    """POST /api/v1/write: Prometheus remote write 1.0.

    Source: Prometheus Remote-Write 1.0 specification (headers, retry on 5xx, never on 4xx).
    """
    _check_write_headers(request)
    limit_bytes = context.deps.settings.limits.request_bytes_max
    body = await read_body(request, limit_bytes)
    _check_snappy_size(body, limit_bytes)
    taken = context.deps.ingest("write", body, context.deps.now_ms())
    await _append(context, "write", taken.outputs, taken.accepted, len(taken.rejects))
    if not taken.rejects:
        return Response(status_code=204)
    # The sender drops the request on a 400 and counts it as failed: nothing of it would get in
    # by sending it again, and what was valid has been taken.
    first = taken.rejects[0]
    raise Refusal(
        400, f"{taken.accepted} samples taken, {len(taken.rejects)} rejected, "
        f"the first: {first.reason}: {first.text}"
    )  # fmt: skip


async def _post_lines(request: Request, context: Context, endpoint: Endpoint) -> Response:
    _check_lines_headers(request)
    body = await read_plain(request, context.deps.settings.limits.request_bytes_max)
    if not body.strip():
        raise Refusal(400, "the body is empty: send one JSON object a line")
    stamp_ms = context.deps.now_ms()
    outputs: list[Output] = []
    rejects: list[Rejected] = []
    accepted = 0
    for lines_before, piece in _pieces(body):
        taken: Ingested = context.deps.ingest(endpoint, piece, stamp_ms)
        outputs.extend(taken.outputs)
        accepted += taken.accepted
        rejects.extend(
            Rejected(reject.line + lines_before, reject.reason, reject.text)
            for reject in taken.rejects
        )
        await asyncio.sleep(0)
    await _append(context, endpoint, outputs, accepted, len(rejects))
    result = {"accepted": accepted, "rejected": rejects[:REJECTS_SHOWN_MAX]}
    if len(rejects) > REJECTS_SHOWN_MAX:
        result["rejected_total"] = len(rejects)
    return as_json(result, 200 if accepted or not rejects else 400)


async def _append(
    context: Context, endpoint: Endpoint, outputs: Sequence[Output],
    accepted: int, rejected: int,
) -> None:  # fmt: skip
    if outputs:
        await append(context.deps, outputs)
    TAKEN.labels(endpoint, "accepted").inc(accepted)
    TAKEN.labels(endpoint, "rejected").inc(rejected)


def _pieces(body: bytes) -> Iterator[tuple[int, bytes]]:
    """Cut a body between lines into pieces that are decoded without a pause."""
    start = lines = 0
    while start < len(body):
        end = len(body)
        if end - start > _PIECE_BYTES:
            cut = body.rfind(b"\n", start, start + _PIECE_BYTES)
            if cut < 0:
                cut = body.find(b"\n", start + _PIECE_BYTES)
            end = cut + 1 if cut >= 0 else end
        piece = body[start:end]
        yield lines, piece
        lines += piece.count(b"\n")
        start = end


def _check_lines_headers(request: Request) -> None:
    """Refuse forms: a web page can send those across sites without being asked."""
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind in ("multipart/form-data", "application/x-protobuf"):
        raise Refusal(415, f"{kind} is not read here: send application/x-ndjson")


def _check_write_headers(request: Request) -> None:
    kind = request.headers.get("content-type", "").lower()
    message = [part.strip() for part in kind.split(";")]
    if message[0] != "application/x-protobuf":
        raise Refusal(415, f"Content-Type {kind!r}: remote write 1.0 is application/x-protobuf")
    for parameter in message[1:]:
        name, _, value = parameter.partition("=")
        if name.strip() == "proto" and value.strip(' "') != "prometheus.writerequest":
            raise Refusal(
                415, f"{value} is remote write 2.0; set protobuf_message: "
                "prometheus.WriteRequest (1.0) in Prometheus' remote_write"
            )  # fmt: skip
    encoding = request.headers.get("content-encoding", "").strip().lower()
    if encoding != "snappy":
        raise Refusal(415, f"Content-Encoding {encoding!r}: remote write is snappy")
    version = request.headers.get("x-prometheus-remote-write-version", "0.1.0")
    if not version.startswith(("0.1.", "1.")):
        raise Refusal(415, f"X-Prometheus-Remote-Write-Version {version!r}: this reads 0.1.0")


def _check_snappy_size(body: bytes, limit_bytes: int) -> None:
    """Read the length that a snappy block announces before anything is allocated for it."""
    size = shift = 0
    for byte in body[:5]:
        size |= (byte & 0x7F) << shift
        if byte < 0x80:
            break
        shift += 7
    else:
        raise Refusal(400, "the body is not snappy")
    if size > limit_bytes:
        raise Refusal(
            413, f"the body unpacks to {size} bytes (limit: {limit_bytes}): lower "
            "queue_config.max_samples_per_send or raise limits.request_bytes_max"
        )  # fmt: skip
    if size > _SNAPPY_RATIO_MAX * max(len(body), 1):
        raise Refusal(400, "the body is not snappy: it announces more than it can hold")
