"""What Slack refuses in a message, by its published limits; written without a look at our channel.

Each finding is what Slack puts into `response_metadata.messages`. Sources: Slack's reference of
Block Kit and of chat.postMessage and chat.update, as of 2026; the total of a message's blocks is
not published, 13,200 characters is what people have measured.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

BLOCKS_MAX = 50
ATTACHMENTS_MAX = 100
POST_TEXT_MAX = 40_000
UPDATE_TEXT_MAX = 4_000
BLOCKS_TOTAL_MAX = 13_200

_HEADER_MAX, _SECTION_MAX, _FIELD_MAX, _ID_MAX = 150, 3_000, 2_000, 255
_FIELDS_MAX, _CONTEXT_MAX, _ACTIONS_MAX = 10, 10, 25
_BUTTON_TEXT_MAX, _VALUE_MAX, _URL_MAX = 75, 2_000, 3_000

_KEYS = {
    "header": {"text"},
    "section": {"text", "fields", "accessory", "expand"},
    "context": {"elements"},
    "actions": {"elements"},
    "divider": set(),
    "image": {"image_url", "alt_text", "title", "slack_file"},
}


class Refusal(NamedTuple):
    """Slack's name of an error and what it says about it."""

    error: str
    messages: tuple[str, ...] = ()


def refuse(body: Mapping[str, Any], text_max: int) -> Refusal | None:
    """Return why Slack would not take this message, None where it would."""
    text, blocks = body.get("text"), body.get("blocks")
    attachments = body.get("attachments")
    if not text and not blocks and not attachments:
        return Refusal("no_text")
    if isinstance(text, str) and len(text) > text_max:
        return Refusal("msg_too_long")
    if blocks is not None and (found := _refuse_blocks(blocks, "/blocks")):
        return Refusal("invalid_blocks", found)
    if attachments is not None and (refusal := _refuse_attachments(attachments)):
        return refusal
    if _total(body) > BLOCKS_TOTAL_MAX:
        return Refusal("msg_blocks_too_long")
    return None


def _refuse_blocks(blocks: object, at: str) -> tuple[str, ...]:
    if not isinstance(blocks, list):
        return (_error("must be an array", at),)
    found = []
    if len(blocks) > BLOCKS_MAX:
        found.append(_error(f"no more than {BLOCKS_MAX} items allowed", at))
    ids = [block.get("block_id") for block in blocks if isinstance(block, dict)]
    if len({one for one in ids if one}) < len([one for one in ids if one]):
        found.append(_error("block_id must be unique", at))
    for index, block in enumerate(blocks):
        found += _block(block, f"{at}/{index}")
    return tuple(found)


def _refuse_attachments(attachments: object) -> Refusal | None:
    if not isinstance(attachments, list):
        return Refusal("invalid_attachments", (_error("must be an array", "/attachments"),))
    if len(attachments) > ATTACHMENTS_MAX:
        return Refusal("too_many_attachments")
    for index, attachment in enumerate(attachments):
        at = f"/attachments/{index}"
        if not isinstance(attachment, dict):
            return Refusal("invalid_attachments", (_error("must be an object", at),))
        found = _refuse_blocks(attachment.get("blocks", []), f"{at}/blocks")
        if found:
            return Refusal("invalid_attachments", found)
    return None


def _block(block: object, at: str) -> Iterator[str]:
    if not isinstance(block, dict):
        yield _error("must be an object", at)
        return
    kind = block.get("type")
    if kind not in _KEYS:
        yield _error(f"unsupported type: {kind}", f"{at}/type")
        return
    for key in sorted(block.keys() - _KEYS[kind] - {"type", "block_id"}):
        yield _error(f"invalid additional property: {key}", at)
    if len(str(block.get("block_id", ""))) > _ID_MAX:
        yield _error(f"must be less than {_ID_MAX + 1} characters", f"{at}/block_id")
    yield from _INSIDE[kind](block, at)


def _header(block: dict[str, Any], at: str) -> Iterator[str]:
    yield from _text(block.get("text"), f"{at}/text", _HEADER_MAX, ("plain_text",))


