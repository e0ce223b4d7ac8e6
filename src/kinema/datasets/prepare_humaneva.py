"""Converts HumanEva-I's poses, exported from MATLAB by VideoPose3D's authors' script, to VideoPose3D's layout.

    converted_15j/Train/S1/Walking_1.mat    poses_3d (F, 15, 3) mm, poses_2d (3, F, 15, 2) pixels; NaN where they fail
    S1/Walking_1_(C1).avi.npz               2D keypoints of a detector, for each camera

(github.com/facebookresearch/VideoPose3D, DATASETS.md.)
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kinema.datasets.detections import read_detections
from kinema.datasets.humaneva import CAMERAS, JOINTS, OFFSETS, PARTS, SPLITS, frames_of
from kinema.datasets.writing import Layout, Prepared, layout_of, write_keypoints, write_positions
from kinema.errors import InputError, UsageError
from kinema.progress import Progress, silent
from kinema.storage.fields import numbers
from kinema.storage.matlab import load_mat

_ROOTS = ("", "converted_15j", "Release_Code_v1_1_beta/converted_15j")
_MILLIMETRES = 1000.0
_VIDEO = re.compile(r"(.+) \((C\d)\)\.avi\.npz")


@dataclass(frozen=True)
class _Chunk:
    """An unbroken part of a take. first, last: its frames; known: whether the motion capture has them."""

    split: str
    name: str
    first: int
    last: int
    known: bool


def prepare_humaneva(
    folder: Path, output: Path, *, keypoints: Path | None = None, name: str | None = None, progress: Progress = silent
) -> Prepared:
    """Write data_3d_humaneva15.npz and data_2d_humaneva15_gt.npz, and the files of detections.

    keypoints: folder of Detectron's files; name: their name, which determines their joints. Raises InputError.
    """
    if (keypoints is None) != (name is None):
        raise UsageError("a detector's keypoints need a name, and a name keypoints; give both `keypoints` and `name`")
    layout = None if name is None else layout_of(name)
    root = next((folder / each for each in _ROOTS if any((folder / each / split).is_dir() for split in SPLITS)), folder)
    files = [
        (split, subject, path)
        for split in SPLITS
        for subject in PARTS
        for path in sorted((root / split / subject).glob("*.mat"))
    ]
    if not files:
        raise InputError(f"{folder} has no poses such as Train/S1/Walking_1.mat, which ConvertHumanEva.m writes")
    positions: dict[str, dict[str, np.ndarray]] = {}
    seen: dict[str, dict[str, list[np.ndarray]]] = {}
    chunks: dict[tuple[str, str], list[_Chunk]] = {}
    for done, (split, subject, path) in enumerate(files, 1):
        take = path.stem.replace("_", " ")
        three, two = _take(path, frames_of(split, subject, take))
        parts = _chunks(split, take, three, (frames_of(split, subject, take) or (0, 0))[0])
        chunks.setdefault((subject, take), []).extend(parts)
        for part in parts:
            if part.known:
                rows = slice(part.first - parts[0].first, part.last - parts[0].first)
                positions.setdefault(f"{split}/{subject}", {})[part.name] = three[rows]
                seen.setdefault(f"{split}/{subject}", {})[part.name] = [view[rows] for view in two]
        progress(done, len(files))
    if not positions:
        raise InputError(f"{folder} has no frame with motion capture")
    written = [write_positions(output / f"data_3d_humaneva{JOINTS}.npz", positions)]
    written.append(write_keypoints(output / f"data_2d_humaneva{JOINTS}_gt.npz", seen, layout_of("humaneva15")))
    if keypoints is not None and name is not None and layout is not None:
        detected = _detected(keypoints, chunks, layout)
        written.append(write_keypoints(output / f"data_2d_humaneva{JOINTS}_{name}.npz", detected, layout))
    return Prepared(tuple(written))


def _take(path: Path, expected: tuple[int, int] | None) -> tuple[np.ndarray, np.ndarray]:
    """(F, 15, 3) metres and (3, F, 15, 2) pixels, float32, NaN in frames without motion capture."""
    content = load_mat(path, ("poses_3d", "poses_2d"))
    place = str(path)
    three = numbers(content["poses_3d"], "poses_3d", place, ("F", "J", 3), nan=True)
    if three.shape[1] != JOINTS:
        raise InputError(f"{path} has {three.shape[1]} joints; convert it with N_JOINTS = {JOINTS}")
    two = numbers(content["poses_2d"], "poses_2d", place, (len(CAMERAS), "F", JOINTS, 2), nan=True)
    if len(three) != two.shape[1]:
        raise InputError(f"{path} has {len(three)} frames of poses_3d and {two.shape[1]} of poses_2d")
    if expected is not None and len(three) != expected[1] - expected[0]:
        raise InputError(f"{path} has {len(three)} frames, this part of the take has {expected[1] - expected[0]}")
    lost = np.isnan(three).any(axis=(1, 2)) != np.isnan(two).any(axis=(0, 2, 3))
    if lost.any():
        raise InputError(f"{path} has only one of poses_3d and poses_2d in frame {int(np.argmax(lost))}")
    return (three / _MILLIMETRES).astype(np.float32), two.astype(np.float32)


def _chunks(split: str, take: str, poses: np.ndarray, first: int) -> list[_Chunk]:
    found, at = [], first
    known = np.isfinite(poses).all(axis=(1, 2))
    for number, (whole, frames) in enumerate(itertools.groupby(known)):
        count = len(list(frames))
        found.append(_Chunk(split, f"{take} chunk{number}", at, at + count, bool(whole)))
        at += count
    return found


def _detected(
    folder: Path, chunks: dict[tuple[str, str], list[_Chunk]], layout: Layout
) -> dict[str, dict[str, list[np.ndarray]]]:
    """Detections cut into the same chunks; those without motion capture are "Unlabeled/..."."""
    found: dict[str, dict[str, dict[int, np.ndarray]]] = {}
    files = sorted(folder.glob("S*/*.avi.npz"))
    if not files:
        raise InputError(f"{folder} has no keypoints such as S1/Walking_1_(C1).avi.npz")
    for path in files:
        hit = _VIDEO.fullmatch(path.name.replace("_", " "))
        if hit is None or hit[2] not in CAMERAS:
            raise InputError(f"{path} belongs to no known camera; its name must end with (C1).avi.npz, or C2, or C3")
        subject, take, camera = path.parent.name, hit[1], CAMERAS.index(hit[2])
        points = read_detections(path, layout)
        offsets = OFFSETS.get(subject, {}).get(take)
        shift = 0 if offsets is None else offsets[camera] - 1
        parts = chunks.get((subject, take))
        if parts is None:
            found.setdefault(f"Unlabeled/{subject}", {}).setdefault(take, {})[camera] = points
            continue
        for part in parts:
            rows = points[part.first + shift : part.last + shift]
            if len(rows) != part.last - part.first:
                raise InputError(f"{path} has {len(points)} frames, fewer than {part.name} of {subject} needs")
            who = f"{'' if part.known else 'Unlabeled/'}{part.split}/{subject}"
            found.setdefault(who, {}).setdefault(part.name, {})[camera] = rows
    for who, takes in found.items():
        for take, views in takes.items():
            lost = next((name for number, name in enumerate(CAMERAS) if number not in views), None)
            if lost is not None:
                raise InputError(f"there are no keypoints of {take!r} of {who} by camera {lost}; add its file")
    return {
        who: {take: [views[number] for number in range(len(CAMERAS))] for take, views in takes.items()}
        for who, takes in found.items()
    }
