"""Every stage by name, and the choices of a run."""

from __future__ import annotations

from kinema.camera.stage import find_camera
from kinema.estimation.nlf_stage import localize_people
from kinema.estimation.registry import ESTIMATORS
from kinema.estimation.stage import fit_body
from kinema.lifting.stage import lift_keypoints
from kinema.models.pare.stage import regress_people
from kinema.refinement.registry import REFINERS
from kinema.refinement.stage import filter_motion, fit_tracks, refine_with_network, stabilize_motion
from kinema.registry import Registry
from kinema.segmentation.choice import select_people
from kinema.segmentation.stage import segment_people
from kinema.stage import Stage
from kinema.tracking.apart_stage import look_at_overlapped
from kinema.tracking.registry import TRACKERS
from kinema.tracking.stage import track_video
from kinema.world.stage import place_in_world

STAGES: Registry[Stage] = Registry(
    "stage",
    group="kinema.stages",
    rows=(
        track_video, segment_people, look_at_overlapped, find_camera, select_people, lift_keypoints, regress_people,
        fit_body, localize_people, fit_tracks, filter_motion, refine_with_network, place_in_world, stabilize_motion,
    ),
)  # fmt: skip
"""Every stage that can be run alone on a motion, in the order of a run."""


def added_stages() -> dict[str, Stage]:
    """The stages of other packages, on their own or as part of an estimator, tracker or refiner, by name."""
    rows = [*STAGES, *(stage for estimator in ESTIMATORS for stage in estimator.stages)]
    rows += [tracker.stage for tracker in TRACKERS] + [refiner.stage for refiner in REFINERS]
    return {stage.name: stage for stage in rows if stage.name not in BUILT_IN}


BUILT_IN = {stage.name: stage for stage in (*STAGES.built_in, *(row.stage for row in TRACKERS.built_in))}
"""Kinema's own stages by name, whose options are fields of `RunOptions`."""


def stages_alone() -> dict[str, Stage]:
    """The stages that can be run alone, by name: all but those of refiners, which `kinema refine` runs."""
    others = {row.stage.name for row in REFINERS if row.stage not in _estimating()}
    rows = (*(row.stage for row in TRACKERS), *STAGES, *_estimating())
    return {stage.name: stage for stage in rows if stage.name not in others}


def _estimating() -> tuple[Stage, ...]:
    return tuple(stage for row in ESTIMATORS for stage in row.stages)


def begins(stage: Stage) -> bool:
    """Whether the stage starts with a video, and not with a motion."""
    return any(row.stage is stage for row in TRACKERS)
