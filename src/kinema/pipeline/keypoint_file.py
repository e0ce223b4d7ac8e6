"""From a file of 2D keypoints to a motion: read, lift, fit, smooth, place in the world, without a video."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from kinema.body import load_body
from kinema.errors import InputError
from kinema.estimation.options import FitOptions
from kinema.estimation.stage import fit_body
from kinema.formats.foreign import NOTES
from kinema.keypoints.files import read_keypoints
from kinema.lifting import lift_keypoints
from kinema.lifting.lifting import chosen_lifter
from kinema.lifting.options import KeypointFileOptions, LiftOptions
from kinema.lifting.published import lift_as_published, to_published_world
from kinema.motion import Motion
from kinema.pipeline.clearance import require_all_cleared
from kinema.pipeline.stages import with_bodies
from kinema.pipeline.threads import one_blas_thread
from kinema.pipeline.watching import RunWatcher, timed
from kinema.refinement.stage import filter_motion
from kinema.skeleton import COCO17
from kinema.stage import Context, Stage
from kinema.world.stage import place_in_world

STANDS_STILL = "a file of keypoints does not show the camera, which is assumed to stand still"


@dataclass(frozen=True)
class KeypointFileJob:
    """Everything that `motion_from_keypoints` needs besides the file. smooth: filter the fitted bodies.

    commercial_only: refuse a checkpoint or body that is not cleared for commercial use.
    """

    file: KeypointFileOptions = field(default_factory=KeypointFileOptions)
    lift: LiftOptions = field(default_factory=LiftOptions)
    fit: FitOptions = field(default_factory=FitOptions)
    smooth: bool = True
    body_model: str | None = None
    commercial_only: bool = False

    def __post_init__(self) -> None:
        require_all_cleared(self.commercial_only, files=(self.lift.checkpoint, self.body_model))


@one_blas_thread
def motion_from_keypoints(
    path: str | Path, job: KeypointFileJob | None = None, *, watcher: RunWatcher | None = None
) -> Motion:
    """Bodies for everybody in a file of keypoints, in the camera's frame and in the world.

    Without a lifter the fit starts from the 2D keypoints alone. The camera is assumed to stand still. Raises InputError
    (the file, the checkpoint), UsageError (keypoints that the lifter does not support, settings).
    """
    job, watcher = job or KeypointFileJob(), watcher or RunWatcher()
    if job.lift.method is not None:
        chosen_lifter(job.lift)
    motion = read_keypoints(
        path, fps=job.file.fps, size=job.file.size, layout=job.file.layout, tracker=job.file.tracker,
        checkpoint=job.file.tracker_checkpoint,
    )  # fmt: skip
    if not motion.width:
        raise InputError(f"{path} does not store the video's size, which lifting needs; give it with `size`")
    for note in (*motion.data.get(NOTES, ()), STANDS_STILL):
        watcher.note(note)
    body = load_body(job.body_model)
    steps: list[tuple[Stage, object]] = [(fit_body, job.fit)]
    if job.lift.method is not None:
        steps.insert(0, (lift_keypoints, job.lift))
    if job.smooth:
        steps.append((filter_motion, None))
    steps.append((place_in_world, None))
    for stage, options in steps:
        with timed(watcher, stage.name) as progress:
            context = Context(body=body, progress=progress)
            motion = stage(motion, options=options, context=context)
        if stage is fit_body:
            motion = with_bodies(motion, context.notes)
            if not motion.people:
                raise InputError(
                    f"{path} shows nobody well enough to fit a body; somebody must be seen from head to hip"
                )
            if motion.camera is not None:
                motion = motion.replace(camera=motion.camera.replace(moving=False))
        for note in context.notes:
            watcher.note(note)
    return motion


def published_arrays(path: str | Path, job: KeypointFileJob) -> tuple[np.ndarray, np.ndarray]:
    """The file's person as lifted by the authors' programs for ordinary video: joints (F, 17, 3) in the camera's axes,
    and in their world (`kinema.lifting.published`). Raises InputError unless the file has one person in every frame.
    """
    _, network, _ = chosen_lifter(job.lift)
    motion = read_keypoints(path, fps=job.file.fps, layout=job.file.layout)
    person = motion.people[0]
    if len(motion.people) > 1 or len(person) != motion.num_frames or person.keypoint_set != COCO17.name:
        raise InputError(
            f"{path} does not hold one person in every frame, in {COCO17.name}, as the authors' programs need"
        )
    (keypoints,) = person.require("keypoints")
    joints = lift_as_published(network, keypoints, centred=job.lift.method == "pstmo")
    return joints, to_published_world(joints)
