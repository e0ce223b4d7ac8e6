"""Opens and checks the files of a training and builds its network, before the first epoch."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from kinema.datasets.cameras import DatasetCamera, read_cameras
from kinema.datasets.h36m import Keypoints, LifterDataset, Positions, read_keypoints, read_positions, subjects_of
from kinema.datasets.h36m_cameras import H36M_CAMERAS
from kinema.datasets.humaneva import HUMANEVA_CAMERAS
from kinema.errors import InputError, UsageError
from kinema.progress import Progress, silent
from kinema.storage.checkpoints import load_torch_checkpoint
from kinema.training.lifters.clips import TrainingClips, labelled_clips, unlabelled_clips
from kinema.training.lifters.data_options import LifterData
from kinema.training.lifters.loop import train
from kinema.training.lifters.masked import MaskedTraining
from kinema.training.lifters.options import LifterTraining
from kinema.training.lifters.pstmo import PSTMOTraining
from kinema.training.lifters.refine import RefineTraining
from kinema.training.lifters.sequences import judged_sequences, training_sequences
from kinema.training.lifters.trainee import Trainee
from kinema.training.lifters.videopose3d import VideoPose3DTraining

NO_ONE = "none"
"""Given instead of subjects to evaluate on, for none."""

SUBJECTS, TEST_SUBJECTS = "S1,S5,S6,S7,S8", "S9,S11"
"""Human3.6M's subjects as its authors split them."""

OF_3DHP = ("pstmo-masked", "pstmo")
"""Networks that are trained on MPI-INF-3DHP, whose file lacks the cameras that the others need."""

LAYOUTS = {"h36m": "h36m", "coco": "coco", "h36m17": "h36m", "coco17": "coco"}
"""Layout in the 2D file -> its name in the authors' checkpoint file names."""


def train_lifter(
    data: LifterData, options: LifterTraining, out: Path, *, device: str = "cpu", say: Callable[[str], None] = print,
    progress: Progress = silent,
) -> Path:  # fmt: skip
    """Train a published lifter, or resume a stopped training in the same folder: see `loop.train`.

    Returns the result, a checkpoint in the authors' format. Raises UsageError and InputError for inconsistent settings,
    files of another layout, missing subjects and a checkpoint of another size.
    """
    torch.manual_seed(options.seed)
    trainee, recipe = _opened(data, options, device)
    return train(trainee, options, out, recipe=recipe, device=device, say=say, progress=progress)


def _opened(data: LifterData, options: LifterTraining, device: str) -> tuple[Trainee, dict[str, Any]]:
    if data.unlabelled and options.network != "videopose3d":
        raise UsageError(f"`unlabelled_subjects` belongs to videopose3d; leave it out for {options.network}")
    start = _start(data)
    if data.test_sequences is not None and data.sequences is None:
        raise UsageError("`test_sequences` judge a training on `sequences`; give both, or neither")
    if data.sequences is not None:
        return _of_sequences(data, data.sequences, options, device, start)
    cameras = H36M_CAMERAS | HUMANEVA_CAMERAS if data.cameras is None else read_cameras(data.cameras)
    if data.keypoints is None:
        raise UsageError("there is nothing to train on; give the 2D file with `keypoints`")
    keypoints = read_keypoints(data.keypoints)
    layout = LAYOUTS.get(keypoints.layout, f"{keypoints.joints}joints")
    start["layout"] = layout
    if options.network == "pstmo-masked":
        clips, test = _without_positions(data, options, keypoints, cameras)
        trainee: Trainee = MaskedTraining(options, clips, test, device, **start)
        return trainee, _recipe(data, layout, clips, test)
    if data.positions is None:
        raise UsageError(f"{options.network} is trained on motion capture; give its file with `positions`")
    pair = LifterDataset(read_positions(data.positions), keypoints, cameras)
    clips, test = _with_positions(data, options, pair)
    if options.network == "pstmo":
        return PSTMOTraining(options, clips, test, device, **start), _recipe(data, layout, clips, test)
    if options.network == "pstmo-refine":
        if data.start is None:
            raise UsageError("pstmo-refine corrects a trained P-STMO; name its checkpoint with `start_from`")
        return RefineTraining(options, clips, test, device, **start), _recipe(data, layout, clips, test)
    others = None
    if data.unlabelled:
        _require_same_joints(keypoints, pair.positions)
        others = unlabelled_clips(keypoints, cameras, subjects_of(data.unlabelled), options, _actions(data))
    return (
        VideoPose3DTraining(options, clips, test, device, unlabelled=others, **start),
        _recipe(data, layout, clips, test, others),
    )


