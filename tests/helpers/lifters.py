"""Small lifters with random weights."""

from __future__ import annotations

import numpy as np

from kinema.models.pstmo import sizes as pstmo
from kinema.models.videopose3d import sizes as videopose3d


def random_tensors(sizes: videopose3d.VideoPose3DSizes | pstmo.PSTMOSizes, seed: int = 0) -> dict[str, np.ndarray]:
    """A state dict of these sizes, activations of about one."""
    module = videopose3d if isinstance(sizes, videopose3d.VideoPose3DSizes) else pstmo
    rng = np.random.default_rng(seed)
    return {
        key: np.abs(rng.normal(size=shape)) if key.endswith("running_var") else 0.2 * rng.normal(size=shape)
        for key, shape in module.expected_shapes(sizes).items()
    }
