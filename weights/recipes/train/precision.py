"""Half precision where the processor has it."""

from __future__ import annotations

import torch

IMITATED = ("DEFAULT", "AVX2")  # capabilities of CPUs that only imitate bfloat16


def autocast(device: str) -> torch.autocast:
    """bfloat16, except on a CPU that can only imitate it: there it takes several times as long as float32."""
    imitated = device == "cpu" and torch.backends.cpu.get_cpu_capability() in IMITATED
    return torch.autocast(device, dtype=torch.bfloat16, enabled=not imitated)