def _start(data: LifterData) -> dict[str, Any]:
    if data.start is None:
        return {}
    return {"initial": _checkpoint(data.start), "initial_name": data.start.name}


def _of_sequences(
    data: LifterData, path: Path, options: LifterTraining, device: str, start: dict[str, Any]
) -> tuple[Trainee, dict[str, Any]]:
    if options.network not in OF_3DHP:
        raise UsageError(f"`sequences` are for {' and '.join(OF_3DHP)}; {options.network} needs the cameras, too")
    others = ("positions", "keypoints", "cameras", "actions")
    given = next((name for name in others if getattr(data, name) is not None), None)
    if given is not None:
        raise UsageError(f"`sequences` hold all that is trained on; leave out `{given}`")
    clips = training_sequences(path, None if data.subjects is None else subjects_of(data.subjects), options)
    test = None
    if data.test_sequences is not None and data.test_subjects != NO_ONE:
        names = None if data.test_subjects is None else subjects_of(data.test_subjects)
        test = judged_sequences(data.test_sequences, names, options)
    kind = MaskedTraining if options.network == "pstmo-masked" else PSTMOTraining
    return kind(options, clips, test, device, layout="3dhp", **start), _recipe(data, "3dhp", clips, test)


def _with_positions(
    data: LifterData, options: LifterTraining, pair: LifterDataset
) -> tuple[TrainingClips, TrainingClips | None]:
    clips = labelled_clips(pair, _subjects(data), options, _actions(data))
    subjects = _test_subjects(data)
    return clips, labelled_clips(pair, subjects, options, _actions(data), whole=True) if subjects else None


def _without_positions(
    data: LifterData, options: LifterTraining, keypoints: Keypoints, cameras: dict[str, tuple[DatasetCamera, ...]]
) -> tuple[TrainingClips, TrainingClips | None]:
    def clips_of(subjects: tuple[str, ...]) -> TrainingClips:
        return unlabelled_clips(keypoints, cameras, subjects, options, _actions(data), lenses=False)

    subjects = _test_subjects(data)
    return clips_of(_subjects(data)), clips_of(subjects) if subjects else None


def _subjects(data: LifterData) -> tuple[str, ...]:
    return subjects_of(SUBJECTS if data.subjects is None else data.subjects)


def _test_subjects(data: LifterData) -> tuple[str, ...]:
    """The subjects to evaluate on. Raises UsageError if one is also trained on."""
    wanted = TEST_SUBJECTS if data.test_subjects is None else data.test_subjects
    subjects = () if wanted in ("", NO_ONE) else subjects_of(wanted)
    both = sorted({*subjects} & {*_subjects(data)})
    if both:
        raise UsageError(f"{both[0]} cannot be trained on and judged by; set `test_subjects` to others, or to {NO_ONE}")
    return subjects


def _require_same_joints(keypoints: Keypoints, positions: Positions) -> None:
    if keypoints.joints != positions.joints or (keypoints.left, keypoints.right) != (positions.left, positions.right):
        raise InputError(
            f"unlabelled clips are compared with the projected joints of {positions.name}, and {keypoints.name} has "
            f"others ({keypoints.layout or f'{keypoints.joints} joints'}); give keypoints of the same joints"
        )


def _actions(data: LifterData) -> tuple[str, ...]:
    return tuple(name.strip() for name in (data.actions or "").split(",") if name.strip())


def _checkpoint(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise InputError(f"there is no checkpoint {path} to start from; correct `start_from`")
    return load_torch_checkpoint(path)


def _files(data: LifterData) -> tuple[Path | None, ...]:
    return data.positions, data.keypoints, data.sequences, data.test_sequences


def _recipe(data: LifterData, layout: str, *clips: TrainingClips | None) -> dict[str, Any]:
    """What a training depends on besides its settings, with a fingerprint of all frames."""
    used = [each for each in clips if each is not None]
    print_ = 0
    for each in used:
        for array in (each.keypoints, each.joints, each.lengths, each.judged):
            print_ = zlib.crc32(b"" if array is None else array.tobytes(), print_)
    return {
        "data": [path.name for path in _files(data) if path is not None],
        "subjects": data.subjects or (None if data.sequences else SUBJECTS),
        "test_subjects": data.test_subjects or (None if data.sequences else TEST_SUBJECTS),
        "unlabelled": data.unlabelled,
        "actions": data.actions, "start": None if data.start is None else data.start.name, "layout": layout,
        "clips": [len(each) for each in used], "frames": [len(each.keypoints) for each in used],
        "fingerprint": f"{print_:08x}",
    }  # fmt: skip
