"""Evaluates lifters on the data sets that they were published with, by their authors' protocols.

Every frame of every view is lifted from the keypoints of its clip, with the first and last frames repeated beyond its
ends, and averaged with the lifted mirror image. Clips are lifted one by one, so memory does not grow with their number.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kinema.errors import InputError
from kinema.evaluation.lifter_data import MILLIMETRES, EvaluatedData, EvaluatedView, evaluated_data
from kinema.evaluation.lifter_options import LifterEvaluationOptions
from kinema.evaluation.lifter_published import PublishedScores, published_for
from kinema.evaluation.lifter_scores import LifterScores, averaged, pooled, score_clip
from kinema.lifting.inputs import input_set_of, to_screen
from kinema.lifting.lifting import chosen_lifter
from kinema.lifting.registry import LiftingNetwork
from kinema.models.pstmo.refine.numpy_run import NumpyRefine
from kinema.progress import Progress, silent
from kinema.skeleton import COCO17, H36M17
from kinema.storage.checkpoints import load_checkpoint
from kinema.weights.cache import known_sha256

ROOT_KEPT = ("videopose3d",)
"""Lifters whose authors keep the predicted root; other authors set it to 0."""

_BODY = (50.0, 5000.0)
"""Range in millimetres of the median distance of joints from the root; outside it the unit is wrong."""


@dataclass(frozen=True)
class LifterRow:
    """One row of the results, for one subject or for all ("")."""

    subject: str
    action: str
    scores: LifterScores


@dataclass(frozen=True)
class LifterEvaluation:
    """rows: by action, or by sequence of 3dhp; for each subject if requested. averages: by subject ("" for all), the
    unweighted mean of its rows; all_frames: the mean weighted by frames.
    """

    dataset: str
    keypoints: str
    lifter: str
    checkpoint: dict[str, str]
    stride: int
    flip: bool
    rows: tuple[LifterRow, ...]
    averages: tuple[LifterRow, ...]
    all_frames: tuple[LifterRow, ...]
    published: tuple[PublishedScores, ...]
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Everything, for JSON."""
        return {
            **{name: getattr(self, name) for name in ("dataset", "keypoints", "lifter", "checkpoint")},
            "stride": self.stride,
            "flip": self.flip,
            **{name: [_line(row) for row in getattr(self, name)] for name in ("rows", "averages", "all_frames")},
            "published": [
                {
                    "method": each.method, "keypoints": each.keypoints, "source": each.source, **each.scores,
                    **({each.protocol: dict(each.actions)} if each.actions else {}),
                }
                for each in self.published
            ],
            "notes": list(self.notes),
        }  # fmt: skip


def evaluate_lifter(
    folder: Path, options: LifterEvaluationOptions, *, by_subject: bool = False, progress: Progress = silent
) -> LifterEvaluation:
    """Evaluate the lifter of these options on the prepared files in a folder.

    Raises UsageError without a lifter; InputError if the files are not in the expected layout or do not belong
    together, or the network takes or gives other joints.
    """
    lifter, network, path = chosen_lifter(options.lift)
    data = evaluated_data(folder, options)
    _check(network, data, path)
    refine = None if options.refine is None else _opened_refine(options.refine, data)
    stride = options.stride or _published_stride(data, options, lifter.rate)
    keep_root = lifter.name in ROOT_KEPT and data.name != "3dhp"
    done = 0
    notes = _other_joints(path, data)
    clips: dict[tuple[str, str], list[LifterScores]] = {}
    for view in data.views():
        lifted = options.millimetres * _lifted(network, view, data, stride, options.flip)
        if refine is not None:
            lifted = _refined(refine, lifted, view)
        size = float(np.median(np.linalg.norm(lifted - lifted[:, data.root, None], axis=-1)))
        if not _BODY[0] < size < _BODY[1]:
            notes["unit"] = f"the joints that {path.name} gives lie {size:.3g} mm from the root; is that its `unit`?"
        if not keep_root or refine is not None:
            lifted[:, data.root] = 0
        scores = score_clip(lifted, view.truth, data.scored, view.valid, data.groups)
        if scores is not None:
            clips.setdefault((view.subject if by_subject else "", view.action), []).append(scores)
        done += len(view.truth)
        progress(done, data.frames)
    rows = [LifterRow(subject, action, pooled(scores)) for (subject, action), scores in clips.items()]
    return LifterEvaluation(
        data.name, data.keypoints, lifter.name, _checkpoint(path, options.refine), stride, options.flip,
        tuple(rows), _by_subject(rows, average=True), _by_subject(rows, average=False),
        published_for(data.name, data.keypoints), tuple(notes.values()),
    )  # fmt: skip


