"""A row of the benchmark: what was measured, and whether the target was met."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Row:
    """One line of the result."""

    name: str
    text: str
    met: bool | None  # None: a figure without a target
    figures: dict[str, float | int | str] = field(default_factory=dict)

    def __str__(self) -> str:
        verdict = {True: " | met", False: " | MISSED", None: ""}[self.met]
        return f"{self.name:<11} {self.text}{verdict}"


def quantile(values: list[float], q: float) -> float:
    """The nearest-rank quantile; no interpolation flatters the tail."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))]
