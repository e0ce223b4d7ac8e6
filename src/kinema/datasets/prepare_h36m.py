"""Converts Human3.6M's original poses, and 2D keypoints of detectors for them, to VideoPose3D's layout.

Poses, for each subject (the authors' script reads the same):
    S1/MyPoseFeatures/D3_Positions/Directions 1.cdf         as distributed
    S1/MyPoseFeatures/D3_Positions/Directions 1.cdf.mat     converted with MATLAB
    S1/MyPoses/3D_positions/Directions 1.h5                 of Martinez et al.
2D keypoints, for each camera:
    S1/Directions 1.54138969.mp4.npz                        Detectron or CPN
    S1/StackedHourglass[FineTuned240]/Directions_1.54138969.h5
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np

from kinema.datasets.detections import read_detections
from kinema.datasets.h36m import KEPT, ORIGINAL
from kinema.datasets.h36m_cameras import H36M_CAMERAS
from kinema.datasets.projection import project, to_pixels
from kinema.datasets.writing import LAYOUTS, Layout, Prepared, layout_of, write_keypoints, write_positions
from kinema.errors import InputError, UsageError
from kinema.progress import Progress, silent
from kinema.storage.cdf import load_cdf
from kinema.storage.fields import numbers
from kinema.storage.hdf5 import open_hdf5
from kinema.storage.matlab import load_mat

SUBJECTS = tuple(H36M_CAMERAS)
TAKES = 30
"""Number of pose files of each subject."""

CORRUPT = ("S11", "Directions")
"""The action whose video is damaged; all authors leave it out."""

NAMES = {"TakingPhoto": "Photo", "WalkingDog": "WalkDog"}
HOURGLASS = {"StackedHourglass": "sh_pt_mpii", "StackedHourglassFineTuned240": "sh_ft_h36m"}
_ROOTS = ("", "h36m", "pose", "extracted")
_MILLIMETRES = 1000.0

Clips = dict[str, dict[str, list[np.ndarray]]]


def prepare_h36m(
    folder: Path, output: Path, *, keypoints: Path | None = None, name: str | None = None, progress: Progress = silent
) -> Prepared:
    """Write data_3d_h36m.npz and data_2d_h36m_gt.npz, and data_2d_h36m_NAME.npz if there are detections.

    keypoints: folder of Detectron's or CPN's files; name: their name, which determines their joints. Stacked
    Hourglass's are found next to the poses. Raises InputError if there are no poses, for damaged files and for lengths
    that differ.
    """
    if (keypoints is None) != (name is None):
        raise UsageError("a detector's keypoints need a name, and a name keypoints; give both `keypoints` and `name`")
    layout = None if name is None else layout_of(name)
    files = _pose_files(folder)
    tasks = sum(len(each) for each in files.values())
    notes: list[str] = []
    positions: dict[str, dict[str, np.ndarray]] = {}
    done = 0
    for subject, takes in files.items():
        if len(takes) != TAKES:
            notes.append(f"{subject} has {len(takes)} files of poses; all of Human3.6M's are {TAKES}")
        positions[subject] = {}
        for path, read in takes:
            action = canonical(path)
            if (subject, action) != CORRUPT:
                positions[subject][action] = _positions(path, read)
            done += 1
            progress(done, tasks)
    lost = [subject for subject in SUBJECTS if subject not in files]
    if lost:
        notes.append(f"{folder} has no poses of {', '.join(lost)}, which are left out")
    h36m = next(each for each in LAYOUTS if each.name == "h36m")
    written = [write_positions(output / "data_3d_h36m.npz", positions)]
    written.append(write_keypoints(output / "data_2d_h36m_gt.npz", _projected(positions), h36m))
    for kind, clips, joints in _detected(folder, keypoints, name, layout):
        _check_lengths(clips, positions, kind)
        written.append(write_keypoints(output / f"data_2d_h36m_{kind}.npz", clips, joints))
    return Prepared(tuple(written), tuple(notes))


def canonical(path: Path) -> str:
    """The name of the action in a file's name: "WalkDog 1" of "WalkingDog_1.cdf.mat"."""
    action = path.name.split(".")[0].replace("_", " ")
    for original, name in NAMES.items():
        action = action.replace(original, name)
    return action


