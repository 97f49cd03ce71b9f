"""Look at, or change, what flows through one module.

    with tap(generator.layers[3].conv) as seen:
        generator(codes)
    seen[0]                                     # what the convolution returned

Acts only in the thread that opened it, and is gone when the block ends, also by an error.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn


@contextmanager
def tap(module: nn.Module, edit: Callable[[Any], Any] | None = None) -> Iterator[list[Any]]:
    """Yield a list that grows by what `module` returns at each call; `edit(output)` replaces what it returns."""
    owner, seen = threading.get_ident(), []

    def hook(_module: nn.Module, _inputs: tuple, output: Any) -> Any:
        if threading.get_ident() != owner:
            return None
        seen.append(output)
        return None if edit is None else edit(output)

    handle = module.register_forward_hook(hook)
    try:
        yield seen
    finally:
        handle.remove()
