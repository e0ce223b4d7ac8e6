"""Motion capture for training: SMPL-like rotations and root, from an `.npz` of many sequences."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from kinema.body import BodyModel
from kinema.errors import InputError
from kinema.geometry.rotations import axis_angle_to_matrix
from kinema.skeleton import NUM_BETAS
from kinema.synthetic.performer import perform
from kinema.synthetic.random_motion import improvised
from kinema.temporal.resampling import resample_linear, resample_rotations


@dataclass(frozen=True, eq=False)
class MocapSequence:
    """One sequence. rotation (F,24,3,3) relative to the SMPL parent; root (F,3) pelvis, metres, y up, floor
    at about y = 0; rate in frames a second."""

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


def improvised_sequences(body: BodyModel, count: int, seed: int = 0, rate: float = 60.0) -> list[MocapSequence]:
    """Improvised motions on the average body beside the capture: what half an hour of capture does not hold.

    They come as ten subjects, so that some can be kept for validation.
    """
    betas, sequences = np.zeros(NUM_BETAS), []
    for i in range(count):
        script = improvised(np.random.default_rng([seed, i]))
        acted = perform(script, body, betas, np.arange(round(script.duration * rate)) / rate)
        rotation = axis_angle_to_matrix(acted.pose.reshape(-1, 24, 3))
        root = acted.transl + body.rest_joints(betas)[0]
        sequences.append(MocapSequence(f"improvised_{i}", f"improvised-{i % 10}", "improvised", rate, rotation, root))
    return sequences


def load_mocap(path: str | Path) -> list[MocapSequence]:
    """Read a packed file of sequences (keys seq_start, smpl24_quat_i16, root, ...).

    Quaternions are x, y, z, w in 1/32767. Raises InputError where the file has another layout.
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
