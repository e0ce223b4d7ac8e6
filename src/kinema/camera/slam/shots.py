"""What is found of each shot, and kept while others are not done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from kinema.geometry.camera_path import centres
from kinema.geometry.rotations import quaternion_to_matrix
from kinema.models.droid.facts import SHRINK
from kinema.stage import Partial


@dataclass(frozen=True, eq=False)
class SlamShot:
    """rotation (F,3,3), centre (F,3) in the first frame's camera, found (F,), kind; metric: in metres; keyframes: of
    them; error: pixels of the features by which the background is off, None if the camera stands still."""

    rotation: np.ndarray
    centre: np.ndarray
    found: np.ndarray
    kind: str
    metric: bool = False
    keyframes: int = 0
    error: float | None = None

    def facts(self) -> dict[str, Any]:
        """For the record of the stage."""
        out: dict[str, Any] = {
            "kind": self.kind, "found": round(float(self.found.mean()), 4), "keyframes": self.keyframes,
        }  # fmt: skip
        if self.error is not None:
            out["reprojection_error"] = round(self.error * SHRINK, 3)
        return out


class SavedWork:
    """What an interrupted run has found, in its `partial`."""

    def __init__(self, partial: Partial | None) -> None:
        self._partial = partial
        self._arrays: dict[str, np.ndarray] = (partial.load() or {}) if partial is not None else {}

    @property
    def fov(self) -> float | None:
        """Degrees that the search found, NaN if the camera stands still, None if it is not done."""
        return float(self._arrays["fov"]) if "fov" in self._arrays else None

    def put_fov(self, fov: float) -> None:
        """Keep what the search found."""
        self._put(fov=np.array(fov))

    @property
    def tried(self) -> dict[int, float]:
        """What the search has tried: error by degrees."""
        return {int(fov): float(error) for fov, error in self._arrays.get("tried", np.zeros((0, 2)))}

    def put_tried(self, tried: Mapping[int, float]) -> None:
        """Keep what the search has tried."""
        self._put(tried=np.array(list(tried.items()), float).reshape(-1, 2))

    def shot(self, number: int) -> SlamShot | None:
        """A shot that is done."""
        names = [f"{number}_{name}" for name in SlamShot.__dataclass_fields__]
        if not set(names) <= set(self._arrays):
            return None
        rotation, centre, found, kind, metric, keyframes, error = (self._arrays[name] for name in names)
        missed = None if np.isnan(error) else float(error)
        return SlamShot(rotation, centre, found, str(kind), bool(metric), int(keyframes), missed)

    def put_shot(self, number: int, shot: SlamShot) -> None:
        """Keep a shot that is done."""
        values = {name: getattr(shot, name) for name in SlamShot.__dataclass_fields__}
        values["error"] = np.nan if shot.error is None else shot.error
        self._put(**{f"{number}_{name}": np.asarray(value) for name, value in values.items()})

    def _put(self, **arrays: np.ndarray) -> None:
        self._arrays |= arrays
        if self._partial is not None:
            self._partial.save(self._arrays)


def from_first(poses: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rotations (F,3,3) and positions (F,3), in the camera of the first, of poses (F,7) of a world."""
    turns = quaternion_to_matrix(poses[:, 3:])
    places = centres(turns, poses[:, :3])
    return turns @ turns[0].T, (places - places[0]) @ turns[0].T
