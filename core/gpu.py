"""Spaces with a GPU that is lent for seconds (ZeroGPU): there, and only there, batch work asks for it."""

from __future__ import annotations

import importlib.util
import inspect
import os
from collections.abc import Callable
from functools import wraps

from . import zoo


def lent() -> bool:
    """Does this process run on such a Space, with the package that lends the GPU?"""
    return bool(os.environ.get("SPACES_ZERO_GPU")) and importlib.util.find_spec("spaces") is not None


def batch(function: Callable) -> Callable:
    """`function` in a process that has the GPU, where one is lent; anywhere else the function itself.

    Arguments and results travel between processes: plain values only. Sliders stay on the processor: a GPU that has to
    be waited for is slower than a small network.
    """
    if not lent():
        return function
    import spaces

    @wraps(function)
    def whole(*values, **named):
        zoo.use(device="cuda")
        return function(*values, **named)

    @wraps(function)
    def stream(*values, **named):
        zoo.use(device="cuda")
        yield from function(*values, **named)

    return spaces.GPU(stream if inspect.isgeneratorfunction(function) else whole)
