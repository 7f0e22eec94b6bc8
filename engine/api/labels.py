"""What a posted label may be."""

import json
import re
from collections.abc import Mapping
from functools import lru_cache

from engine.api.deps import ApiSettings

_CLASSIC_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*\Z")


def label_name_problem(name: str, settings: ApiSettings) -> str:
    """Return what is wrong with a label name, "" where nothing is."""
    return _name_problem(
        name, settings.matcher_parsing == "classic", settings.limits.label_name_bytes_max
    )


@lru_cache(maxsize=4_096)  # names are few, and come with every alert
def _name_problem(name: str, classic: bool, bytes_max: int) -> str:
    if not name or not _encodable(name) or (classic and not _CLASSIC_NAME.match(name)):
        return f"invalid label name {json.dumps(name)}"
    if len(name.encode()) > bytes_max:
        return f"label name is longer than {bytes_max} bytes"
    return ""


def label_value_problem(value: str, settings: ApiSettings) -> str:
    """Return what is wrong with a label value, "" where nothing is."""
    if value.isascii() and len(value) <= settings.limits.label_value_bytes_max:
        return ""
    if not _encodable(value):
        return "invalid label value: not UTF-8"
    if len(value.encode()) > settings.limits.label_value_bytes_max:
        return f"label value is longer than {settings.limits.label_value_bytes_max} bytes"
    return ""


def labels_problem(labels: Mapping[str, str], settings: ApiSettings) -> str:
    """Return the first thing that is wrong with a label set, "" where nothing is."""
    if len(labels) > settings.limits.labels_per_series_max:
        return f"more than {settings.limits.labels_per_series_max} labels"
    for name, value in labels.items():
        problem = label_name_problem(name, settings) or label_value_problem(value, settings)
        if problem:
            return problem.replace("invalid label ", "invalid ")
    return ""


def annotations_problem(annotations: Mapping[str, str], settings: ApiSettings) -> str:
    """Return the first thing that is wrong with annotations, "" where nothing is."""
    total_bytes = 0
    for name, value in annotations.items():
        problem = label_name_problem(name, settings)
        if problem:
            return problem.replace("invalid label ", "invalid ")
        if value.isascii():
            total_bytes += len(name.encode()) + len(value)
        elif not _encodable(value):
            return "invalid value: not UTF-8"
        else:
            total_bytes += len(name.encode()) + len(value.encode())
    if total_bytes > settings.limits.message_bytes_max:
        return f"annotations are longer than {settings.limits.message_bytes_max} bytes"
    return ""


def _encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
