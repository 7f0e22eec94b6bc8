"""The reference names what there is."""

from pathlib import Path

from engine import metrics
from notifiers import CONFIG_CODES, load
from notifiers.config import GLOBAL_FIELDS, installed_channels
from notifiers.receiver_types import TYPES

TEXT = (Path(__file__).parents[2] / "notifiers" / "README.md").read_text(encoding="utf-8")

THE_FILE = TEXT.split("\n## The file\n")[1].split("\n## ")[0]


def test_every_finding_is_documented() -> None:
    missing = [code for code, text in CONFIG_CODES.items() if f"| `{code}` | {text} |" not in TEXT]
    assert not missing


def test_every_key_of_global_is_documented() -> None:
    assert not [name for name in GLOBAL_FIELDS if f"`{name}`" not in THE_FILE]


def test_every_type_of_receiver_is_named() -> None:
    installed = installed_channels()
    for kind in TYPES:
        assert f"`{kind}_configs`" in THE_FILE if kind in installed else f"`{kind}`" in THE_FILE


def test_every_metric_is_documented() -> None:
    names = {
        metric.name + ("_total" if metric.type == "counter" else "")
        for metric in metrics.REGISTRY.collect()
        if metric.name.startswith(("tocsin_notif", "tocsin_fence"))
    }
    assert names
    assert not [name for name in names if f"`{name}`" not in TEXT]


def test_the_examples_load() -> None:
    example, more = THE_FILE.split("```yaml\n")[1].split("```")[0], THE_FILE.split("```yaml\n")[2]
    _, findings = load(example, "notifiers.yaml")
    assert findings == []
    _, findings = load(example + more.split("```")[0], "notifiers.yaml")
    assert [finding.code for finding in findings] == ["template-file"]
