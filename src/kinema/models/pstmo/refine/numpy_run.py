"""The refine module without torch."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from kinema.errors import InputError
from kinema.models.published_tensors import require_finite, require_shapes


def joints_of(shapes: Mapping[str, tuple[int, ...]], name: str = "weights") -> tuple[int, int]:
    """Joints, and width inside, of a checkpoint of the refine module. Raises InputError for another network's."""
    first = shapes.get("post_refine.0.weight", ())
    if len(first) != 2 or first[1] % 6:
        raise InputError(f"{name} is not a P-STMO refine checkpoint: it has no 'post_refine.0.weight' of 6 per joint")
    joints, inner = first[1] // 6, first[0]
    require_shapes(shapes, expected_shapes(joints, inner), "P-STMO refine", name)
    return joints, inner


def expected_shapes(joints: int = 17, inner: int = 1024) -> dict[str, tuple[int, ...]]:
    """Every tensor of a checkpoint."""
    return {
        "post_refine.0.weight": (inner, 6 * joints),
        "post_refine.0.bias": (inner,),
        "post_refine.3.weight": (2 * joints, inner),
        "post_refine.3.bias": (2 * joints,),
    }


class NumpyRefine:
    """A trained refine module. tensors: arrays under the published names, with or without the prefix `module.`."""

    def __init__(self, tensors: Mapping[str, np.ndarray], *, name: str = "weights") -> None:
        self._tensors = {key.removeprefix("module."): np.asarray(value) for key, value in tensors.items()}
        self.joints, _ = joints_of({key: value.shape for key, value in self._tensors.items()}, name)
        require_finite(self._tensors, name)
        self.name = name

    def __call__(self, lifted: np.ndarray, projected: np.ndarray) -> np.ndarray:
        """lifted, projected (..., J, 3) relative to the root -> (..., J, 3) float32: depths are those of `lifted`.

        projected: `back_projected` of the keypoints at the lifted depths. Raises InputError for other joints.
        """
        if lifted.shape != projected.shape or lifted.shape[-2:] != (self.joints, 3):
            raise InputError(f"{self.name} refines {self.joints} joints, found {lifted.shape} and {projected.shape}")
        t = self._tensors
        x = np.concatenate([lifted, projected], axis=-1).reshape(*lifted.shape[:-2], -1).astype(np.float32)
        inner = np.maximum(x @ t["post_refine.0.weight"].T + t["post_refine.0.bias"], 0)
        score = 1 / (1 + np.exp(-(inner @ t["post_refine.3.weight"].T + t["post_refine.3.bias"])))
        share = score.reshape(*lifted.shape[:-1], 2)
        out = np.array(lifted, dtype=np.float32)
        out[..., :2] = share * lifted[..., :2] + (1 - share) * projected[..., :2]
        return out

    def corrected(self, lifted: np.ndarray, screen: np.ndarray, root_depth: np.ndarray, lens: np.ndarray) -> np.ndarray:
        """Lifted joints (F, J, 3) of a clip, the root at 0, corrected by its keypoints (F, J, 2), the root's true
        depths (F,) and the lens (9,): (F, J, 3).

        screen: as the lifter took them, the image's width from -1 to 1. lens: `kinema.datasets.cameras`.
        """
        return self(lifted, back_projected(screen, lifted[..., 2], root_depth, np.broadcast_to(lens, (len(lifted), 9))))


def back_projected(screen: np.ndarray, depths: np.ndarray, root_depth: np.ndarray, lens: np.ndarray) -> np.ndarray:
    """Image positions (..., J, 2) at depths (..., J) relative to the root -> (..., J, 3) relative to the root, metres.

    root_depth (...): the root's true distance along the camera's axis. lens (..., 9): focal lengths and principal point
    first, in the units of `screen`; distortion is left out, as published.
    """
    depths = np.array(depths)
    depths[..., 0] = 0
    z = (depths + root_depth[..., None])[..., None]
    points = np.concatenate([(screen - lens[..., None, 2:4]) * z / lens[..., None, :2], z], axis=-1)
    return np.asarray(points - points[..., :1, :])
