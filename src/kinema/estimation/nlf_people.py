"""NLF on tracked people: vertices and joints of everyone in every frame, kept in files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from kinema.body import BodyModel
from kinema.errors import InputError
from kinema.estimation.nlf_boxes import boxes_of
from kinema.estimation.nlf_choosing import plausible_people, surest_people
from kinema.estimation.nlf_keeping import keeping
from kinema.estimation.nlf_points import CanonicalPoints, canonical_points, further_points
from kinema.geometry.camera import Camera, camera_from_fov, with_fov
from kinema.models.nlf.options import NlfOptions
from kinema.models.nlf.program import NlfProgram
from kinema.models.nlf.release import data_file, weights_file
from kinema.models.nlf.torch_run import CropSettings, NlfEstimator
from kinema.models.nlf.views import Lens
from kinema.motion import Motion
from kinema.person import Person, row_of
from kinema.stage import LEFT_OUT, Context, given

_NOTE = (
    "the free body stands in for SMPL: NLF was asked for the points of its surface; give an SMPL file with `body_model`"
)

_PROGRAM = (
    "the program in NLF's .torchscript works in half precision and on a GPU only; its weights are used in Kinema's own"
    " network, in float32"
)


class Locator(Protocol):
    """What finds points of people in boxes: `NlfEstimator`, `NlfProgram`, or what stands in for them."""

    def cropped(self, image: np.ndarray, boxes: np.ndarray, lens: Lens, settings: CropSettings) -> list[Any]: ...

    def located(self, people: list[Any]) -> tuple[np.ndarray, np.ndarray]: ...


def localize(motion: Motion, context: Context, options: NlfOptions) -> Motion:
    """The stage's code: `locate_people` with the weights in the options."""
    body = given(context.body)
    weights = weights_file(options.weights)
    data = data_file(weights, options.data)
    points = replace(canonical_points(body, data), more=further_points(options.points, data))
    context.notes.extend(points.notes)
    if body.name == "free":
        context.notes.append(_NOTE)
    estimator: NlfEstimator | NlfProgram
    if options.program:
        estimator = NlfProgram(weights, points.all, batch=options.internal_batch_size)
    else:
        estimator = NlfEstimator(
            weights,
            points.all,
            data=options.data,
            halves=options.half_weights or options.parity,
            device=options.device,
            threads=options.threads,
        )
        if weights.suffix == ".torchscript":
            context.notes.append(_PROGRAM)
    context.facts["device"] = estimator.device
    context.weights[weights.name] = estimator.sha256
    motion = locate_people(motion, context, body, points, estimator, options)
    if options.suppress_implausible_poses:
        motion, dropped = plausible_people(motion)
        if dropped:
            context.notes.append(
                f"{LEFT_OUT}, because NLF's pose is unsure, outside of its box, or another person's: {dropped} frames"
                " of people in all; without `suppress_implausible_poses` they stay"
            )
    return motion


def locate_people(
    motion: Motion,
    context: Context,
    body: BodyModel,
    points: CanonicalPoints,
    estimator: Locator,
    options: NlfOptions,
) -> Motion:
    """Vertices, joints and their uncertainties of everyone who has boxes, in the frame of the motion's camera.

    The context's video is the one the motion was tracked in, with the same time range. Vertices are written as they are
    found, to `context.folder`, or else to a folder that lasts as long as the process; with `context.partial` a stopped
    stage goes on where it was (`kinema.estimation.nlf_keeping`). Raises OutputError for a full disk; InputError if the
    video ends before the tracks do, or masks that people are cropped by do not fit it; UsageError if there are none.
    """
    if options.fov is not None:
        camera = with_fov(motion.camera, motion.width, motion.height, options.fov)
    else:
        camera = motion.camera or camera_from_fov(motion.width, motion.height)
    if options.max_detections is not None:
        motion, dropped = surest_people(motion, options.max_detections)
        if dropped:
            most = "1 person" if options.max_detections == 1 else f"{options.max_detections} people"
            context.notes.append(
                f"at most {most} of a frame were kept, the surest; {dropped} frames of people in all were left out"
            )
    tracks = boxes_of(motion, options.boxes, context.notes)
    people = [person for person in motion if person.id in tracks]
    counts = [len(points.vertices), len(points.joints), *([len(points.more)] if len(points.more) else [])]
    with keeping(people, counts, context.folder, context.partial) as kept:
        total = sum(map(len, people))
        owed = sum(int((person.frames >= kept.first).sum()) for person in people)
        batch: list[tuple[int, int, Any]] = []

        def finish() -> None:
            nonlocal owed
            found, spread = estimator.located([each[2] for each in batch])
            for (id, row, _), place, uncertainty in zip(batch, found, spread, strict=True):
                kept.put(id, row, place, uncertainty)
            id, row, _ = batch[-1]
            kept.save(int(motion.person(id).frames[row]))
            owed -= len(batch)
            batch.clear()
            context.progress(total - owed, total)

        for id, row, crop in _crops(motion, context, camera, tracks, people, estimator, options, kept.first):
            batch.append((id, row, crop))
            if len(batch) * options.num_aug >= options.internal_batch_size:
                finish()
        if batch:
            finish()
        if owed:
            raise InputError(
                f"the video ended {owed} frames before the tracks did; track it again, with the same time range"
            )
        located = kept.filled()
    return motion.replace(
        people=tuple(located.get(person.id, person) for person in motion), camera=camera, body_model=body.name
    )


def _crops(
    motion: Motion,
    context: Context,
    camera: Camera,
    tracks: dict[int, np.ndarray],
    people: list[Person],
    estimator: Locator,
    options: NlfOptions,
    first: int,
) -> Iterator[tuple[int, int, Any]]:
    """The crop of everyone in every frame from the `first` one, with id and row, as the video gives them."""
    lens = Lens(camera.intrinsics, camera.distortion)
    decodings = 2 if options.double_gamma else 1
    settings = CropSettings(options.num_aug, options.antialias_factor, options.pad_white_pixels, decodings)
    last = max((int(person.frames[-1]) for person in people if len(person)), default=-1)
    for number, frame in enumerate(given(context.video)):
        if number > last:
            break
        rows = ((person.id, row_of(person, number)) for person in people)
        here = [(id, row) for id, row in rows if row is not None] if number >= first else []
        if here:
            corners = np.stack([tracks[id][row] for id, row in here])
            boxes = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)
            for (id, row), crop in zip(here, estimator.cropped(frame.image, boxes, lens, settings), strict=True):
                yield id, row, crop
