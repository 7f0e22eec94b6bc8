"""FNV-1a as a kernel: a step a byte is what Python is worst at. Imported when first needed."""

import numpy as np

from engine.kernels import jit

_OFFSET = np.uint64(14695981039346656037)
_PRIME = np.uint64(1099511628211)


@jit
def fnv1a(data: bytes) -> int:
    """Return the 64-bit FNV-1a hash."""
    state = _OFFSET
    for byte in data:
        state = (state ^ np.uint64(byte)) * _PRIME
    return state  # type: ignore[return-value]
