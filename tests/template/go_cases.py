"""What the tests of Go templates share: one alert, and how to expand for it."""

import math

from engine.template import go

LABELS = {
    "instance": "web1.example.com:9100", "job": "node", "x": "1.5", "empty": "",
    "u": "héß <b>\"'&",
}  # fmt: skip
ROWS = [({"__name__": "metric", "instance": "b"}, 21.0),
        ({"__name__": "metric", "instance": "a"}, 11.5)]  # fmt: skip


def query(text: str) -> list[tuple[dict[str, str], float]]:
    if text == "bad":
        raise go.QueryFailure("bad query")
    return [] if text == "none" else ROWS


def context(value: float = 0.1234567) -> go.AlertContext:
    return go.AlertContext(
        LABELS,
        value,
        {"region": "eu"},
        "http://testhost:9090/path/prefix",
        1_353_755_652_000,
        query,
    )


def expand(text: str, value: float = 0.1234567) -> str:
    return go.expand(text, context(value))


def error(text: str) -> go.TemplateError:
    try:
        shown = expand(text)
    except go.TemplateError as caught:
        return caught
    raise AssertionError(f"expanded to {shown!r}")


NAN = math.nan
