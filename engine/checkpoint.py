"""The snapshot envelope: magic, version, checksum, a small JSON head, named arrays.

Layout: b"TCS1" | crc32 u32 of what follows | head length u32 | head JSON | array bytes, each
aligned to 8. The head is {"meta": ..., "arrays": [[name, dtype, shape], ...]}.
It knows no domain type.
"""

import struct
import zlib
from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from engine.errors import SnapshotError

MAGIC = b"TCS1"
_HEAD = struct.Struct("<4sII")


def pack(meta: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> bytes:
    """Return one chunk: `meta` must be JSON, the arrays numeric, or records of numbers."""
    described: list[tuple[str, Any, tuple[int, ...]]] = []
    body: list[bytes] = []
    for name, array in arrays.items():
        contiguous = np.ascontiguousarray(array)
        dtype = contiguous.dtype
        described.append((name, dtype.descr if dtype.names else dtype.str, contiguous.shape))
        raw = contiguous.tobytes()
        body.append(raw + bytes(-len(raw) % 8))
    head = msgspec.json.encode({"meta": meta, "arrays": described}, order="deterministic")
    head += b" " * (-(_HEAD.size + len(head)) % 8)
    rest = struct.pack("<I", len(head)) + head + b"".join(body)
    return MAGIC + struct.pack("<I", zlib.crc32(rest)) + rest


def _dtype(described: Any) -> np.dtype[Any]:
    if isinstance(described, str):
        return np.dtype(described)
    if not isinstance(described, list):
        raise TypeError(f"{described!r} is no dtype")
    # Aligned, as records are made: kernels are compiled for one record type only.
    return np.dtype([(name, kind) for name, kind in described], align=True)


def unpack(raw: bytes) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
    """Read a chunk back; the arrays are writable copies. Raises SnapshotError."""
    if len(raw) < _HEAD.size or raw[:4] != MAGIC:
        raise SnapshotError(f"not a snapshot chunk: {len(raw)} bytes that begin {raw[:4]!r}")
    _, crc, head_bytes = _HEAD.unpack_from(raw)
    if zlib.crc32(memoryview(raw)[8:]) != crc:
        raise SnapshotError("a snapshot chunk does not match its checksum")
    try:
        head = msgspec.json.decode(raw[_HEAD.size : _HEAD.size + head_bytes])
        at = _HEAD.size + head_bytes
        arrays: dict[str, npt.NDArray[Any]] = {}
        for name, dtype_name, shape in head["arrays"]:
            dtype = _dtype(dtype_name)
            count = int(np.prod(shape, dtype=np.int64))
            if count < 0:
                raise ValueError(f"{name} has the shape {shape}")
            arrays[name] = np.frombuffer(raw, dtype, count, at).reshape(shape).copy()
            at += count * dtype.itemsize
            at += -at % 8
        return head["meta"], arrays
    except (
        AttributeError, LookupError, OverflowError, SyntaxError, TypeError, ValueError,
        msgspec.DecodeError,
    ) as error:  # fmt: skip
        raise SnapshotError(f"a snapshot chunk is malformed: {error}") from error
