"""Motion capture for training: SMPL-like rotations and root, from an `.npz` of many sequences."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from kinema.body import BodyModel, load_body
from kinema.errors import InputError
from kinema.formats.motion_files import load_motion
from kinema.geometry.rotations import axis_angle_to_matrix
from kinema.skeleton import NUM_BETAS
from kinema.storage.atomic import atomic_path
from kinema.synthetic.exercises import random_exercise
from kinema.synthetic.performer import Script, perform
from kinema.synthetic.random_motion import random_motion
from kinema.temporal.rate import frame_rate
from kinema.temporal.resampling import resample_linear, resample_rotations


@dataclass(frozen=True, eq=False)
class MocapSequence:
    """One sequence. rotation (F,24,3,3) relative to the SMPL parent; root (F,3) pelvis, metres, y up, floor
    at about y = 0; rate in frames per second."""

    name: str
    subject: str
    category: str
    rate: float
    rotation: np.ndarray
    root: np.ndarray

    def resampled(self, rate: float) -> MocapSequence:
        """The same motion at another frame rate: rotations by slerp, the root linearly."""
        count = len(self.root)
        if count < 2 or rate == self.rate:
            return self
        old = np.arange(count) / self.rate
        new = np.arange(int(np.floor(old[-1] * rate)) + 1) / rate
        rotation, root = resample_rotations(self.rotation, old, new), resample_linear(self.root, old, new)
        return MocapSequence(self.name, self.subject, self.category, rate, rotation, root)


ACTS: dict[str, Callable[[np.random.Generator], Script]] = {"random": random_motion, "exercise": random_exercise}
"""Procedural motions for training, by category."""


def random_sequences(
    body: BodyModel, count: int, category: str = "random", seed: int = 0, rate: float = 60.0
) -> list[MocapSequence]:
    """Random motions of the average body, of one of ACTS, which half an hour of capture does not contain.

    They are assigned to ten subjects, so that some can be held out for validation.
    """
    betas, sequences = np.zeros(NUM_BETAS), []
    for i in range(count):
        script = ACTS[category](np.random.default_rng([seed, i]))
        performed = perform(script, body, betas, np.arange(round(script.duration * rate)) / rate)
        rotation = axis_angle_to_matrix(performed.pose.reshape(-1, 24, 3))
        root = performed.transl + body.rest_joints(betas)[0]
        name, subject = f"{category}_{i}", f"{category}-{i % 10}"
        sequences.append(MocapSequence(name, subject, category, rate, rotation, root))
    return sequences


def load_mocap(path: str | Path) -> list[MocapSequence]:
    """Read a packed file of sequences (keys seq_start, smpl24_quat_i16, root, ...).

    Quaternions are x, y, z, w in units of 1/32767. Raises InputError if the file has another layout.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            start, names, subjects = file["seq_start"], file["seq_name"], file["subject"]
            categories, rates = file["category"], file["fps"]
            quaternion, root = file["smpl24_quat_i16"], file["root"].astype(np.float64)
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{path} is not a packed motion capture file: {error}") from None
    sequences = []
    for i, (first, last) in enumerate(itertools.pairwise(start)):
        quats = quaternion[first:last].astype(np.float64).reshape(-1, 4)
        rotation = Rotation.from_quat(quats).as_matrix().reshape(-1, 24, 3, 3)
        sequences.append(
            MocapSequence(
                str(names[i]), str(subjects[i]), str(categories[i]), float(rates[i]), rotation, root[first:last]
            )
        )
    return sequences


def pack_bvh(files: Sequence[Path], out: Path) -> int:
    """Write the captures of BVH files in the layout that `load_mocap` reads; returns their number.

    The subject is the part of a file's name before the first underscore, the category the name of its folder. Files
    without motion are left out. Raises the reader's errors.
    """
    body = load_body()
    names, subjects, categories, rates, rotations, roots = [], [], [], [], [], []
    for path in files:
        motion = load_motion(path)
        person = motion.people[0]
        pose, betas, transl = person.require("pose_world", "betas", "transl_world")
        names.append(path.stem)
        subjects.append(path.stem.split("_")[0])
        categories.append(path.parent.name)
        rates.append(frame_rate(motion.times))
        rotations.append(Rotation.from_rotvec(np.array(pose).reshape(-1, 3)).as_quat().reshape(-1, 24, 4))
        roots.append(transl + body.rest_joints(betas)[:, 0])
    with atomic_path(out) as part, part.open("wb") as file:
        np.savez_compressed(
            file,
            seq_start=np.cumsum([0, *map(len, roots)]),
            seq_name=np.array(names),
            subject=np.array(subjects),
            category=np.array(categories),
            fps=np.array(rates),
            smpl24_quat_i16=np.round(np.concatenate(rotations) * 32767).astype(np.int16),
            root=np.concatenate(roots).astype(np.float32),
        )
    return len(names)
