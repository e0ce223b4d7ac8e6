"""The occlusion analysis on images, folders and datasets: heatmaps, a sweep video and figures for each person."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from kinema._version import __version__
from kinema.body import BodyModel
from kinema.errors import InputError
from kinema.estimation.registry import ESTIMATORS
from kinema.estimation.single_images import open_estimator
from kinema.evaluation.occlusion import Sensitivity, occlusion_sensitivity
from kinema.models.image_estimator import AttentiveEstimator, ImageEstimator, ImageSettings, LabelledEstimator
from kinema.models.pare.datasets import PareDataset
from kinema.models.pare.facts import REFERENCE_HEIGHT
from kinema.models.pare.release import PareRelease
from kinema.pipeline.occlusion_options import OcclusionRunOptions
from kinema.pipeline.pare_demo_renderings import write_png
from kinema.pipeline.pare_people import people_in_images
from kinema.pipeline.watching import RunWatcher, timed
from kinema.skeleton import SMPL24
from kinema.storage.atomic import atomic_path, write_json
from kinema.tracking import TrackingOptions
from kinema.video.images import list_images
from kinema.visualization.attention import attention_sheet
from kinema.visualization.occlusion import heat_sheet, write_sweep

SUMMARY = "occlusion.json"


@dataclass
class OcclusionRun:
    """What was written. rows: one dict of figures for each person and estimator."""

    folder: Path
    rows: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def analyse_images(
    source: str | Path, folder: str | Path, options: OcclusionRunOptions, *, watcher: RunWatcher | None = None
) -> OcclusionRun:
    """Analyse everyone in an image, or in the images of a folder, with each estimator.

    Raises InputError (no image, nobody in any), WeightsError, UsageError, OutputError.
    """
    source, watcher = Path(source), watcher or RunWatcher()
    files = list_images(source)[:: options.every] if source.is_dir() else (source,)
    estimators = _estimators(options)
    result = OcclusionRun(Path(folder))
    tracking = TrackingOptions(max_persons=options.max_persons)
    for file, image, boxes in people_in_images(files, tracking, result.warnings):
        for number, box in enumerate(boxes, start=1):
            for estimator in estimators:
                stem = f"{file.stem}_{number}_{estimator.name}"
                _analyse(estimator.prepare(image, box), estimator, None, stem, result, options, watcher)
    return _finished(result, options, watcher, f"nobody was found in {source}; use images that show a person")


def analyse_dataset(
    dataset: PareDataset, folder: str | Path, options: OcclusionRunOptions, *, watcher: RunWatcher | None = None
) -> OcclusionRun:
    """Analyse estimators on images of a dataset against their (neutral) ground truth: PARE as the original does, others
    by SMPL's joints. Raises InputError for one with other joints."""
    watcher = watcher or RunWatcher()
    result = OcclusionRun(Path(folder))
    estimators = [_labelled(estimator, options) for estimator in _estimators(options)]
    for estimator, labelled in estimators:
        for row in range(0, len(dataset), options.every):
            prepared = labelled.prepare_labelled(dataset.image(row), dataset.center[row], float(dataset.scale[row]))
            truth = labelled.truth(dataset.pose[[row]], dataset.shape[[row]])[0]
            stem = f"{row:06d}_{estimator.name}"
            _analyse(prepared, estimator, truth, stem, result, options, watcher)
    return _finished(result, options, watcher, f"the dataset {dataset.name} has no images")


def _estimators(options: OcclusionRunOptions) -> list[ImageEstimator]:
    shared = ImageSettings(options.body_model, options.data, options.threads)
    return [open_estimator(ESTIMATORS.find(name), options.settings, shared) for name in options.estimators]


@dataclass(frozen=True)
class _OfSmpl:
    """An estimator of SMPL's joints on labelled people, compared with the joints of a body."""

    estimator: ImageEstimator
    body: BodyModel

    def prepare_labelled(self, image: np.ndarray, center: np.ndarray, scale: float) -> np.ndarray:
        return self.estimator.prepare(image, np.r_[center, [REFERENCE_HEIGHT * scale] * 2])

    def truth(self, pose: np.ndarray, betas: np.ndarray) -> np.ndarray:
        joints = self.body.joints(pose, betas, np.zeros((len(pose), 3)))
        return np.asarray(joints - joints[:, SMPL24.indices(["left_hip", "right_hip"])].mean(axis=1, keepdims=True))


