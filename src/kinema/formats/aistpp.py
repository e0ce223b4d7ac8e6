"""AIST++ motions, `.pkl`: `smpl_poses` (T,72) and `smpl_trans` (T,3) in a y-up world, 60 frames per second.

`smpl_scaling` (1,) is the number of units of `smpl_trans` per metre.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kinema.errors import InputError
from kinema.formats.foreign import motion_from, pose_from
from kinema.formats.report import Notes
from kinema.motion import Motion
from kinema.person import Person
from kinema.storage.fields import numbers, require_keys, scalar

FPS = 60.0


def recognises(content: Mapping[Any, Any]) -> bool:
    """Whether an unpickled object is an AIST++ motion."""
    return isinstance(content, dict) and {"smpl_poses", "smpl_trans"} <= set(content)


def read(content: Mapping[Any, Any], path: Path) -> Motion:
    """The dancer in the world: `pose_world`, `transl_world` in metres. The file has no shape.

    Raises InputError, ShapeError.
    """
    what, notes = str(path), Notes()
    require_keys(content, ("smpl_poses", "smpl_trans", "smpl_scaling"), what)
    notes.left_out(content, {"smpl_poses", "smpl_trans", "smpl_scaling"})
    pose = pose_from(content["smpl_poses"], "smpl_poses", what, notes)
    trans = numbers(content["smpl_trans"], "smpl_trans", what, (len(pose), 3))
    scaling = scalar(content["smpl_scaling"], "smpl_scaling", what)
    if scaling <= 0:
        raise InputError(f"{what}: smpl_scaling must be positive, found {scaling:g}")
    person = Person(id=1, frames=np.arange(len(pose)), pose_world=pose, transl_world=trans / scaling)
    return motion_from("aistpp", [person], path, notes, fps=None, own_fps=FPS)
