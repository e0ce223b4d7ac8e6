"""The stage `lift`."""

from __future__ import annotations

from collections.abc import Mapping

from kinema.lifting.options import LiftOptions
from kinema.stage import Stage


def _checkpoint(options: LiftOptions) -> Mapping[str, str]:
    """sha256 of the checkpoint, which must hold the network: errors in it are reported before a run begins."""
    from kinema.lifting.lifting import chosen_lifter
    from kinema.weights.cache import known_sha256

    _, _, path = chosen_lifter(options)
    return {path.name: known_sha256(path)}


lift_keypoints = Stage(
    name="lift",
    title="lifting keypoints",
    options=LiftOptions,
    run="kinema.lifting.lifting:lift_people",
    requires=("keypoints",),
    fills=("keypoints3d",),
    files=_checkpoint,
)
