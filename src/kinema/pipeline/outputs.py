"""The files in a run's folder: results, the validation, the overlay; and whether they are unchanged."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kinema.body import BodyModel
from kinema.formats import save_motion
from kinema.formats.containers import RUN_MOTION
from kinema.motion import Motion
from kinema.pipeline.options import RunOptions
from kinema.pipeline.stages import Job
from kinema.progress import Progress
from kinema.quality import Validation, validate_motion, write_report
from kinema.segmentation.files import write_masks
from kinema.segmentation.selection import masks_of
from kinema.segmentation.stage import NONE as NO_MASKS
from kinema.visualization.doubled_video import interpolator, interpolator_identity
from kinema.visualization.overlay import shows_frames, write_overlay

NAMES = {
    "pkl": RUN_MOTION,
    "npz": "smpl_output.npz",
    "validation": "motion_validation.json",
    "bad_frames": "bad_frames.csv",
    "masks": "masks.json",
    "overlay": "overlay.mp4",
}
"""The files of a run, by kind. Each person after the first has an AMASS file of their own, `smpl_output_<id>.npz`."""

_REWRITTEN = ("validation", "bad_frames")
"""Kinds that `kinema validate` rewrites on request."""
_FURTHER = f"{Path(NAMES['npz']).stem}_*.npz"


def wanted(options: RunOptions) -> list[str]:
    """The kinds of files that a run with these settings writes."""
    optional = {"overlay": options.overlay, "masks": options.masks.source != NO_MASKS}
    return [kind for kind in NAMES if optional.get(kind, True)]


def missing_files(folder: Path, options: RunOptions) -> list[str]:
    """The kinds of files that are missing from the folder."""
    return [kind for kind in wanted(options) if not (folder / NAMES[kind]).is_file()]


def written_files(folder: Path, options: RunOptions) -> dict[str, str]:
    """The names of the files in the folder by kind; `npz_2` is the AMASS file of person 2."""
    missing = missing_files(folder, options)
    found = {}
    for kind in wanted(options):
        if kind not in missing:
            found[kind] = NAMES[kind]
        if kind == "npz":
            further = sorted(_further(folder), key=lambda path: (len(path.name), path.name))
            found |= {f"npz_{path.stem.rpartition('_')[2]}": path.name for path in further}
    return found


def _further(folder: Path) -> list[Path]:
    return [path for path in folder.glob(_FURTHER) if path.stem.rpartition("_")[2].isdigit()]


def file_facts(path: Path) -> dict[str, Any]:
    """Size and sha256 of a file: {"bytes", "sha256"}."""
    with path.open("rb") as file:
        sha256 = hashlib.sha256()
        while chunk := file.read(1 << 20):
            sha256.update(chunk)
        return {"bytes": file.tell(), "sha256": sha256.hexdigest()}


def changed_files(folder: Path, files: Mapping[str, str], facts: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The names of files that have changed since they were written. files: names by kind; facts: by name."""
    return [
        name for kind, name in files.items() if name in facts and not _is_as_written(folder / name, kind, facts[name])
    ]


def _is_as_written(path: Path, kind: str, facts: Mapping[str, Any]) -> bool:
    try:
        if path.stat().st_size == facts["bytes"] and file_facts(path) == dict(facts):
            return True
        if kind not in _REWRITTEN:
            return False
        content = path.read_text(encoding="utf-8")
        return bool(json.loads(content)) if kind == "validation" else bool(content)
    except (OSError, ValueError, RecursionError, KeyError):
        return False


def set_aside(path: Path) -> Path | None:
    """Make room for a result without losing a file that somebody else put in its place; empty files are not kept.

    Returns where it is now, None if it was removed.
    """
    kept = path.with_name(f"{path.stem}.changed{path.suffix}")
    if not path.stat().st_size:
        path.unlink()
        return None
    os.replace(path, kept)
    return kept


def write_results(folder: Path, motion: Motion, body: BodyModel, *, vertices: bool) -> Validation:
    """Write the motion and its validation, which is returned. Raises OutputError."""
    for path in _further(folder):  # of an earlier attempt, perhaps with other people
        path.unlink()
    save_motion(motion, folder / NAMES["pkl"], body=body, vertices=vertices)
    save_motion(motion, folder / NAMES["npz"], body=body)
    masks = masks_of(motion)
    if masks is not None:
        write_masks(masks if masks.semantic else masks.select(*(p.id for p in motion)), folder / NAMES["masks"])
    report = validate_motion(motion, body=body, floor=0.0)  # the world stage's floor
    write_report(report, folder / NAMES["validation"], folder / NAMES["bad_frames"])
    return report


def drawing_identity(options: RunOptions) -> list[str]:
    """Further inputs of the overlay besides the settings, the motion and the video. Raises InputError."""
    return [interpolator_identity(options.drawing.rife)] if _makes_frames(options) else []


def require_drawing(options: RunOptions) -> None:
    """Raise InputError or WeightsError if a network for drawing cannot be used: before the work, not after it."""
    if _makes_frames(options):
        interpolator(options.drawing.rife, threads=options.tracking.threads)


def _makes_frames(options: RunOptions) -> bool:
    return options.overlay and options.drawing.fps_factor > 1 and shows_frames(options.drawing)


def write_drawing(folder: Path, motion: Motion, job: Job, options: RunOptions, progress: Progress) -> tuple[str, ...]:
    """Write the overlay video, unless an earlier, interrupted run in this folder wrote it.

    Returns warnings; a failed overlay never fails a run.
    """
    path = folder / NAMES["overlay"]
    if path.is_file():
        return ()
    return write_overlay(
        motion, job.body, job.video, path, options.drawing, threads=options.tracking.threads, progress=progress
    ).warnings
