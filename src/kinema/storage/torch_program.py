"""The tensors in a TorchScript program, by the names of its modules and attributes; its code is not even read."""

from __future__ import annotations

from typing import Any

import numpy as np

from kinema.storage.budget import ARRAY, CONTAINER, MAX_DEPTH, Budget, Malformed
from kinema.storage.pickle_objects import Inert

PROGRAM = ("__torch__.*", "torch.jit._pickle.*")
"""Classes of the objects in such a program: its own modules, and typed lists and dicts."""


def program_tensors(value: Any, budget: Budget) -> dict[str, np.ndarray]:
    """Arrays by name, such as "crop_model.backbone.weight": parameters, buffers and other attributes.

    Raises Malformed for modules that are nested endlessly or repeated many times.
    """
    found: dict[str, np.ndarray] = {}

    def visit(module: Any, prefix: str, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise Malformed(f"its modules are nested more than {MAX_DEPTH} deep")
        budget.charge(CONTAINER)
        budget.tick()
        state = module.state if isinstance(module.state, dict) else {}
        for name, item in state.items():
            if isinstance(item, np.ndarray):
                budget.charge(ARRAY + len(prefix))
                found[f"{prefix}{name}"] = item
            elif isinstance(item, Inert):
                visit(item, f"{prefix}{name}.", depth + 1)

    if isinstance(value, Inert):
        visit(value, "", 0)
    return found
