"""Read `window:` into widths and steps."""

from engine.document import MapNode, Node, Reader, ScalarNode, format_duration, parse_duration
from engine.limits import Limits
from engine.rules.model import Window

_STEP_MS_MIN = 100
_STEPS_BY_DEFAULT = 12
_LATER = {
    "session": "session windows are not supported yet",
    "count": "count windows are not supported yet",
}
_EXAMPLE = "write window: {tumbling: 1m} or window: {sliding: 1m, every: 5s}"


def read_window(
    node: Node | None, reader: Reader, limits: Limits, interval_ms: int | None
) -> Window | None:
    """Return the window, or None after findings. `interval_ms`: the group's, default of `every`."""
    if not isinstance(node, MapNode):
        if isinstance(node, ScalarNode) and parse_duration(node.text):
            help_text = f"write {{tumbling: {node.text}}} or {{sliding: {node.text}, every: 5s}}"
            reader.add(node, "window", "a window says how it moves", help_text)
        elif node is not None:
            reader.add(node, "window", "this is no window", _EXAMPLE)
        return None
    reader.keys(node, "window", ("tumbling", "sliding", "every"), _LATER)
    if any(name in node for name in _LATER):
        return None
    kinds = [name for name in ("tumbling", "sliding") if name in node]
    if len(kinds) != 1:
        what = "both tumbling and sliding" if kinds else "neither tumbling nor sliding"
        reader.add(node, "window", f"this window is {what}", _EXAMPLE)
        return None
    width_node = node.get(kinds[0])
    width_ms = reader.duration(width_node, kinds[0], _STEP_MS_MIN, limits.window_ms_max)
    if width_ms is None or width_node is None:
        return None
    if kinds[0] == "tumbling":
        return _tumbling(node, reader, width_ms)
    return _sliding(node, width_node, reader, limits, width_ms, interval_ms)


def _tumbling(node: MapNode, reader: Reader, width_ms: int) -> Window | None:
    every = node.key("every")
    if every is not None:
        reader.add(every, "window", "a tumbling window moves by its own width",
                   "remove every, or write sliding")  # fmt: skip
        return None
    return Window("tumbling", width_ms, width_ms)


def _sliding(
    node: MapNode,
    width_node: Node,
    reader: Reader,
    limits: Limits,
    width_ms: int,
    interval_ms: int | None,
) -> Window | None:
    at: Node = width_node
    if "every" in node:
        every_node = node.get("every")
        every_ms = reader.duration(every_node, "every", _STEP_MS_MIN, width_ms)
        if every_ms is None or every_node is None:
            return None
        at = every_node
    elif interval_ms is not None:
        every_ms = interval_ms
    else:
        every_ms, left = divmod(width_ms, _STEPS_BY_DEFAULT)
        if left or every_ms < 1_000:
            reader.add(width_node, "window-every",
                       f"a twelfth of {format_duration(width_ms)} is no step of 1s or more",
                       f"say the step: {_steps(width_ms)}")  # fmt: skip
            return None
    if every_ms > width_ms or width_ms % every_ms:
        count, left = divmod(width_ms, every_ms)
        parts = f"{format_duration(width_ms)} = {count} × {format_duration(every_ms)}"
        reader.add(at, "window-every",
                   f"window {format_duration(width_ms)} is not a multiple of every "
                   f"{format_duration(every_ms)}",
                   f"use {_steps(width_ms, every_ms)}",
                   note=f"{parts} + {format_duration(left)}")  # fmt: skip
        return None
    if width_ms // every_ms > limits.panes_per_leaf_max:
        reader.add(at, "window-panes",
                   f"{width_ms // every_ms:,} steps in one window, the limit is "
                   f"{limits.panes_per_leaf_max:,}",
                   "use a longer every, or raise limits.panes_per_leaf_max")  # fmt: skip
        return None
    return Window("sliding", width_ms, every_ms)


def _steps(width_ms: int, near_ms: int = 0) -> str:
    """Name the divisors of a width that are nearest to what was asked for, as `every 5s or 6s`."""
    near_ms = near_ms or width_ms // _STEPS_BY_DEFAULT
    unit = 1_000 if width_ms % 1_000 == 0 and width_ms >= 2_000 else 100
    whole = width_ms // unit
    counts = [n for n in range(1, min(whole, 1_000) + 1) if width_ms % n == 0]
    steps = sorted({width_ms // n for n in counts if (width_ms // n) % unit == 0})
    below = [step for step in steps if step <= near_ms][-1:]
    above = [step for step in steps if step > near_ms and step < width_ms][:1]
    named = " or ".join(format_duration(step) for step in below + above)
    return f"every: {named}" if named else "a window that is a multiple of its step"
