"""The training frames of a lifter, concatenated in a few arrays, and the windows that are cut from them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kinema.datasets.cameras import DatasetCamera
from kinema.datasets.h36m import Keypoints, LifterDataset, Positions, chosen_subject, mirror_order
from kinema.errors import InputError, quoted
from kinema.lifting.inputs import to_screen
from kinema.training.lifters.options import LifterTraining


@dataclass(frozen=True, eq=False)
class TrainingClips:
    """C clips with F frames in total.

    keypoints (F, K, 2): the image's width spans -1..1. joints (F, J, 3): metres in the camera's axes, the root in row
    0, the others relative to it; None without motion capture. starts, lengths (C,): of each clip. lenses (C, 9): see
    `DatasetCamera.lens`. names: the kind of action of each clip. keypoint_mirror, joint_mirror: the mirror counterpart
    of each joint. judged (F,) bool: frames that are scored; all if None. root: the index of the root joint, if not the
    first. millimetres: per unit of the joints, if not metres.
    """

    keypoints: np.ndarray
    joints: np.ndarray | None
    starts: np.ndarray
    lengths: np.ndarray
    lenses: np.ndarray
    names: tuple[str, ...]
    keypoint_mirror: np.ndarray
    joint_mirror: np.ndarray
    judged: np.ndarray | None = None
    root: int = 0
    millimetres: float = 1000.0

    def __len__(self) -> int:
        return len(self.starts)


def labelled_clips(
    data: LifterDataset, subjects: Sequence[str], options: LifterTraining, actions: Sequence[str] = (), *,
    whole: bool = False,
) -> TrainingClips:  # fmt: skip
    """Clips with motion capture. whole: use all of each, regardless of `subset`. Raises InputError if there are
    none."""
    views = []
    for clip in data.clips(subjects, actions):
        part = chosen_part(len(clip.joints), f"{clip.subject} {clip.action}", options, whole=whole)
        joints = clip.joints[part].copy()
        joints[:, 1:] -= joints[:, :1]
        screen = to_screen(clip.keypoints[part], clip.camera.width, clip.camera.height, clip.camera.width)
        views.append((screen, joints, clip.camera.lens, clip.kind))
    return joined(
        views, _mirror(data.keypoints), _mirror(data.positions),
        f"{data.positions.name} has no motion of {', '.join(subjects)}",
    )  # fmt: skip


def unlabelled_clips(
    keypoints: Keypoints, cameras: Mapping[str, tuple[DatasetCamera, ...]], subjects: Sequence[str],
    options: LifterTraining, actions: Sequence[str] = (), *, lenses: bool = True,
) -> TrainingClips:  # fmt: skip
    """Clips with keypoints only. lenses: whether lenses are needed, or only the image sizes.

    Raises InputError for an unknown subject, and if its cameras (without lenses: the size of its video) are not known.
    """
    views = []
    for subject in subjects:
        for action, seen in chosen_subject(keypoints.clips, subject, keypoints.name).items():
            if actions and not action.startswith(tuple(actions)):
                continue
            for view, (width, height, lens) in zip(
                seen, _lenses(keypoints, cameras, subject, len(seen), lenses), strict=True
            ):
                part = view[chosen_part(len(view), f"{subject} {action}", options, whole=True)]
                views.append((to_screen(part, width, height, width), None, lens, action.split(" ")[0]))
    nothing = f"{keypoints.name} has no keypoints of {', '.join(subjects)}"
    return joined(views, _mirror(keypoints), np.arange(0), nothing)


def _lenses(
    keypoints: Keypoints, cameras: Mapping[str, tuple[DatasetCamera, ...]], subject: str, views: int, needed: bool
) -> list[tuple[int, int, np.ndarray]]:
    """Width, height and lens of each view of a subject."""
    known = cameras.get(subject, ())
    if len(known) >= views:
        return [(camera.width, camera.height, camera.lens) for camera in known[:views]]
    size = (keypoints.sizes or {}).get(subject)
    if needed or size is None:
        raise InputError(
            f"the cameras of {quoted(subject)} in {keypoints.name} are not known; give them with `cameras`"
        )
    return [(*size, np.zeros(9))] * views


def chosen_part(frames: int, name: str, options: LifterTraining, *, whole: bool) -> slice:
    """The frames of a clip that are used: a share of it, at a position derived from its name, at a constant stride."""
    count = frames if whole else round(frames // options.downsample * options.subset) * options.downsample
    chance = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big") / 2**32
    first = int(chance * (frames - count + 1))
    return slice(first, first + count, options.downsample)


def joined(
    views: Iterable[tuple], keypoint_mirror: np.ndarray, joint_mirror: np.ndarray, nothing: str, **more: Any
) -> TrainingClips:
    """Clips concatenated. views: (keypoints, joints or None, lens, name) of each. more: further fields.

    Raises InputError(nothing) if no view has frames.
    """
    views = [view for view in views if len(view[0])]
    if not views:
        raise InputError(nothing)
    screens, joints, lenses, names = zip(*views, strict=True)
    lengths = np.array([len(screen) for screen in screens])
    return TrainingClips(
        keypoints=np.concatenate(screens).astype(np.float32),
        joints=None if joints[0] is None else np.concatenate(joints),
        starts=np.cumsum(lengths) - lengths,
        lengths=lengths,
        lenses=np.stack(lenses).astype(np.float32),
        names=names,
        keypoint_mirror=keypoint_mirror,
        joint_mirror=joint_mirror,
        **more,
    )


def _mirror(joints: Keypoints | Positions) -> np.ndarray:
    return mirror_order(joints.joints, joints.left, joints.right)


@dataclass(frozen=True, eq=False)
class Samples:
    """N samples: clip (N,); first (N,), the frame of the clip that positions a window, which may lie before the clip;
    mirrored (N,)."""

    clip: np.ndarray
    first: np.ndarray
    mirrored: np.ndarray

    def __len__(self) -> int:
        return len(self.clip)


def samples_of(lengths: Iterable[int], stride: int = 1, *, flip: bool = True) -> Samples:
    """Samples of `stride` frames that cover each clip, centred on it; each clip is followed by its mirror image."""
    clip, first, mirrored = [], [], []
    for number, length in enumerate(lengths):
        count = -(-length // stride)
        places = np.arange(count) * stride - (count * stride - length) // 2
        for image in (False, True) if flip else (False,):
            clip.append(np.full(count, number))
            first.append(places)
            mirrored.append(np.full(count, image))
    return Samples(np.concatenate(clip), np.concatenate(first), np.concatenate(mirrored))


def frames_of(samples: Samples, rows: np.ndarray, places: np.ndarray, clips: TrainingClips) -> np.ndarray:
    """(R, P) frames of the concatenated arrays: the offsets `places` (P,) from each sample; clips are padded with their
    first and last frame."""
    clip = samples.clip[rows]
    inside = np.clip(samples.first[rows, None] + places, 0, clips.lengths[clip, None] - 1)
    return np.asarray(clips.starts[clip, None] + inside)


class Order:
    """The order of samples, drawn anew for each pass: the authors' sequence of permutations from one seed."""

    def __init__(self, count: int, seed: int) -> None:
        self._count, self._seed = count, seed
        self._chance, self._drawn = np.random.RandomState(seed), 0
        self._order: np.ndarray = np.arange(0)

    def of(self, number: int) -> np.ndarray:
        """(N,) the order of pass `number`, from 0, independent of the passes requested before."""
        if number + 1 < self._drawn:
            self._chance, self._drawn = np.random.RandomState(self._seed), 0
        while self._drawn <= number:
            self._order = self._chance.permutation(self._count)
            self._drawn += 1
        return self._order

    @property
    def state(self) -> np.random.RandomState:
        """The generator after the last pass requested."""
        return self._chance
