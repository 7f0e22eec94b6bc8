"""Row RULES: what many rules cost (P6), 10,000 rules of real projects, memory a series (P7).

Each measurement is a process of its own: owners driven by hand (owners.py), bytes to alerts.
"""

import json
import subprocess
import sys
from pathlib import Path

from tests.bench.row import Row
from tests.bench.shapes import SERIES, SHAPES

SHARDS = 4
RATIO_MAX, BYTES_MAX = 1.5, 1_000
FEWER, MORE = 100_000, 400_000
TIMEOUT_S = 1_800


def run() -> list[Row]:
    """Measure shapes, then the corpora, then memory."""
    return [*_shapes(), _corpora(), _memory()]


def _said(module: str, *words: object) -> dict[str, float]:
    ran = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", f"tests.bench.{module}", *map(str, words)],
        capture_output=True, text=True, timeout=TIMEOUT_S, check=False,
        stdin=subprocess.DEVNULL, cwd=Path(__file__).resolve().parents[2],
    )  # fmt: skip
    if ran.returncode != 0:
        raise AssertionError(f"{module} failed\n{ran.stdout}{ran.stderr[-3000:]}")
    said: dict[str, float] = json.loads(ran.stdout.splitlines()[-1])
    return said


def _shapes() -> list[Row]:
    rows: list[Row] = []
    base_us = 0.0
    for number, shape in enumerate(SHAPES):
        said = _said("one_shape", number, SHARDS)
        ingest_us = said["decode_us"] + said["apply_us"]
        whole_us = ingest_us + said["tick_us"]
        base_us = base_us or whole_us
        ratio = whole_us / base_us
        text = (
            f"{shape.name} ({SERIES:,} series, 15 s)"
            f" | {whole_us:.2f} us a sample: ingest {ingest_us:.2f}, tick {said['tick_us']:.2f}"
            f" ({said['tick_ms']:.0f} ms, longest of a shard {said['longest_ms']:.0f})"
            f" | {ratio:.2f} of 10 rules"
            f" | first tick {said['first_tick_s'] * 1e3:.0f} ms"
            f" | load {said['load_s']:.2f} s, plan {said['compile_s']:.2f} s"
            f" | {said['up']:.0f} alerts up, {said['rss_mb']:.0f} MB"
        )
        met = ratio <= RATIO_MAX if number else None
        rows.append(Row("RULES", text, met, {**said, "rules": shape.rules, "ratio": ratio}))
    return rows


def _corpora() -> Row:
    said = _said("corpus_rules", SHARDS)
    text = (
        f"{said['rules']:,} rules of real projects ({said['local']:,} local,"
        f" {said['components']:,} components, {said['exchanges']:,} exchanges), {SHARDS} shards"
        f" | load {said['load_s']:.1f} s, plan {said['compile_s']:.1f} s,"
        f" owners {said['owners_s']:.1f} s, {said['loaded_mb']:.0f} MB"
        f" | tick without data {said['tick_nothing_s']:.2f} s (first {said['first_tick_s']:.2f},"
        f" longest call {said['longest_nothing_s']:.2f})"
        f" | tick on {said['series']:,} series {said['tick_data_s']:.2f} s"
        f" (first {said['first_tick_data_s']:.2f}, longest call {said['longest_data_s']:.2f})"
        f" | {said['rss_mb']:.0f} MB"
    )
    return Row("RULES", text, None, {f"corpora_{key}": value for key, value in said.items()})


def _memory() -> Row:
    said = _said("per_series", FEWER, MORE)
    text = (
        f"memory a series, 5 m at 15 s: {said['bytes']:,.0f} bytes of RSS (<= {BYTES_MAX:,})"
        f" between {FEWER:,} and {MORE:,} series (P7 says 200,000 and 1 M)"
        f" | rings {said['ring_bytes']:.0f}"
        f" | {said['fewer_mb']:.0f} and {said['more_mb']:.0f} MB"
    )
    figures = {f"memory_{key}": value for key, value in said.items()}
    return Row("RULES", text, said["bytes"] <= BYTES_MAX, figures)
