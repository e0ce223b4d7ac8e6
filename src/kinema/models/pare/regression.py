"""The stage that runs PARE on tracked people: pose, shape and translation of everyone, frame by frame.

Its result is an estimate from single images. In a run the fit takes the poses as its prior and refines them with the 2D
keypoints of all frames.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from kinema.body import BodyModel
from kinema.errors import UsageError
from kinema.geometry.camera import camera_from_fov, with_fov
from kinema.geometry.rotations import matrix_to_axis_angle
from kinema.models.pare.crops import square_boxes
from kinema.models.pare.options import PareOptions
from kinema.models.pare.release import PareRelease, betas_for, body_note
from kinema.models.pare.torch_run import PareEstimator, Regressed
from kinema.models.pare.tracks import regress_tracks
from kinema.models.pare.weak_camera import place
from kinema.motion import Motion
from kinema.person import Person
from kinema.progress import Progress, silent
from kinema.stage import Context, given
from kinema.temporal.gaps import fill_missing
from kinema.video import VideoReader


def regress(motion: Motion, context: Context, options: PareOptions) -> Motion:
    """The stage's code: `regress_people` with the checkpoint in the options."""
    body = given(context.body)
    if options.fov is not None:
        camera = with_fov(motion.camera, motion.width, motion.height, options.fov)
        motion = motion.replace(camera=camera)
    note = body_note(body)
    if note is not None:
        context.notes.append(note)
    estimator = PareEstimator(
        PareRelease().checkpoint(options.checkpoint),
        device=options.device,
        precision=options.precision,
        threads=options.threads,
    )
    context.facts["device"] = estimator.device
    context.weights[estimator.path.name] = estimator.sha256
    return regress_people(motion, given(context.video), body, estimator, options, progress=context.progress)


def regress_people(
    motion: Motion,
    video: VideoReader,
    body: BodyModel,
    estimator: PareEstimator,
    options: PareOptions | None = None,
    *,
    progress: Progress = silent,
) -> Motion:
    """Pose, betas, transl and joints of everyone who has boxes, in the frame of the motion's camera.

    video: the one the motion was tracked in, with the same time range. The camera is the motion's, or the default one.
    A body that is not an SMPL file keeps its mean shape: PARE's betas belong to SMPL's shape space. People without any
    box keep their fields. Memory: one batch of crops.
    """
    options = options or PareOptions()
    camera = motion.camera or camera_from_fov(motion.width, motion.height)
    motion = motion.replace(camera=camera)
    tracks = {}
    for person in motion:
        boxes = whole_boxes(person)
        if boxes is not None:
            tracks[person.id] = (person.frames, square_boxes(boxes))
    outputs = regress_tracks(
        (frame.image for frame in video),
        tracks,
        estimator,
        batch_size=options.batch_size,
        crop_scale=options.crop_scale,
        progress=progress,
    )
    place_one = partial(_placed, motion=motion, body=body, scale=options.crop_scale)
    people = tuple(
        place_one(person, outputs[person.id], tracks[person.id][1])
        if person.id in outputs and len(outputs[person.id]) == len(person)
        else person
        for person in motion
    )
    return motion.replace(people=people, body_model=body.name)


def whole_boxes(person: Person) -> np.ndarray | None:
    """The person's boxes (F,4) corners; missing or empty ones are interpolated over the frames."""
    if person.boxes is None:
        return None
    size = person.boxes[:, 2:] - person.boxes[:, :2]
    good = np.isfinite(person.boxes).all(axis=1) & (np.nan_to_num(size) > 0).all(axis=1)
    return fill_missing(person.boxes, person.frames, good[:, None]) if good.any() else None


def _placed(
    person: Person, output: Regressed, boxes: np.ndarray, *, motion: Motion, body: BodyModel, scale: float
) -> Person:
    """The person with the network's output, placed in the frame of the motion's camera."""
    if motion.camera is None:
        raise UsageError("a body can only be placed in front of a camera; give the motion one")
    betas = betas_for(body, output.betas).astype(np.float64)
    pelvis = body.rest_joints(betas)[:, 0]
    position, turn = place(output.camera, boxes * [1, 1, scale, scale], pelvis, motion.camera)
    rotations = output.rotations.astype(np.float64)
    rotations[:, 0] = turn @ rotations[:, 0]
    pose = matrix_to_axis_angle(rotations).reshape(len(rotations), 72)
    transl = position - pelvis
    return person.replace(pose=pose, betas=betas, transl=transl, joints=body.joints(pose, betas, transl))
