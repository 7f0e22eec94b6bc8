"""Every metric is of one registry, named for this product, and explained."""

import ast
import importlib
import pkgutil
from pathlib import Path

import pytest
from prometheus_client import Metric

from tests.house.tree import PACKAGES, ROOT, short, sources, tree

# Nobody but engine.metrics may define one past the registry; these only read or write it out.
READERS: dict[str, str] = {}


@pytest.fixture(scope="module")
def families() -> list[Metric]:
    for package in PACKAGES:
        for found in pkgutil.walk_packages([str(ROOT / package)], f"{package}."):
            if not found.name.endswith("__main__"):
                importlib.import_module(found.name)
    from engine import metrics

    return list(metrics.REGISTRY.collect())


def test_every_metric_is_named_tocsin_and_explained(families: list[Metric]) -> None:
    assert families
    standard = ("process_", "python_")  # of every Python program; named and told by the client
    wrong = [
        family.name
        for family in families
        if not family.name.startswith(standard)
        and not (family.name.startswith("tocsin_") and family.documentation.endswith("."))
    ]
    assert not wrong, f"not tocsin_… or without a sentence: {wrong}"


def test_metrics_are_defined_through_one_door() -> None:
    strays = [
        short(path)
        for path in sources()
        if path != Path(ROOT / "engine" / "metrics.py") and short(path) not in READERS
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ImportFrom | ast.Import) and _defines(node)
    ]
    assert not strays, f"use engine.metrics.counter and its like: {strays}"


def _defines(node: ast.ImportFrom | ast.Import) -> bool:
    if isinstance(node, ast.Import):
        return any(alias.name.startswith("prometheus_client") for alias in node.names)
    makers = {"Counter", "Gauge", "Histogram", "Summary", "Info", "Enum", "CollectorRegistry"}
    return (node.module or "").startswith("prometheus_client") and any(
        alias.name in makers for alias in node.names
    )
