"""How kernels are compiled: one decorator for every loop over rows."""

import hashlib
from collections.abc import Callable
from typing import Any, Final, TypeVar, cast

import numba
from numba.core.dispatcher import Dispatcher

Kernel = TypeVar("Kernel", bound=Callable[..., Any])

_CONSTANTS: Final = (bool, int, float, str, tuple)
_DIGESTS: Final[dict[int, str]] = {}


def jit(function: Kernel) -> Kernel:
    """Compile a kernel: cached on disk, without the GIL, never fastmath.

    fastmath would break the compensated sums and what a NaN carries.
    """
    compiled = numba.njit(cache=True, nogil=True, error_model="numpy")(function)
    index = getattr(getattr(compiled, "_cache", None), "_cache_file", None)
    if index is not None:
        # The cache knows of changes in the kernel's own file only: after an upgrade a kernel would
        # go on with the code and the constants that it had from other files.
        index._source_stamp = (index._source_stamp, _imported(function.__globals__))
        _DIGESTS[id(compiled)] = hashlib.sha256(repr(index._source_stamp).encode()).hexdigest()
    return cast(Kernel, compiled)


def _imported(names: dict[str, Any]) -> str:
    """Digest what a module has from others: constants by value, kernels by all they are made of."""
    parts = []
    for name, value in sorted(names.items()):
        if name.startswith("__"):
            continue
        if isinstance(value, _CONSTANTS):
            parts.append(f"{name}={value!r}")
        elif isinstance(value, Dispatcher) and value.py_func.__module__ != names["__name__"]:
            parts.append(f"{name}:{_DIGESTS.get(id(value), '')}")
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
