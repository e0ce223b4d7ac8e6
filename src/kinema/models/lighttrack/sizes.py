"""The tensors of LightTrack's SGCN, checked, without torch."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from kinema.errors import InputError
from kinema.models.lighttrack.facts import FEATURES, JOINTS, LAYERS, PARTITIONS, WIDTH
from kinema.models.published_tensors import require_finite, require_shapes

_NORM = ("weight", "bias", "running_mean", "running_var")


def expected_shapes() -> dict[str, tuple[int, ...]]:
    """Every tensor of a checkpoint by its published name, the norm's counter aside."""
    count = len(JOINTS)
    shapes: dict[str, tuple[int, ...]] = {"A": (PARTITIONS, count, count)}
    shapes |= {f"data_bn.{part}": (2 * count,) for part in _NORM}
    for i, channels in enumerate(LAYERS):
        shapes[f"st_gcn_networks.{i}.gcn.conv.weight"] = (PARTITIONS * WIDTH, channels, 1, 1)
        shapes[f"st_gcn_networks.{i}.gcn.conv.bias"] = (PARTITIONS * WIDTH,)
        shapes[f"edge_importance.{i}"] = (PARTITIONS, count, count)
    return {**shapes, "fcn.weight": (FEATURES, WIDTH, 1, 1), "fcn.bias": (FEATURES,)}


def checked_tensors(tensors: Mapping[str, np.ndarray], name: str) -> dict[str, np.ndarray]:
    """Tensors (float64, without the prefix `module.` and the norm's counter). Raises InputError."""
    plain = {key.removeprefix("module."): np.asarray(value) for key, value in tensors.items()}
    if "st_gcn_networks.0.gcn.conv.weight" not in plain:
        raise InputError(f"{name} is not a LightTrack SGCN checkpoint: it has no graph layers ('st_gcn_networks')")
    require_shapes({key: value.shape for key, value in plain.items()}, expected_shapes(), "LightTrack SGCN", name)
    require_finite(plain, name)
    return {key: value.astype(np.float64) for key, value in plain.items() if not key.endswith("num_batches_tracked")}
