"""Where the corpora are, and what a corpus' run gives."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(os.environ.get("TOCSIN_CORPORA") or Path(__file__).parents[3] / "shared/corpora")


@dataclass
class Tally:
    """Cases of a corpus and what is wrong with those that fail."""

    name: str
    cases: int = 0
    failures: dict[str, str] = field(default_factory=dict)  # case -> what is wrong

    def add(self, case: str, problem: str = "") -> None:
        """Count a case; any problem makes it fail, whatever else of it passes."""
        self.cases += 1
        if problem:
            self.failures[case] = problem

    def merge(self, other: "Tally") -> None:
        """Add the cases of another part of the corpus."""
        self.cases += other.cases
        self.failures.update(other.failures)

    @property
    def passed(self) -> int:
        """The cases that pass."""
        return self.cases - len(self.failures)

    def __str__(self) -> str:
        return f"{self.name} {self.passed}/{self.cases}"


Part = tuple[Callable[..., Tally], tuple[Any, ...]]
"""A part of a corpus that a process can run by itself: a function of a module, its arguments."""
