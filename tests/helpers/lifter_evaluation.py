"""Small data sets for `kinema evaluate lifter`, lifters whose errors on them are known, and its scores."""

from __future__ import annotations

import json

import numpy as np

from kinema.__main__ import main
from kinema.datasets.h36m import SIDES, mirror_order, read_dataset
from kinema.lifting.inputs import to_screen
from tests.helpers.lifter_datasets import write_dataset
from tests.helpers.lifter_doubles import KnowingLifter

MIRROR = mirror_order(17, *SIDES[17])


def h36m(folder, **how):
    return write_dataset(folder, subjects=("S1", "S9", "S11"), actions=("Directions 1", "Walking", "Walking 1"), **how)


def knowing_h36m(folder, change=lambda joints, clip: joints):
    """A double for every view, whose errors are `change`'s: metres, relative to the root."""
    known = []
    for clip in read_dataset(folder / "data_3d_h36m.npz", folder / "data_2d_h36m_gt.npz").clips():
        screen = to_screen(clip.keypoints, clip.camera.width, clip.camera.height, clip.camera.width)
        joints = np.asarray(clip.joints, dtype=np.float64)
        known.append((screen, change(joints - joints[:, :1], clip)))
    return KnowingLifter(known, MIRROR, MIRROR)


def scores_of(capsys, arguments):
    assert main(["evaluate", "lifter", *map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def sequences(frames=(6, 4), valid=None):
    rng = np.random.default_rng(1)
    return {
        name: {
            "data_2d": rng.uniform(100, 1000, (count, 17, 2)).astype(np.float32),
            "data_3d": (rng.normal(scale=300, size=(count, 17, 3)) + [0, 0, 3500]).astype(np.float32),
            "valid": np.ones(count) if valid is None else valid,
        }
        for name, count in zip(("TS1", "TS6"), frames, strict=False)
    }


def refused(capsys, arguments, code=3):
    assert main(["evaluate", "lifter", *map(str, arguments)]) == code
    message = capsys.readouterr().err.splitlines()[-1]
    assert message.startswith("kinema: ")
    return message
