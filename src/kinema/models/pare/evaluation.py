"""PARE's own evaluation: MPJPE, PA-MPJPE and V2V on 3DPW and 3DOH, by the protocol of its release.

Images are cropped and resized as in `evaluation_crop`. The prediction is posed on the neutral body; the ground truth on
the neutral one or, gendered, on the body of the person's gender (3DPW; the convention of published numbers). Joints are
the 14 that the Human3.6M regressor gives from the vertices, relative to its pelvis; V2V compares the vertices without
any alignment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kinema.body import BodyModel
from kinema.errors import InputError, UsageError
from kinema.metrics import joint_errors, pa_joint_errors, vertex_errors
from kinema.models.pare.crops import evaluation_crop, normalized
from kinema.models.pare.datasets import DATASETS, PareDataset, pieces
from kinema.models.pare.facts import JOINTS14
from kinema.models.pare.joints import JointDefinition
from kinema.models.pare.torch_run import PareEstimator
from kinema.progress import Progress, silent

MEASURES = ("mpjpe_mm", "pa_mpjpe_mm", "v2v_mm")


@dataclass(frozen=True, eq=False)
class PareScores:
    """Errors of N images, metres: per_joint, pa_per_joint (N,14), v2v (N,); pred_j14, gt_j14 (N,14,3): the joints."""

    dataset: str
    ground_truth: str
    joints: str
    per_joint: np.ndarray
    pa_per_joint: np.ndarray
    v2v: np.ndarray
    pred_j14: np.ndarray
    gt_j14: np.ndarray

    @property
    def mpjpe(self) -> np.ndarray:
        """(N,) metres."""
        return np.asarray(self.per_joint.mean(axis=1))

    @property
    def pa_mpjpe(self) -> np.ndarray:
        """(N,) metres."""
        return np.asarray(self.pa_per_joint.mean(axis=1))

    def total(self, rows: np.ndarray | slice = slice(None)) -> dict[str, float]:
        """Means over images, millimetres, by the names of `MEASURES`."""
        values = (self.mpjpe, self.pa_mpjpe, self.v2v)
        return {name: 1000 * float(value[rows].mean()) for name, value in zip(MEASURES, values, strict=True)}

    def to_dict(self, subsets: Mapping[str, np.ndarray]) -> dict[str, Any]:
        """Everything in millimetres, for JSON."""
        return {
            "dataset": self.dataset,
            "ground_truth": self.ground_truth,
            "joints": self.joints,
            "pictures": len(self.v2v),
            "total": self.total(),
            "subsets": {name: {"pictures": int(rows.sum()), **self.total(rows)} for name, rows in subsets.items()},
            "per_joint_mm": dict(zip(JOINTS14, (1000 * self.per_joint.mean(axis=0)).tolist(), strict=True)),
            "pa_per_joint_mm": dict(zip(JOINTS14, (1000 * self.pa_per_joint.mean(axis=0)).tolist(), strict=True)),
        }


def evaluate_pare(
    dataset: PareDataset,
    estimator: PareEstimator,
    joints: JointDefinition,
    *,
    truths: Sequence[Mapping[str, BodyModel] | None] = (None,),
    batch_size: int = 16,
    progress: Progress = silent,
) -> tuple[PareScores, ...]:
    """Run the network once on every image and compare with each ground truth. Memory: one batch of images and bodies.

    joints: of the neutral body, on which the prediction is posed. truths: bodies by "m" and "f" on which the labels are
    posed; None: on the neutral body as well. Raises InputError for an image that cannot be read.
    """
    if not len(dataset):
        raise InputError(f"the dataset {dataset.name} has no images")
    if dataset.gender is None and any(bodies is not None for bodies in truths):
        raise UsageError(
            f"the labels of {dataset.name} name no gender; use the neutral ground truth"
            + ("" if DATASETS[dataset.name].gendered else ", the only one that this dataset has")
        )
    found: list[list[dict[str, np.ndarray]]] = [[] for _ in truths]
    for rows in pieces(len(dataset), batch_size):
        numbers = range(rows.start, rows.stop)
        crops = [evaluation_crop(dataset.image(i), dataset.center[i], dataset.scale[i]) for i in numbers]
        output = estimator.run(normalized(np.array(crops, dtype=np.float32)))
        predicted = _posed(joints.body, output.rotations.astype(np.float64), output.betas.astype(np.float64))
        for batches, bodies in zip(found, truths, strict=True):
            genders = None if bodies is None or dataset.gender is None else dataset.gender[rows]
            truth = truth_vertices(joints.body, bodies, dataset.pose[rows], dataset.shape[rows], genders)
            batches.append(_errors(joints, predicted, truth))
        progress(rows.stop, len(dataset))
    return tuple(
        PareScores(
            dataset=dataset.name,
            ground_truth="neutral" if bodies is None else "gendered",
            joints=joints.definition,
            **{name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]},
        )
        for batches, bodies in zip(found, truths, strict=True)
    )


def _errors(joints: JointDefinition, predicted: np.ndarray, truth: np.ndarray) -> dict[str, np.ndarray]:
    """The arrays of `PareScores` for vertices (n,V,3) of one batch."""
    predicted14, truth14 = joints.joints14(predicted), joints.joints14(truth)
    return {
        "per_joint": joint_errors(predicted14, truth14),
        "pa_per_joint": pa_joint_errors(predicted14, truth14),
        "v2v": vertex_errors(predicted, truth),
        "pred_j14": predicted14,
        "gt_j14": truth14,
    }


def truth_vertices(
    neutral: BodyModel,
    gendered: Mapping[str, BodyModel] | None,
    pose: np.ndarray,
    shape: np.ndarray,
    genders: np.ndarray | None,
) -> np.ndarray:
    """Vertices (n,V,3) of labels pose (n,72), shape (n,10) on the neutral body, or on that of each person's gender."""
    if gendered is None or genders is None:
        return _posed(neutral, pose, shape)
    out = np.empty((len(pose), neutral.num_vertices, 3), np.float32)
    for gender in np.unique(genders):
        if gender not in gendered:
            raise InputError(f"the labels name the gender {gender!r}; known: {', '.join(gendered)}")
        rows = genders == gender
        out[rows] = _posed(gendered[gender], pose[rows], shape[rows])
    return out


def _posed(body: BodyModel, pose: np.ndarray, betas: np.ndarray) -> np.ndarray:
    return body.vertices(pose, betas, np.zeros((len(pose), 3)))
