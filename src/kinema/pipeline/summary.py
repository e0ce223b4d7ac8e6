"""A run's result in a few figures: for the end of `kinema run`, for run.json and for tables."""

from __future__ import annotations

from typing import Any

import numpy as np

from kinema.motion import Motion
from kinema.person import Person
from kinema.refinement.measures import SMOOTHING


def summarise(motion: Motion) -> dict[str, Any]:
    """Key figures of a finished motion.

    frames, fps; camera {fov degrees over the longer side, source, moving}; world: whether there is one;
    people: one dict each with id, frames, observed (frames with evidence), coverage (observed / frames of the
    clip), reprojection (pixels, mean), reprojection_share (of the box's height), jitter before and after
    filtering (m/s^3; None where nothing was filtered), distance (metres travelled, None without a world).
    """
    camera = motion.camera
    fov = None
    if camera is not None:
        longer = max(camera.width, camera.height)
        fov = float(np.degrees(2 * np.arctan(longer / 2 / camera.intrinsics[0, 0])))
    return {
        "frames": motion.num_frames,
        "fps": round(motion.fps, 3),
        "camera": None
        if camera is None
        else {"fov": round(fov or 0.0, 1), "source": camera.focal_source, "moving": camera.moving},
        "world": bool(motion.people) and all(person.transl_world is not None for person in motion),
        "people": [_about(person, motion) for person in motion],
    }


def _about(person: Person, motion: Motion) -> dict[str, Any]:
    observed = len(person) if person.observed is None else int(person.observed.sum())
    about: dict[str, Any] = {
        "id": person.id,
        "frames": len(person),
        "observed": observed,
        "coverage": round(observed / motion.num_frames, 4),
        "reprojection": None,
        "reprojection_share": None,
        "jitter_before": _jitter(person, "before"),
        "jitter_after": _jitter(person, "after"),
        "distance": None,
    }
    error = person.reprojection_error
    if error is not None and np.isfinite(error).any():
        about["reprojection"] = round(float(np.nanmean(error)), 2)
        if person.boxes is not None:
            share = error / (person.boxes[:, 3] - person.boxes[:, 1])
            about["reprojection_share"] = round(float(np.nanmean(share)), 4)
    if person.transl_world is not None and len(person):
        steps = np.diff(person.transl_world[:, [0, 2]], axis=0)
        about["distance"] = round(float(np.linalg.norm(steps, axis=1).sum()), 2)
    return about


def _jitter(person: Person, when: str) -> float | None:
    """Jitter before or after the person was smoothed or refined, as reported by the refiner."""
    result: float | None = person.data.get(SMOOTHING, {}).get(when, {}).get("jitter")
    return result
