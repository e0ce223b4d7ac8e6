"""Depth in metres from one image, by an ONNX file."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from kinema.errors import InputError
from kinema.models.image_network import IMAGE_OPERATORS, ImageNetwork, tensor_of
from kinema.models.metric_depth.families import Family
from kinema.models.onnx_check import check_graph, probe

DEADLINE = 180.0
"""Seconds for the trial run: ZoeDepth has 345 million weights."""

NEAREST, FARTHEST = 0.05, 1000.0
"""Metres between which the median depth of any image lies. Networks of relative depth, which give inverse distances
in units of their own, seldom do."""


def check_depth_network(path: Path) -> None:
    """Try an untrusted network in a separate process first. Raises InputError if it is not one, or needs too much."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror or error}); check its name") from None
    check_graph(content, path, IMAGE_OPERATORS)
    probe(path, "depth", deadline=DEADLINE)


class DepthNetwork:
    """A network with one input (1,3,h,w) and one output of as many numbers as pixels, or one for each few pixels.

    Not for two threads at once.
    """

    def __init__(self, path: Path, family: Family, *, threads: int = 1) -> None:
        """Raises InputError, in one sentence, for a file that is not such a network."""
        self._network, self._family = ImageNetwork(path, threads=threads, usual=family.size), family
        shapes = [shape for shape in self._network.outputs.values() if _is_map(shape)]
        if len(self._network.outputs) != 1 or not shapes:
            raise InputError(f"{path} is not a depth network: {self._network.found}, not one map")

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Depth (h,w) float32 in metres, 0 where it is not known, of an image (H,W,3) uint8 RGB; h and w are the
        network's own. Raises InputError if it fails, or gives what cannot be metres."""
        network = self._network
        pixels = cv2.resize(image, (network.width, network.height), interpolation=cv2.INTER_AREA)
        (found,) = network(tensor_of(pixels.astype(np.float32) / 255, self._family.mean, self._family.std))
        depth = np.asarray(found, np.float32).reshape(found.shape[-2:])
        known = np.isfinite(depth) & (depth > 0)
        median = float(np.median(depth[known])) if known.any() else 0.0
        if not NEAREST < median < FARTHEST:
            raise InputError(
                f"{network.path} gives a median depth of {median:.3g}, which cannot be metres; a network of metric"
                " depth is needed, not of relative or inverse depth, and its `depth_family`"
            )
        return np.where(known, depth, np.float32(0))


def _is_map(shape: tuple[int, ...]) -> bool:
    return len(shape) >= 2 and min(shape[-2:]) > 1 and int(np.prod(shape[:-2])) == 1