def _pose_files(folder: Path) -> dict[str, list[tuple[Path, Callable[[Path], np.ndarray]]]]:
    """By subject. Raises InputError if there are none."""
    kinds: tuple[tuple[str, Callable[[Path], np.ndarray]], ...] = (
        ("MyPoseFeatures/D3_Positions/*.cdf", _of_cdf),
        ("MyPoseFeatures/D3_Positions/*.cdf.mat", _of_mat),
        ("MyPoses/3D_positions/*.h5", _of_h5),
    )
    for root in _ROOTS:
        found: dict[str, list[tuple[Path, Callable[[Path], np.ndarray]]]] = {}
        for subject in SUBJECTS:
            for pattern, read in kinds:
                paths = sorted((folder / root / subject).glob(pattern))
                if paths:
                    found[subject] = [(path, read) for path in paths]
                    break
        if found:
            return found
    raise InputError(
        f"{folder} has no poses of Human3.6M; it must hold folders such as S1/MyPoseFeatures/D3_Positions with .cdf or"
        " .cdf.mat files, or S1/MyPoses/3D_positions with .h5 files"
    )


def _of_cdf(path: Path) -> np.ndarray:
    return load_cdf(path, "Pose")


def _of_mat(path: Path) -> np.ndarray:
    value = load_mat(path, ("data",))["data"]
    return np.asarray(value.reshape(-1)[0] if value.dtype == object and value.size else value)


def _of_h5(path: Path) -> np.ndarray:
    with open_hdf5(path) as file:
        values = file.array("3D_positions")  # (96, F)
    return values.T if values.ndim == 2 else values


def _positions(path: Path, read: Callable[[Path], np.ndarray]) -> np.ndarray:
    """(F, 32, 3) float32 metres."""
    values = read(path)
    if values.dtype.kind not in "fiu" or values.size == 0 or values.shape[-1] != ORIGINAL * 3:
        raise InputError(f"{path} has poses of shape {values.shape}; {ORIGINAL * 3} numbers a frame are expected")
    points = numbers(values.reshape(-1, ORIGINAL, 3), "the pose", str(path))
    return np.asarray((points / _MILLIMETRES).astype(np.float32))


def _projected(positions: Mapping[str, Mapping[str, np.ndarray]]) -> Clips:
    """The true 2D keypoints of the 17 joints, pixels."""
    return {
        subject: {
            action: [
                to_pixels(project(camera.to_camera(world[:, KEPT]), camera.lens), camera.width, camera.height).astype(
                    np.float32
                )
                for camera in H36M_CAMERAS[subject]
            ]
            for action, world in takes.items()
        }
        for subject, takes in positions.items()
    }


def _detected(
    folder: Path, keypoints: Path | None, name: str | None, layout: Layout | None
) -> Iterator[tuple[str, Clips, Layout]]:
    if keypoints is not None and name is not None and layout is not None:
        files = sorted(path for path in keypoints.glob("S*/*.npz") if "_ALL" not in path.name)
        if not files:
            raise InputError(f"{keypoints} has no keypoints such as S1/Directions 1.54138969.mp4.npz")
        yield name, _views(files, layout, lambda path: path.parent.name), layout
    for root in _ROOTS:
        for place, kind in HOURGLASS.items():
            files = sorted((folder / root).glob(f"S*/{place}/*.h5"))
            if files:
                # Both have MPII's 16 joints: the second was fine-tuned on them.
                mpii = layout_of("mpii")
                yield kind, _views(files, mpii, lambda path: path.parent.parent.name), mpii


def _views(files: list[Path], layout: Layout, subject_of: Callable[[Path], str]) -> Clips:
    """The keypoints of each camera. Raises InputError for a camera that is unknown or missing."""
    order = {camera.name: number for number, camera in enumerate(H36M_CAMERAS["S1"])}
    found: dict[str, dict[str, list[np.ndarray | None]]] = {}
    for path in files:
        subject, action, parts = subject_of(path), canonical(path), path.name.split(".")
        if (subject, action) == CORRUPT:
            continue
        camera = parts[1] if len(parts) > 1 else ""
        if camera not in order:
            raise InputError(f"{path} belongs to no known camera; its name must contain one of {', '.join(order)}")
        views = found.setdefault(subject, {}).setdefault(action, [None] * len(order))
        views[order[camera]] = read_detections(path, layout)
    clips: Clips = {}
    for subject, takes in found.items():
        clips[subject] = {}
        for action, seen in takes.items():
            lost = next((camera for camera, number in order.items() if seen[number] is None), None)
            if lost is not None:
                raise InputError(f"there are no keypoints of {action!r} of {subject} by camera {lost}; add its file")
            clips[subject][action] = [view for view in seen if view is not None]
    return clips


def _check_lengths(clips: Clips, positions: Mapping[str, Mapping[str, np.ndarray]], name: str) -> None:
    """Raise InputError where detections are missing or end before the motion capture."""
    for subject, takes in positions.items():
        for action, world in takes.items():
            views = clips.get(subject, {}).get(action)
            if views is None:
                raise InputError(f"the keypoints {name} lack {action!r} of {subject}, for which there are poses")
            shortest = min(map(len, views))
            if shortest < len(world):
                raise InputError(
                    f"the keypoints {name} of {action!r} of {subject} have {shortest} frames, its poses {len(world)}"
                )
