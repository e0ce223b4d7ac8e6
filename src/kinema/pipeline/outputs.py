"""The files of a run's folder: results, the validation, the overlay, and the copy of the `.pkl`."""

from __future__ import annotations

import shutil
from pathlib import Path

from kinema.body import BodyModel
from kinema.formats import save_motion
from kinema.formats.containers import RUN_MOTION
from kinema.motion import Motion
from kinema.pipeline.options import RunOptions
from kinema.pipeline.stages import Job
from kinema.progress import Progress
from kinema.quality import validate_motion, write_report
from kinema.storage.atomic import atomic_path
from kinema.visualization.options import OverlayOptions
from kinema.visualization.overlay import write_overlay

NAMES = {
    "pkl": RUN_MOTION,
    "npz": "smpl_output.npz",
    "validation": "motion_validation.json",
    "bad_frames": "bad_frames.csv",
    "overlay": "overlay.mp4",
}
"""The files of a run, by kind. Each person after the first has an AMASS file of their own, `smpl_output_<id>.npz`."""

COPIES = "output-pkl-files"
"""Folder of the copies `<video>.pkl`, one for each video: the newest result."""


def wanted(options: RunOptions) -> list[str]:
    """The kinds of files that a run with these settings writes."""
    return [kind for kind in NAMES if kind != "overlay" or options.overlay]


def missing_files(folder: Path, options: RunOptions) -> list[str]:
    """The kinds of files that are missing from the folder."""
    return [kind for kind in wanted(options) if not (folder / NAMES[kind]).is_file()]


def write_results(folder: Path, motion: Motion, body: BodyModel, *, vertices: bool) -> str:
    """Write the motion and its validation; returns the verdict. Raises OutputError."""
    save_motion(motion, folder / NAMES["pkl"], body=body, vertices=vertices)
    save_motion(motion, folder / NAMES["npz"], body=body)
    report = validate_motion(motion, body=body)
    write_report(report, folder / NAMES["validation"], folder / NAMES["bad_frames"])
    return report.verdict


def write_drawing(
    folder: Path, motion: Motion, job: Job, options: OverlayOptions, progress: Progress
) -> tuple[str, ...]:
    """Write the overlay video, unless an earlier, interrupted run in this folder wrote it.

    Returns warnings; a failed overlay never fails a run.
    """
    path = folder / NAMES["overlay"]
    if path.is_file():
        return ()
    return write_overlay(motion, job.body, job.video, path, options, progress=progress).warnings


def copy_pkl(folder: Path, copies: Path, stem: str) -> Path:
    """Copy the `.pkl` to `<copies>/<stem>.pkl`, atomically. Raises OutputError."""
    target = copies / f"{stem}.pkl"
    with atomic_path(target) as temporary:
        shutil.copyfile(folder / NAMES["pkl"], temporary)
    return target
