"""Kernels that are cached on disk follow what their modules import from others."""

import os
import subprocess
import sys
from pathlib import Path

CALLEE = (
    "from engine.kernels import jit\nBASE = {base}\n\n\n@jit\ndef inner(x):\n    return {inner}\n"
)
CALLER = """from engine.kernels import jit
from callee import BASE, inner


@jit
def outer(x):
    return BASE + inner(x)


"""


def run(folder: Path, base: int, inner: str) -> str:
    (folder / "callee.py").write_text(CALLEE.format(base=base, inner=inner))
    (folder / "main.py").write_text("import caller\nprint(caller.outer(1),"
                                    " sum(caller.outer.stats.cache_hits.values()))\n")  # fmt: skip
    (folder / "caller.py").write_text(CALLER)
    root = str(Path(__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "main.py"], cwd=folder, capture_output=True, text=True, check=True,
        env=os.environ | {"PYTHONPATH": root, "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    return done.stdout.strip()


def test_a_cached_kernel_follows_the_kernels_and_constants_of_other_files(tmp_path):
    assert run(tmp_path, 10, "x") == "11 0"
    assert run(tmp_path, 10, "x") == "11 1"  # from the cache
    assert run(tmp_path, 10, "x + 1") == "12 0"
    assert run(tmp_path, 20, "x + 1") == "22 0"
    assert run(tmp_path, 20, "x + 1") == "22 1"
