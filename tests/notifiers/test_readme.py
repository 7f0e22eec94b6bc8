"""The reference names what there is."""

from pathlib import Path

from engine import metrics
from notifiers import CONFIG_CODES, load
from notifiers.config import GLOBAL_FIELDS
from tests.notifiers.world import CHANNELS

TEXT = (Path(__file__).parents[2] / "notifiers" / "README.md").read_text(encoding="utf-8")


def test_every_finding_is_documented() -> None:
    missing = [code for code, text in CONFIG_CODES.items() if f"| `{code}` | {text} |" not in TEXT]
    assert not missing


def test_every_key_of_global_is_documented() -> None:
    assert not [name for name in GLOBAL_FIELDS if f"`{name}`" not in TEXT]


def test_every_metric_is_documented() -> None:
    names = {
        metric.name + ("_total" if metric.type == "counter" else "")
        for metric in metrics.REGISTRY.collect()
        if metric.name.startswith(("tocsin_notif", "tocsin_fence"))
    }
    assert names
    assert not [name for name in names if f"`{name}`" not in TEXT]


def test_the_example_loads_but_for_the_channels_fields() -> None:
    example = TEXT.split("```yaml\n", 1)[1].split("```", 1)[0]
    _, findings = load(example, "notifiers.yaml")
    assert findings == []
    _, findings = load(example, "notifiers.yaml", channels=CHANNELS)
    assert {finding.code for finding in findings} == {"key-unknown", "key-missing"}
