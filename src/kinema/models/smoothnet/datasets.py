"""Reader of the data layout that SmoothNet's authors published and SynSP's adopted (users' own copies).

    POSES/DATASET_ESTIMATOR_REP/detected/DATASET_ESTIMATOR_REP_PHASE.npz       an estimator's output
    POSES/DATASET_ESTIMATOR_REP/groundtruth/DATASET_gt_REP_PHASE.npz           the ground truth

REP is 3D, 2D or smpl, PHASE train or test. Each entry is an object array over sequences; objects are read by the
safe reader, nothing is executed. The number of joints comes from the arrays, never from the names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kinema.errors import InputError, UsageError
from kinema.storage.safe_npz import load_npz
from kinema.temporal.sequences import from_rotations

TO_14 = (6, 5, 4, 1, 2, 3, 16, 15, 14, 11, 12, 13, 8, 10)
"""The 14 joints that 3DPW is evaluated on, of the 17 in which EFT's, SPIN's and PARE's results are stored."""

TO_AIST14 = (13, 12, 11, 8, 9, 10, 7, 6, 5, 2, 3, 4, 1, 0)
"""AIST++'s 14 joints, of the 17 of MuPoTS-3D and MPI-INF-3DHP: SynSP is trained on one and refines the other."""

CENTRE, SCALE = 500.0, 500.0
"""2D Human3.6M, pixels: (px - 500) / 500."""

_FIRST, _HIPS, _LAST = (0,), (2, 3), (14,)
_ROOTS: dict[str, tuple[int, ...]] = {"aist": _HIPS, "pw3d": _HIPS, "mpiinf3dhp": _LAST, "mupots": _LAST}
_SEVENTEEN = ("mupots", "mpiinf3dhp")
_KEYS = {"3d": "joints_3d", "2d": "joints_2d", "smpl": "pose"}
_NAMES = {"3d": "3D", "2d": "2D", "smpl": "smpl"}


@dataclass(frozen=True, eq=False)
class RefinerClips:
    """Clips of one dataset, estimator and representation.

    detected, truth: one (F,C) array for each clip, or (P,F,C) for P synchronised views; in the networks' units: metres,
    normalised pixels or 6D rotations. root: joints whose mean is the origin of the metrics (None for 2D). scale: factor
    to the unit of the scores (mm or pixels).
    """

    name: str
    representation: str
    names: tuple[str, ...]
    detected: tuple[np.ndarray, ...]
    truth: tuple[np.ndarray, ...]
    root: tuple[int, ...] | None
    scale: float

    def __post_init__(self) -> None:
        if not self.detected:
            raise InputError(f"{self.name} contains no sequence")
        for name, estimate, truth in zip(self.names, self.detected, self.truth, strict=True):
            if estimate.shape != truth.shape:
                raise InputError(
                    f"{self.name}, {name}: the estimate has shape {estimate.shape}, the truth {truth.shape}"
                )
            for what, values in (("the estimate", estimate), ("the truth", truth)):
                if not np.isfinite(values).all():
                    frame = int(np.argwhere(~np.isfinite(values))[0][-2])
                    raise InputError(f"{self.name}, {name}: {what} holds a value that is not a number in frame {frame}")
        if len({clip.shape[-1] for clip in self.detected}) > 1:
            raise InputError(f"{self.name}: its sequences differ in their number of coordinates")

    @property
    def coordinates(self) -> int:
        result: int = self.detected[0].shape[-1]
        return result

    @property
    def views(self) -> int:
        return self.detected[0].shape[0] if self.detected[0].ndim == 3 else 1