def _labelled(estimator: ImageEstimator, options: OcclusionRunOptions) -> tuple[ImageEstimator, LabelledEstimator]:
    """The estimator, and how it is compared with a dataset's labels. Raises InputError if it cannot be."""
    if isinstance(estimator, LabelledEstimator):
        return estimator, estimator
    if estimator.joints != SMPL24.joints:
        raise InputError(
            f"a dataset's ground truth is SMPL's joints; {estimator.name} has others, choose one that has them, such as"
            " pare"
        )
    return estimator, _OfSmpl(estimator, PareRelease(options.data).body(options.body_model))


def _analyse(
    prepared: np.ndarray,
    estimator: ImageEstimator,
    truth: np.ndarray | None,
    stem: str,
    result: OcclusionRun,
    options: OcclusionRunOptions,
    watcher: RunWatcher,
) -> None:
    with timed(watcher, stem) as progress:
        found = occlusion_sensitivity(prepared, estimator, options.occlusion, truth=truth, progress=progress)
    image = estimator.to_image(prepared)
    write_png(result.folder / f"{stem}.png", heat_sheet(image, found))
    write_png(result.folder / f"{stem}_aligned.png", heat_sheet(image, found, aligned=True))
    if isinstance(estimator, AttentiveEstimator):
        seen = estimator.attention(prepared)
        write_png(result.folder / f"{stem}_attention.png", attention_sheet(image, seen.maps, seen.notes))
    write_numbers(result.folder / f"{stem}.npz", found, stem)
    if options.video:
        write_sweep(result.folder / f"{stem}.mp4", prepared, estimator, found)
    result.rows.append({"picture": stem, **summary(found)})


def _finished(result: OcclusionRun, options: OcclusionRunOptions, watcher: RunWatcher, nobody: str) -> OcclusionRun:
    for sentence in result.warnings:
        watcher.note(sentence)
    if not result.rows:
        raise InputError(nobody)
    about = {"kinema": __version__, "patch": options.occlusion.patch, "stride": options.occlusion.stride}
    write_json(result.folder / SUMMARY, about | {"results": result.rows, "warnings": result.warnings})
    return result


def summary(found: Sensitivity) -> dict[str, Any]:
    """The figures of one analysis in millimetres: mean and worst error under the patch, by joint and overall."""
    mean = 1000 * found.heat.mean(axis=-1)
    return {
        "estimator": found.estimator,
        "against": "truth" if found.truth else "its own answer without a patch",
        "uncovered_mm": float(1000 * found.error.mean()),
        "mean_mm": float(mean.mean()),
        "worst_mm": float(mean.max()),
        "pa_mean_mm": float(1000 * found.pa_heat.mean()),
        "joints_mean_mm": dict(zip(found.joints, (1000 * found.heat.mean(axis=(0, 1))).tolist(), strict=True)),
    }


def write_numbers(path: Path, found: Sensitivity, stem: str) -> None:
    """Write the heatmaps and related data as an .npz of plain arrays, metres. Raises OutputError."""
    arrays: dict[str, Any] = {
        "mpjpe_heatmap": found.heat, "pampjpe_heatmap": found.pa_heat, "orig_per_mpjpe": found.error,
        "orig_per_pampjpe": found.pa_error, "places": found.patches, "joints": np.array(found.joints),
        "answers": found.predictions, "reference": found.reference, "imgname": np.array(stem),
    }  # fmt: skip
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)


def shared_means(rows: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, float]]]:
    """For each estimator the mean error under the patch, by joint, over the joints that all of them estimate."""
    names = list(dict.fromkeys(row["estimator"] for row in rows))
    common = set.intersection(*(set(row["joints_mean_mm"]) for row in rows))
    for name in names:
        mine = [row for row in rows if row["estimator"] == name]
        values = {
            joint: float(np.mean([row["joints_mean_mm"][joint] for row in mine]))
            for joint in mine[0]["joints_mean_mm"]
            if joint in common
        }
        yield name, values
