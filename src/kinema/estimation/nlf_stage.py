"""The first stage of the estimator `nlf`: points of the body in every frame; `fit_tracks` fits the body to them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from kinema.models.nlf.options import NlfOptions
from kinema.stage import Stage

if TYPE_CHECKING:
    from kinema.video import VideoReader


def _files(options: NlfOptions) -> Mapping[str, str]:
    from kinema.errors import UsageError
    from kinema.models.nlf.program import require_gpu
    from kinema.models.nlf.reading import require_whole
    from kinema.models.nlf.release import data_file, weights_file
    from kinema.models.nlf.torch_run import NO_TORCH
    from kinema.models.torch_inference import require_torch
    from kinema.weights.cache import known_sha256

    try:
        require_torch()
    except ModuleNotFoundError:
        raise UsageError(NO_TORCH) from None
    if options.program:
        require_gpu()
    weights = weights_file(options.weights)
    data = data_file(weights, options.data)
    require_whole(weights, data)
    points = () if options.points is None or not Path(options.points).is_file() else (Path(options.points),)
    return {path.name: known_sha256(path) for path in (weights, data, *points) if path is not None}


def _check(video: VideoReader, options: NlfOptions) -> None:
    """Weights that cannot be used are known before people are tracked, which may take hours."""
    from kinema.estimation.nlf_points import further_points
    from kinema.models.nlf.program import ESTIMATE, load_program
    from kinema.models.nlf.reading import require_readable
    from kinema.models.nlf.release import data_file, weights_file

    weights = weights_file(options.weights)
    further_points(options.points, data_file(weights, options.data))
    if options.program:
        load_program(weights, ESTIMATE)
    else:
        require_readable(weights, data_file(weights, options.data))


localize_people = Stage(
    name="localize",
    title="locating bodies",
    options=NlfOptions,
    run="kinema.estimation.nlf_people:localize",
    fills=("joints", "joint_uncertainty", "vertices", "vertex_uncertainty", "camera"),
    files=_files,
    check=_check,
    body=True,
    video=True,
    slow=True,
)
