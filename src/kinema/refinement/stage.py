"""The stages of refinement: `filter`, `refine` with a network, `stabilize`."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kinema.person import WORLD_FIELDS
from kinema.refinement.options import (
    FilterOptions,
    LandmarkOptions,
    NetworkOptions,
    StabilizeOptions,
    TrackFitOptions,
    Video2PklOptions,
)
from kinema.stage import Stage

SMOOTHED = ("pose", "transl", "joints")
"""Fields filled by smoothing a body in the camera's frame; one in the world only stays there (`refinement.frames`)."""


def _network(options: Any) -> Mapping[str, str]:
    """sha256 of the network's file, so that a run recognises a different one of the same name.

    The file is read and must fit the options, so that errors are reported before a run begins, not after tracking.
    """
    from kinema.refinement.networks import chosen_network

    network, *_ = chosen_network(options.network() if isinstance(options, Video2PklOptions) else options)
    return {network.name: network.sha256}


def _checkpoint(options: LandmarkOptions) -> Mapping[str, str]:
    """The same for landmarks, whose network ships with Kinema."""
    if options.checkpoint is None:
        return {}
    path = Path(options.checkpoint)
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest()}


def _vertices(options: TrackFitOptions) -> Mapping[str, str]:
    """The same for a file of vertices, which must hold a valid list."""
    from kinema.refinement.track_points import read_vertex_numbers

    if options.vertices is None:
        return {}
    read_vertex_numbers(options.vertices)
    return {options.vertices.name: hashlib.sha256(options.vertices.read_bytes()).hexdigest()}


filter_motion = Stage(
    name="filter",
    title="smoothing",
    options=FilterOptions,
    run="kinema.refinement.filtering:filter_people",
    fills=SMOOTHED,
    clears=WORLD_FIELDS,
    optional_body=True,
)

refine_with_network = Stage(
    name="refine",
    title="refining",
    options=NetworkOptions,
    run="kinema.refinement.networks:refine_people",
    fills=(*SMOOTHED, "keypoints"),
    clears=WORLD_FIELDS,
    files=_network,
    optional_body=True,
)

refine_landmarks = Stage(
    name="refine",
    title="refining",
    options=LandmarkOptions,
    run="kinema.refinement.landmarks:refine_landmarks",
    requires=("keypoints3d",),
    fills=("keypoints3d",),
    files=_checkpoint,
)

refine_as_video2pkl = Stage(
    name="refine",
    title="refining",
    options=Video2PklOptions,
    run="kinema.refinement.presets:refine_as_video2pkl",
    fills=SMOOTHED,
    clears=WORLD_FIELDS,
    files=_network,
    optional_body=True,
)

fit_tracks = Stage(
    name="fit-tracks",
    title="fitting bodies to tracks",
    options=TrackFitOptions,
    run="kinema.refinement.tracks:fit_tracks",
    fills=("pose", "betas", "transl", "joints"),
    clears=WORLD_FIELDS,
    files=_vertices,
    body=True,
    slow=True,
)

stabilize_motion = Stage(
    name="stabilize",
    title="stabilizing",
    options=StabilizeOptions,
    run="kinema.refinement.stabilizing:stabilize_people",
    fills=(*SMOOTHED, *WORLD_FIELDS, "contacts"),
    optional_body=True,
)
