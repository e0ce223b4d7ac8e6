"""Key figures of a run's result: for the end of `kinema run`, for run.json and for tables."""

from __future__ import annotations

from typing import Any

import numpy as np

from kinema.body.sizes import BODY_HEIGHT
from kinema.geometry.camera import Camera
from kinema.motion import Motion
from kinema.person import Person
from kinema.refinement.measures import SMOOTHING

SOURCES = {"fov option": "given", "metadata": "tag", "default": "assumed"}
"""Names of focal length sources in a summary; others, such as "estimated" and "assumed", keep their names."""


def summarise(motion: Motion) -> dict[str, Any]:
    """Key figures of a finished motion.

    frames, fps; camera {fov degrees over the longer side, uncertainty (its standard deviation, None if unknown), source
    (see `SOURCES`), moving}; world: whether there is one; people: one dict each with id, frames, observed (frames with
    evidence), coverage (observed / frames of the clip), height (of the body, as in `BODY_HEIGHT`, None if unknown),
    reprojection (pixels, mean), reprojection_share (of the box's height), jitter before and after
    filtering (m/s^3; None where nothing was filtered), distance (metres travelled, None without a world).
    """
    camera = motion.camera
    return {
        "frames": motion.num_frames,
        "fps": round(motion.fps, 3),
        "camera": None if camera is None else _about_camera(camera),
        "world": bool(motion.people) and all(person.transl_world is not None for person in motion),
        "people": [_about(person, motion) for person in motion],
    }


def _about_camera(camera: Camera) -> dict[str, Any]:
    spread = camera.fov_uncertainty
    return {
        "fov": round(camera.fov, 1),
        "uncertainty": None if spread is None else round(spread, 1),
        "source": SOURCES.get(camera.focal_source, camera.focal_source),
        "moving": camera.moving,
    }


def _about(person: Person, motion: Motion) -> dict[str, Any]:
    observed = len(person) if person.observed is None else int(person.observed.sum())
    about: dict[str, Any] = {
        "id": person.id,
        "frames": len(person),
        "observed": observed,
        "coverage": round(observed / motion.num_frames, 4),
        "height": person.data.get(BODY_HEIGHT),
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
