"""Any estimator on single images: its own way, or else its stages, run on a person's crop as on a clip of one frame.

So a new estimator can be analysed as it is (`kinema.evaluation.occlusion`). One of its own (`Estimator.images`) is
faster, since stages read their weights anew for every batch, and can say where it looks.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from kinema.body import BodyModel, load_body
from kinema.errors import InputError, UsageError
from kinema.estimation.registry import Estimator
from kinema.geometry.camera import camera_from_fov
from kinema.geometry.crops import crop
from kinema.models.image_estimator import ImageEstimator, ImageSettings
from kinema.models.imagenet import MEAN
from kinema.motion import Motion
from kinema.options import settings_of
from kinema.person import Person
from kinema.registry import resolve
from kinema.skeleton import SMPL24
from kinema.stage import Stage
from kinema.video import open_video

SIZE = 256
"""Pixels of the crop that stages are given."""

_MARGIN = 1.25
"""Side of the crop over the longer side of the person's box."""

_GIVEN = frozenset({"boxes", "confidence"})
"""What is known of a person in a crop."""


def open_estimator(row: Estimator, settings: Mapping[str, Any], shared: ImageSettings) -> ImageEstimator:
    """The estimator of a row, ready for single images.

    settings: by public name, those of its stages. Raises UsageError for one that needs more than an image and a box,
    WeightsError if its weights are missing.
    """
    if row.images is None:
        return StageImages(row, settings, shared)
    options = _options(row.stages[0], settings, shared)
    opened = resolve(row.images) if isinstance(row.images, str) else row.images
    found: ImageEstimator = opened(options, shared)
    return found


def _options(stage: Stage, settings: Mapping[str, Any], shared: ImageSettings) -> Any:
    """The stage's options with the settings that are its own."""
    named = {name: settings.get(one.public or "") for name, one in settings_of(stage.options).items()}
    own = {name: value for name, value in named.items() if value is not None}
    if shared.threads is not None and any(field.name == "threads" for field in fields(stage.options)):
        own["threads"] = shared.threads
    return stage.options(**own)


class StageImages:
    """The stages of an estimator, up to the first that fills joints or poses, run on crops.

    Every crop is a clip of one frame, with one person whose box is known, in front of a camera of the default field of
    view. Raises UsageError if the stages need more than that.
    """

    size = SIZE
    joints = SMPL24.joints
    fill = MEAN

    def __init__(self, row: Estimator, settings: Mapping[str, Any], shared: ImageSettings) -> None:
        self.name, self._row, self._shared = row.name, row, shared
        self._steps = [
            (stage, replace(_options(stage, settings, shared), **row.settings.get(stage.name, {})))
            for stage in _image_stages(row)
        ]
        self.weights: Mapping[str, str] = {
            name: sha256 for stage, options in self._steps for name, sha256 in stage.files(options).items()
        }

    @cached_property
    def _body(self) -> BodyModel:
        if self._shared.body_model is None and self._row.body is not None:
            return self._row.body()
        return load_body(self._shared.body_model)

    def prepare(self, image: np.ndarray, box: np.ndarray) -> np.ndarray:
        square = np.array([box[0], box[1], _MARGIN * max(box[2], box[3]), 0.0])
        return crop(image, square, size=SIZE).astype(np.float32) / np.float32(255)

    def to_image(self, prepared: np.ndarray) -> np.ndarray:
        return np.asarray(np.rint(np.clip(prepared, 0, 1) * 255).astype(np.uint8))

    def estimate(self, prepared: np.ndarray) -> np.ndarray:
        """Raises InputError if the stages find no joints in one of the crops."""
        count = len(prepared)
        edge = (1 - 1 / _MARGIN) * SIZE / 2
        box = np.array([[edge, edge, SIZE - edge, SIZE - edge]])
        # Each crop is another person's, so that no stage smooths over them.
        people = tuple(Person(i + 1, np.array([i]), boxes=box, confidence=np.ones(1)) for i in range(count))
        with tempfile.TemporaryDirectory() as folder:
            for number, one in enumerate(prepared):
                file = Path(folder) / f"{number:06d}.png"
                cv2.imwrite(str(file), np.ascontiguousarray(self.to_image(one)[..., ::-1]))
            with open_video(folder) as video:
                motion = Motion(
                    np.arange(count) / video.fps, SIZE, SIZE, people=people, camera=camera_from_fov(SIZE, SIZE)
                )
                for stage, options in self._steps:
                    motion = stage(motion, self._body, options, video=video)
        found = {person.id: self._joints(person) for person in motion}
        joints = [found.get(i + 1) for i in range(count)]
        missing = sum(each is None for each in joints)
        if missing:
            raise InputError(f"{self.name} finds nobody in {missing} of {count} covered images; use a smaller patch")
        places = np.stack([each for each in joints if each is not None])
        return np.asarray(places - places[:, SMPL24.indices(["left_hip", "right_hip"])].mean(axis=1, keepdims=True))

    def _joints(self, person: Person) -> np.ndarray | None:
        """(24,3), or None."""
        if person.joints is None and person.pose is not None:
            betas = np.zeros((len(person), 10)) if person.betas is None else person.betas
            return np.asarray(self._body.joints(person.pose, betas, np.zeros((len(person), 3)))[0])
        if person.joints is None or not np.all(np.isfinite(person.joints)):
            return None
        return np.asarray(person.joints[0])


def _image_stages(row: Estimator) -> list[Stage]:
    known, found = set(_GIVEN), []
    for stage in row.stages:
        missing = [name for name in stage.requires if name not in known]
        if missing:
            raise UsageError(
                f"the estimator {row.name} works from {missing[0]}, which a covered image does not have; choose one"
                " that works from images, such as blazepose"
            )
        found.append(stage)
        known |= set(stage.fills)
        if known & {"joints", "pose"}:
            return found
    raise UsageError(f"the estimator {row.name} has no stage that fills joints or poses; choose another one")
