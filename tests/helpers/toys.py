"""Toy plug-ins: a tracker, an estimator, a refiner, a format and a stage, as another package might add them.

Kinema knows none of them. Each is one row that the tests register, or install as an entry point.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np

from kinema.estimation.registry import Estimator
from kinema.formats import MotionFormat
from kinema.geometry.camera import camera_from_fov
from kinema.motion import Motion
from kinema.options import setting
from kinema.person import Person
from kinema.refinement import Refiner
from kinema.stage import Stage
from kinema.tracking.registry import Tracker


@dataclass(frozen=True)
class ToyTrackOptions:
    """Settings of the toy tracker."""

    people_seen: int = setting(1, "how many people the toy finds", public="toy_people", metavar="N")


def _track(motion, context, options):
    times = [frame.time for frame in context.video]
    frames = np.arange(len(times))
    people = tuple(
        Person(
            id + 1, frames, boxes=np.tile([10.0, 5.0, 40.0, 60.0], (len(frames), 1)), keypoint_set="coco17",
            keypoints=np.full((len(frames), 17, 2), 30.0), keypoint_confidence=np.ones((len(frames), 17)),
        )
        for id in range(options.people_seen)
    )  # fmt: skip
    return Motion(times, context.video.width, context.video.height, people=people, source=context.video.path.name)


TRACKER = Tracker(
    "toy-tracker",
    "finds as many people as it is told to",
    Stage(
        "toy-track", "pretending to follow", ToyTrackOptions, _track, video=True,
        fills=("boxes", "keypoints", "keypoint_confidence"),
    ),
)  # fmt: skip


@dataclass(frozen=True)
class ToyFitOptions:
    """Settings of the toy estimator."""

    depth: float = setting(3.0, "everybody's distance from the camera in metres", public="toy_depth", metavar="M")


def _stand(motion, context, options):
    people = []
    for person in motion:
        pose, betas = np.zeros((len(person), 72)), np.zeros((len(person), 10))
        pose[:, 0] = np.pi
        transl = np.tile([0.0, 0.0, options.depth], (len(person), 1))
        joints = context.body.joints(pose, betas, transl)
        people.append(person.replace(pose=pose, betas=betas, transl=transl, joints=joints))
    camera = motion.camera or camera_from_fov(motion.width, motion.height)
    return motion.replace(people=tuple(people), camera=camera, body_model=context.body.name)


ESTIMATOR = Estimator(
    "toy-estimator",
    "everybody stands upright",
    (
        Stage(
            "toy-stand", "pretending to fit", ToyFitOptions, _stand, requires=("keypoints",), body=True,
            fills=("pose", "betas", "transl", "joints", "camera"),
        ),
    ),
)  # fmt: skip


@dataclass(frozen=True)
class ToyRefineOptions:
    """Settings of the toy refiner: none."""


def _freeze(motion, context, options):
    return motion.replace(
        people=tuple(person.replace(transl=np.tile(person.transl.mean(axis=0), (len(person), 1))) for person in motion)
    )


REFINER = Refiner(
    "toy-refiner",
    "everybody stands still",
    Stage(
        "toy-freeze", "pretending to refine", ToyRefineOptions, _freeze, requires=("transl", "pose"),
        fills=("transl", "pose"),
    ),
)  # fmt: skip


@dataclass(frozen=True)
class ToyStageOptions:
    """Settings of the toy stage: none."""


def _count(motion, context, options):
    return motion.replace(data={**motion.data, "toy_count": len(motion.people)})


STAGE = Stage("toy-count", "counting", ToyStageOptions, _count)


def _write(motion, path, *, body=None):
    path.write_text(json.dumps({"toy": [person.transl.tolist() for person in motion], "fps": motion.fps}))
    return path


def _open(path):
    return json.loads(path.read_text())


def _read(content, path):
    people = tuple(
        Person(id + 1, np.arange(len(transl)), transl=np.array(transl), pose=np.zeros((len(transl), 72)))
        for id, transl in enumerate(content["toy"])
    )
    return Motion(np.arange(len(people[0])) / content["fps"], 0, 0, people=people)


FORMAT = MotionFormat(
    "toy-format",
    "root trajectories as JSON",
    (".toy",),
    SimpleNamespace(recognises=lambda content: "toy" in content, read=_read, write=_write),
    writes=True,
    timed=True,
    holds="everybody's root trajectory",
    keeps=("transl",),
    opener=_open,
)