def load_smoothnet_data(
    poses: str | Path, dataset: str, estimator: str, representation: str, phase: str, *, multi_view: bool = False,
    aist14: bool = False,
) -> RefinerClips:  # fmt: skip
    """Read one dataset. phase: "train" or "test". multi_view: clips of the same action from several cameras are grouped
    (SynSP) and cut to the shortest. aist14: 3D joints of MuPoTS and 3DHP as AIST++'s 14, in its order. Raises an
    InputError that names the file, and UsageError.
    """
    if aist14 and (representation != "3d" or dataset not in (*_SEVENTEEN, "aist")):
        raise UsageError(f"AIST++'s joints exist for 3d mupots and mpiinf3dhp, not for {representation} {dataset}")
    if representation not in _KEYS:
        raise UsageError(f"unknown representation {representation!r}; choose one of {', '.join(_KEYS)}")
    if phase not in ("train", "test"):
        raise UsageError(f'phase must be "train" or "test", found {phase!r}')
    rep = _NAMES[representation]
    folder = Path(poses) / f"{dataset}_{estimator}_{rep}"
    estimates = _open(folder / "detected" / f"{dataset}_{estimator}_{rep}_{phase}.npz")
    true = _open(folder / "groundtruth" / f"{dataset}_gt_{rep}_{phase}.npz")
    name = f"{dataset}_{estimator}_{rep}"
    detected, truth = (_clips(file, representation, dataset, name) for file in (estimates, true))
    if len(detected) != len(truth):
        raise InputError(f"{name}: {len(detected)} sequences were estimated, the truth has {len(truth)}")
    images = estimates.get("imgname")
    names = [str(i) if images is None else str(np.ravel(images[i])[0]) for i in range(len(detected))]
    if aist14 and dataset in _SEVENTEEN:
        detected, truth = ([_reordered(clip, name) for clip in clips] for clips in (detected, truth))
        dataset = "aist"
    root = None if representation == "2d" else _root(dataset, estimator, detected[0].shape[-1] // 3)
    if representation == "smpl":
        root = None
    if multi_view:
        names, detected, truth = _grouped_views(names, detected, truth)
    scale = {"3d": 1000.0, "2d": SCALE, "smpl": 1.0}[representation]
    return RefinerClips(name, representation, tuple(names), tuple(detected), tuple(truth), root, scale)


def _open(path: Path) -> Mapping[str, Any]:
    if not path.is_file():
        raise InputError(f"there is no {path}; give the folder that holds DATASET_ESTIMATOR_REP folders")
    return load_npz(path)


def _clips(file: Mapping[str, Any], representation: str, dataset: str, name: str) -> list[np.ndarray]:
    key = _KEYS[representation]
    if key not in file and representation == "3d":
        key = "keypoints_3d"  # according to the authors' README, not their code
    if key not in file:
        raise InputError(f"{name} has no {key!r}; it has {', '.join(list(file)[:8])}")
    out = []
    for i, sequence in enumerate(file[key]):
        values = np.asarray(sequence, dtype=np.float64)
        values = values.reshape(len(values), -1)
        if representation == "smpl":
            if values.shape[1] != 72:
                raise InputError(f"{name}, sequence {i}: pose has {values.shape[1]} numbers per frame, expected 72")
            values = from_rotations(np.nan_to_num(values))
        elif representation == "2d":
            values = _normalised(values, file, dataset, i)
        elif dataset == "pw3d" and values.shape[1] == 17 * 3:
            values = values.reshape(-1, 17, 3)[:, TO_14].reshape(len(values), -1)
        out.append(values)
    return out


def _reordered(clip: np.ndarray, name: str) -> np.ndarray:
    """(F,51) -> (F,42)."""
    if clip.shape[1] != 17 * 3:
        raise InputError(f"{name} has {clip.shape[1] // 3} joints; AIST++'s 14 are taken from 17")
    return clip.reshape(-1, 17, 3)[:, TO_AIST14].reshape(len(clip), -1)


def _normalised(values: np.ndarray, file: Mapping[str, Any], dataset: str, i: int) -> np.ndarray:
    if dataset == "jhmdb" and "imgshape" in file:
        height, width = np.ravel(file["imgshape"][i])[:2]
        return np.asarray(
            (values.reshape(len(values), -1, 2) / np.array([width, height]) - 0.5).reshape(len(values), -1)
        )
    return (values - CENTRE) / SCALE


def _root(dataset: str, estimator: str, joints: int) -> tuple[int, ...]:
    if dataset in ("h36m", "mh36m"):
        root: tuple[int, ...] = _HIPS if joints == 14 and estimator in ("vibe", "tcmr") else _FIRST
    else:
        root = _ROOTS.get(dataset, _FIRST)
    return root if max(root) < joints else _FIRST


def _grouped_views(
    names: list[str], detected: list[np.ndarray], truth: list[np.ndarray]
) -> tuple[list[str], list[np.ndarray], list[np.ndarray]]:
    """Clips whose first image has the same name up to the word "camera", stacked (P,F,C)."""
    groups: dict[str, list[int]] = {}
    for i, name in enumerate(names):
        groups.setdefault(name.split("camera")[0] if "camera" in name else name, []).append(i)
    most = max(len(rows) for rows in groups.values())
    whole = {key: rows for key, rows in groups.items() if len(rows) == most}

    def stacked(clips: list[np.ndarray]) -> list[np.ndarray]:
        return [np.stack([clips[i][: min(len(clips[j]) for j in rows)] for i in rows]) for rows in whole.values()]

    return list(whole), stacked(detected), stacked(truth)
