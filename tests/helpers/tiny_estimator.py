"""A stranger's image-to-body estimator, as small as can be: one stage and one row.

Everybody stands with the arms to the sides; the brighter the left half of the box is in the picture, the more the left
arm is raised. `TINY` is the row alone; `ATTENTIVE` also opens itself for single images, and says where it looks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from kinema.estimation.registry import Estimator
from kinema.estimation.single_images import StageImages
from kinema.geometry.camera import camera_from_fov
from kinema.models.attention import Attention
from kinema.options import setting
from kinema.person import row_of
from kinema.skeleton import SMPL24
from kinema.stage import Stage

SHOULDER = SMPL24.joints.index("left_shoulder")


@dataclass(frozen=True)
class TinyOptions:
    """How the tiny estimator estimates."""

    gain: float = setting(1.0, "radians by which white raises the arm", public="tiny_gain", metavar="RAD")


def _raise_arms(motion, context, options):
    poses = {person.id: np.zeros((len(person), 72)) for person in motion}
    for number, frame in enumerate(context.video):
        for person in motion:
            row = row_of(person, number)
            if row is not None:
                x0, y0, x1, y1 = (round(float(value)) for value in person.boxes[row])
                half = frame.image[max(y0, 0) : y1, max(x0, 0) : (x0 + x1) // 2]
                poses[person.id][row, 0] = np.pi
                poses[person.id][row, 3 * SHOULDER + 2] = options.gain * half.mean() / 255
    people = []
    for person in motion:
        pose, betas = poses[person.id], np.zeros((len(person), 10))
        transl = np.tile([0.0, 0.0, 4.0], (len(person), 1))
        joints = context.body.joints(pose, betas, transl)
        people.append(person.replace(pose=pose, betas=betas, transl=transl, joints=joints))
    camera = motion.camera or camera_from_fov(motion.width, motion.height)
    return motion.replace(people=tuple(people), camera=camera, body_model=context.body.name)


TINY = Estimator(
    "tiny",
    "raises the left arm where there is light",
    (
        Stage(
            "tiny-raise", "raising arms", TinyOptions, _raise_arms, requires=("boxes",), body=True, video=True,
            fills=("pose", "betas", "transl", "joints", "camera"),
        ),
    ),
)  # fmt: skip


class _Attentive(StageImages):
    def attention(self, prepared):
        maps = np.zeros((24, 8, 8))
        maps[:, :, :4] = 1
        return Attention(maps)


def _open(options, shared):
    return _Attentive(TINY, {"tiny_gain": options.gain}, shared)


ATTENTIVE = replace(TINY, images=_open)