def _lifted(network: LiftingNetwork, view: EvaluatedView, data: EvaluatedData, stride: int, flip: bool) -> np.ndarray:
    """(F, J, 3) in the network's unit."""
    screen = to_screen(view.keypoints, view.width, view.height, view.width)
    joints = np.array(network.lift(screen, stride), dtype=np.float64)
    if flip:
        other = network.lift(_mirrored(screen, data.mirror_in), stride)
        joints = (joints + _mirrored(other, data.mirror_out)) / 2
    if not np.isfinite(joints).all():
        raise InputError(f"the lifter gives numbers that are not finite for {view.action} of {view.subject}")
    return joints


def _checkpoint(path: Path, refine: Path | None) -> dict[str, str]:
    found = {"file": path.name, "sha256": known_sha256(path)}
    return found if refine is None else {**found, "refine": refine.name, "refine_sha256": known_sha256(refine)}


def _opened_refine(path: Path, data: EvaluatedData) -> NumpyRefine:
    if not path.is_file():
        raise InputError(f"there is no checkpoint {path}; give the path of a P-STMO refine file")
    refine = NumpyRefine(load_checkpoint(path), name=path.name)
    if not refine.joints == data.joints_in == data.joints_out:
        raise InputError(
            f"{path.name} refines {refine.joints} joints, {data.name} has {data.joints_out}, and its keypoints"
            f" {data.keypoints} {data.joints_in}; they must be the same"
        )
    return refine


def _refined(refine: NumpyRefine, lifted: np.ndarray, view: EvaluatedView) -> np.ndarray:
    """Lifted joints (F, J, 3) mm, corrected by the keypoints at their depths. The input root is the predicted one."""
    assert view.root_depth is not None
    assert view.lens is not None
    screen = to_screen(view.keypoints, view.width, view.height, view.width)
    corrected = refine.corrected(lifted / MILLIMETRES, screen, view.root_depth, view.lens)
    return MILLIMETRES * np.asarray(corrected, dtype=np.float64)


def _mirrored(points: np.ndarray, order: np.ndarray) -> np.ndarray:
    out = np.array(points[:, order], dtype=np.float64)
    out[..., 0] *= -1
    return out


def _published_stride(data: EvaluatedData, options: LifterEvaluationOptions, rate: float) -> int:
    """P-STMO's windows take every second frame of Human3.6M, and every frame of 3DHP."""
    return max(1, round(data.rate / options.downsample / rate)) if data.name == "h36m" else 1


def _by_subject(rows: Iterable[LifterRow], *, average: bool) -> tuple[LifterRow, ...]:
    parts: dict[str, list[LifterScores]] = {}
    for row in rows:
        parts.setdefault(row.subject, []).append(row.scores)
    mean = averaged if average else pooled
    name = "average" if average else "all frames"
    return tuple(LifterRow(subject, name, mean(scores)) for subject, scores in parts.items())


def _check(network: LiftingNetwork, data: EvaluatedData, path: Path) -> None:
    """Raise InputError if the network's joints are not the data's."""
    if network.joints_in != data.joints_in:
        raise InputError(
            f"{path.name} takes {network.joints_in} joints, the keypoints {data.keypoints} of {data.name} have"
            f" {data.joints_in}; choose others with `keypoints`"
        )
    if network.joints_out != data.joints_out:
        what = "the root alone" if network.joints_out == 1 else f"{network.joints_out} joints"
        raise InputError(f"{path.name} gives {what}, {data.name} has {data.joints_out}; give a network for it")


def _other_joints(path: Path, data: EvaluatedData) -> dict[str, str]:
    """A note if the checkpoint's name contradicts the keypoints' layout."""
    takes, certain = input_set_of(path.name, None)
    has = {"coco": COCO17.name, "h36m": H36M17.name}.get(data.layout, takes.name)
    if not certain or has == takes.name:
        return {}
    return {
        "joints": f"{path.name} takes joints of {takes.name} by its name, the keypoints {data.keypoints} are {has};"
        " other `keypoints` may be meant"
    }


def _line(row: LifterRow) -> dict[str, Any]:
    return {**({"subject": row.subject} if row.subject else {}), "action": row.action, **row.scores.to_dict()}
