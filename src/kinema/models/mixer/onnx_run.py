"""Inference with the mixer: the bundled file, or one written by `kinema train refiner --dataset keypoints`."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path

from kinema.errors import InputError
from kinema.models.refiner import TrainedRefiner, load_refiner
from kinema.skeleton import BLAZEPOSE33

NETWORK_FILE = "keypoint_refiner.onnx"
COORDINATES = 3 * len(BLAZEPOSE33)
"""Numbers per frame: 33 landmarks."""


def load_mixer(checkpoint: str | Path | None = None) -> TrainedRefiner:
    """The network of a file, or the bundled one. Raises InputError and UsageError for a file with another network."""
    if checkpoint is not None:
        network = load_refiner(checkpoint, "mixer")
    else:
        with as_file(files("kinema.models.mixer").joinpath(NETWORK_FILE)) as path:
            network = load_refiner(path, "mixer", trusted=True)
    if network.coordinates != COORDINATES:
        raise InputError(
            f"{network.name} refines {network.coordinates} numbers per frame; 33 landmarks have {COORDINATES}"
        )
    return network
