"""How kernels are compiled: one decorator for every loop over rows."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

Kernel = TypeVar("Kernel", bound=Callable[..., Any])


def jit(function: Kernel) -> Kernel:
    """Compile a kernel: cached on disk, without the GIL, never fastmath.

    fastmath would break the compensated sums and what a NaN carries.
    """
    return cast(Kernel, numba.njit(cache=True, nogil=True, error_model="numpy")(function))
