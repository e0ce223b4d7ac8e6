"""The data that lifters are evaluated on: every view of every clip of a data set, in one form.

The files are users' copies, in the layouts of VideoPose3D's and P-STMO's authors (`kinema.datasets`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from kinema.datasets import humaneva, mpi3dhp
from kinema.datasets.cameras import DatasetCamera, read_cameras
from kinema.datasets.h36m import LifterDataset, mirror_order, read_dataset
from kinema.datasets.h36m_cameras import H36M_CAMERAS
from kinema.errors import InputError, UsageError
from kinema.evaluation.lifter_options import LifterEvaluationOptions, names_in

H36M_SUBJECTS = ("S9", "S11")
MILLIMETRES = 1000.0


@dataclass(frozen=True, eq=False)
class EvaluatedView:
    """One camera's view of one clip. keypoints (F, K, 2) pixels; truth (F, J, 3) mm, relative to the root; valid (F,)
    bool: the frames that count, None for all. root_depth (F,): metres along the camera's axis; lens (9,): as in
    `DatasetCamera`; both only if known.
    """

    subject: str
    action: str
    width: int
    height: int
    keypoints: np.ndarray
    truth: np.ndarray
    valid: np.ndarray | None = None
    root_depth: np.ndarray | None = None
    lens: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class EvaluatedData:
    """A data set. views: called to iterate over them. frames: total number. keypoints: name of the 2D keypoints.

    joints_in, joints_out: 2D and 3D joints. mirror_in, mirror_out: their order in a mirror. root: the 3D joint that
    others are relative to. scored: joints of PCK and AUC. rate: frames per second. groups: parts of the body. layout:
    of the 2D joints, if the file states it.
    """

    name: str
    keypoints: str
    views: Callable[[], Iterator[EvaluatedView]]
    frames: int
    joints_in: int
    joints_out: int
    mirror_in: np.ndarray
    mirror_out: np.ndarray
    root: int
    scored: tuple[int, ...]
    rate: float
    groups: Mapping[str, Sequence[int]] = field(default_factory=dict)
    layout: str = ""


def evaluated_data(folder: Path, options: LifterEvaluationOptions) -> EvaluatedData:
    """The data of these options in a folder. Raises InputError: no such file, another layout, a subject that is not
    there, nothing to evaluate; UsageError: several files of 2D keypoints, none named.
    """
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}; give the one with the prepared files (kinema data prepare)")
    return _of_3dhp(folder, options) if options.dataset == "3dhp" else _of_positions(folder, options)


def _of_positions(folder: Path, options: LifterEvaluationOptions) -> EvaluatedData:
    human = options.dataset == "h36m"
    stem = "h36m" if human else f"humaneva{humaneva.JOINTS}"
    positions = _file(folder, f"data_3d_{stem}.npz", options.dataset)
    keypoints, name = _keypoint_file(folder, stem, options)
    cameras: Mapping[str, tuple[DatasetCamera, ...]] = H36M_CAMERAS if human else humaneva.HUMANEVA_CAMERAS
    if options.cameras is not None:
        cameras = read_cameras(options.cameras)
    data = read_dataset(positions, keypoints, dict(cameras))
    usual = H36M_SUBJECTS if human else humaneva.TEST_SUBJECTS
    subjects = names_in(options.subjects) or (data.subjects if options.cameras is not None else usual)
    actions = names_in(options.actions) or (() if human else humaneva.TEST_ACTIONS)
    frames = _frames(data, subjects, actions, options.downsample)

    def views() -> Iterator[EvaluatedView]:
        for clip in data.clips(subjects, actions):
            joints = clip.joints[:: options.downsample] * MILLIMETRES
            yield EvaluatedView(
                clip.subject, clip.kind, clip.camera.width, clip.camera.height,
                clip.keypoints[:: options.downsample], joints - joints[:, :1], None,
                clip.joints[:: options.downsample, 0, 2], clip.camera.lens,
            )  # fmt: skip

    two, three = data.keypoints, data.positions
    return EvaluatedData(
        options.dataset, name, views, frames, two.joints, three.joints, mirror_order(two.joints, two.left, two.right),
        mirror_order(three.joints, three.left, three.right), 0, tuple(range(1, three.joints)), 50.0 if human else 60.0,
        layout=two.layout,
    )  # fmt: skip


def _frames(data: LifterDataset, subjects: Sequence[str], actions: Sequence[str], downsample: int) -> int:
    """Number of frames of all views, each of which is checked before the first is lifted. Raises InputError."""
    total = sum(-(-len(clip.joints) // downsample) for clip in data.clips(subjects, actions))
    if not total:
        chosen = f"of {', '.join(actions)} " if actions else ""
        raise InputError(f"{data.positions.name} has no frames {chosen}of {', '.join(subjects)}; choose others")
    return total


def _of_3dhp(folder: Path, options: LifterEvaluationOptions) -> EvaluatedData:
    path = _file(folder, "data_test_3dhp.npz", options.dataset)
    sequences = mpi3dhp.read_test_3dhp(path, names_in(options.subjects))
    if not any(sequence.valid[:: options.downsample].any() for sequence in sequences):
        raise InputError(f"{path.name} marks no frame as valid, so there is nothing to evaluate; prepare it again")

    def views() -> Iterator[EvaluatedView]:
        every = slice(None, None, options.downsample)
        for sequence in sequences:
            joints = sequence.joints[every]
            yield EvaluatedView(
                sequence.name, sequence.name, sequence.width, sequence.height, sequence.keypoints[every],
                joints - joints[:, mpi3dhp.ROOT, None], sequence.valid[every],
            )  # fmt: skip

    frames = sum(-(-len(sequence.valid) // options.downsample) for sequence in sequences)
    mirror = mpi3dhp.MIRROR
    return EvaluatedData(
        "3dhp", "gt", views, frames, mpi3dhp.JOINTS, mpi3dhp.JOINTS, mirror, mirror, mpi3dhp.ROOT, mpi3dhp.SCORED, 25.0,
        mpi3dhp.GROUPS,
    )  # fmt: skip


def _file(folder: Path, name: str, dataset: str) -> Path:
    path = folder / name
    if not path.is_file():
        raise InputError(f"there is no {name} in {folder}; `kinema data prepare {dataset}` makes it from the originals")
    return path


def _keypoint_file(folder: Path, stem: str, options: LifterEvaluationOptions) -> tuple[Path, str]:
    """The 2D file and its NAME."""
    prefix = f"data_2d_{stem}_"
    if options.keypoints is not None:
        return _file(folder, f"{prefix}{options.keypoints}.npz", options.dataset), options.keypoints
    found = sorted(folder.glob(f"{prefix}*.npz"))
    names = [path.stem.removeprefix(prefix) for path in found]
    if not found:
        raise InputError(f"there is no {prefix}NAME.npz in {folder}; put the 2D keypoints there")
    if len(found) > 1:
        raise UsageError(f"{folder} has the 2D keypoints {', '.join(names)}; choose some with `keypoints`")
    return found[0], names[0]
