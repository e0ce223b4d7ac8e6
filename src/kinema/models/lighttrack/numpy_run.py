"""LightTrack's SGCN in numpy: fifteen joints need no framework."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from kinema.models.lighttrack.facts import EPSILON, JOINTS, LAYERS, PARTITIONS, WIDTH
from kinema.models.lighttrack.sizes import checked_tensors
from kinema.storage.checkpoints import load_checkpoint


class SGCN:
    """The network of a checkpoint's tensors. Raises InputError if they are another network's."""

    def __init__(self, tensors: Mapping[str, np.ndarray], *, name: str = "weights") -> None:
        own = checked_tensors(tensors, name)
        scale = own["data_bn.weight"] / np.sqrt(own["data_bn.running_var"] + EPSILON)
        shift = own["data_bn.bias"] - scale * own["data_bn.running_mean"]
        self._scale, self._shift = scale.reshape(-1, 2), shift.reshape(-1, 2)
        self._layers = [
            (
                own[f"st_gcn_networks.{i}.gcn.conv.weight"].reshape(PARTITIONS, WIDTH, channels),
                own[f"st_gcn_networks.{i}.gcn.conv.bias"].reshape(PARTITIONS, 1, WIDTH),
                own["A"] * own[f"edge_importance.{i}"],
            )
            for i, channels in enumerate(LAYERS)
        ]
        self._last, self._bias = own["fcn.weight"][:, :, 0, 0], own["fcn.bias"]

    @classmethod
    def open(cls, path: str | Path) -> SGCN:
        """The network of a checkpoint file. Raises InputError if it is missing, broken or another network's."""
        return cls(load_checkpoint(path), name=Path(path).name)

    def features(self, graphs: np.ndarray) -> np.ndarray:
        """(N, 128) of poses (N, 15, 2): pixels from the upper left corner of the person's box, `facts.JOINTS`."""
        x = np.asarray(graphs, dtype=np.float64).reshape(-1, len(JOINTS), 2) * self._scale + self._shift
        for weight, bias, edges in self._layers:
            parts = np.einsum("nvc,kwc->nkvw", x, weight) + bias
            x = np.maximum(np.einsum("nkvc,kvw->nwc", parts, edges), 0.0)
        return np.asarray(x.mean(axis=1) @ self._last.T + self._bias)


def distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(n, m) Euclidean distances of features (n, 128) and (m, 128)."""
    return np.asarray(np.linalg.norm(a[:, None] - b[None], axis=-1))