def _section(block: dict[str, Any], at: str) -> Iterator[str]:
    if "text" not in block and "fields" not in block:
        yield _error("missing required field: text or fields", at)
    if "text" in block:
        yield from _text(block["text"], f"{at}/text", _SECTION_MAX)
    if "fields" in block:
        yield from _texts(block["fields"], f"{at}/fields", _FIELDS_MAX, _FIELD_MAX)


def _context(block: dict[str, Any], at: str) -> Iterator[str]:
    elements = block.get("elements")
    texts = [one for one in elements if not _is_image(one)] if isinstance(elements, list) else None
    if not isinstance(elements, list) or not elements:
        yield _error("must have at least 1 item", f"{at}/elements")
    elif len(elements) > _CONTEXT_MAX:
        yield _error(f"no more than {_CONTEXT_MAX} items allowed", f"{at}/elements")
    for index, text in enumerate(texts or ()):
        yield from _text(text, f"{at}/elements/{index}", _SECTION_MAX)


def _actions(block: dict[str, Any], at: str) -> Iterator[str]:
    elements = block.get("elements")
    if not isinstance(elements, list) or not elements:
        yield _error("must have at least 1 item", f"{at}/elements")
        return
    if len(elements) > _ACTIONS_MAX:
        yield _error(f"no more than {_ACTIONS_MAX} items allowed", f"{at}/elements")
    for index, one in enumerate(elements):
        if not isinstance(one, dict) or one.get("type") != "button":
            yield _error("unsupported element", f"{at}/elements/{index}")
            continue
        yield from _button(one, f"{at}/elements/{index}")


def _button(button: dict[str, Any], at: str) -> Iterator[str]:
    yield from _text(button.get("text"), f"{at}/text", _BUTTON_TEXT_MAX, ("plain_text",))
    for name, size in (("action_id", _ID_MAX), ("value", _VALUE_MAX), ("url", _URL_MAX)):
        if len(str(button.get(name, ""))) > size:
            yield _error(f"must be less than {size + 1} characters", f"{at}/{name}")


def _image(block: dict[str, Any], at: str) -> Iterator[str]:
    for name in ("alt_text", "image_url"):
        if not block.get(name):
            yield _error(f"missing required field: {name}", at)


def _nothing(_block: dict[str, Any], _at: str) -> Iterator[str]:
    return iter(())


_INSIDE = {
    "header": _header,
    "section": _section,
    "context": _context,
    "actions": _actions,
    "image": _image,
    "divider": _nothing,
}


def _texts(texts: object, at: str, count_max: int, size_max: int) -> Iterator[str]:
    if not isinstance(texts, list) or not texts:
        yield _error("must have at least 1 item", at)
        return
    if len(texts) > count_max:
        yield _error(f"no more than {count_max} items allowed", at)
    for index, text in enumerate(texts):
        yield from _text(text, f"{at}/{index}", size_max)


def _text(
    text: object, at: str, size_max: int, kinds: tuple[str, ...] = ("mrkdwn", "plain_text")
) -> Iterator[str]:
    if not isinstance(text, dict) or text.get("type") not in kinds:
        yield _error(f"must be a text object of type {' or '.join(kinds)}", at)
        return
    content = text.get("text")
    if not isinstance(content, str) or not content:
        yield _error("must be more than 0 characters", f"{at}/text")
    elif len(content) > size_max:
        yield _error(f"must be less than {size_max + 1} characters", f"{at}/text")
    for key in sorted(text.keys() - {"type", "text", "emoji", "verbatim"}):
        yield _error(f"invalid additional property: {key}", at)


def _is_image(element: object) -> bool:
    return isinstance(element, dict) and element.get("type") == "image"


def _total(body: Mapping[str, Any]) -> int:
    """Count the characters of all texts in blocks, those of attachments too."""
    left: list[object] = [body.get("blocks"), body.get("attachments")]
    total = 0
    while left:
        one = left.pop()
        if isinstance(one, dict):
            left += [value for key, value in one.items() if key != "fallback"]
        elif isinstance(one, list):
            left += one
        elif isinstance(one, str):
            total += len(one)
    return total


def _error(text: str, at: str) -> str:
    return f"[ERROR] {text} [json-pointer:{at}]"
