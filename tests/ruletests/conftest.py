"""Where the outside corpora are; a test that needs them is skipped without them."""

import os
from pathlib import Path

import pytest

CORPORA = Path(os.environ.get("TOCSIN_CORPORA") or Path(__file__).parents[3] / "shared/corpora")


@pytest.fixture(scope="session")
def corpora() -> Path:
    """Return the corpora's directory."""
    if not (CORPORA / "ruletests").is_dir():
        pytest.skip("no corpora: set TOCSIN_CORPORA")
    return CORPORA
