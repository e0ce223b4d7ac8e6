"""Pictures, network inputs and checkpoint files for PARE's tests."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import numpy as np


def picture(seed: int) -> np.ndarray:
    """The goldens' picture (240,320,3) uint8: coarse blocks and fine noise."""
    random = np.random.RandomState(seed)
    low = random.randint(0, 256, (12, 16, 3)).repeat(20, axis=0).repeat(20, axis=1)
    return np.clip(low + random.randint(-20, 21, (240, 320, 3)), 0, 255).astype(np.uint8)


def network_input(seed: int, count: int) -> np.ndarray:
    """The goldens' normalised images (count,3,224,224) float32."""
    random = np.random.RandomState(seed)
    coarse = random.standard_normal((count, 3, 7, 7)).repeat(32, axis=2).repeat(32, axis=3)
    return (coarse + 0.25 * random.standard_normal((count, 3, 224, 224))).astype(np.float32)


def write_checkpoint(path: Path, state: dict) -> None:
    """Save tensors as a Lightning 1.1 checkpoint does: with yacs configuration nodes and callbacks' classes."""
    import torch

    made = []
    try:
        for name, leaf, base in (
            ("yacs.config", "CfgNode", dict),
            ("pytorch_lightning.callbacks.model_checkpoint", "ModelCheckpoint", object),
        ):
            for part in (name.split(".")[0], name):
                if part not in sys.modules:
                    sys.modules[part] = ModuleType(part)
                    made.append(part)
            setattr(sys.modules[name], leaf, type(leaf, (base,), {"__module__": name}))
        config = sys.modules["yacs.config"].CfgNode({"METHOD": "pare", "DATASET": {"IMG_RES": 224}})
        kind = sys.modules["pytorch_lightning.callbacks.model_checkpoint"].ModelCheckpoint
        extra = {"smpl.smpl.betas": torch.zeros(1, 10), "model.smpl.smpl.faces_tensor": torch.zeros(7, 3)}
        content = {
            "epoch": 30, "global_step": 1, "pytorch-lightning_version": "1.1.8", "state_dict": {**state, **extra},
            "hyper_parameters": config, "callbacks": {kind: {"best_model_score": torch.tensor(44.0)}},
        }  # fmt: skip
        torch.save(content, path)
    finally:
        for name in made:
            sys.modules.pop(name, None)
