"""The limits of the default profile: a table calibrated on motion capture, and a few set by hand.

`motion_limits.json` is written by `tools/calibrate_validator.py`, which documents the rule. Each measure and joint has
two limits: `usual`, which real movement stays below in nearly every frame (a clip may have a few frames beyond it and
still PASS), and `never`, beyond anything captured (with one such frame, the clip does not PASS).
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from kinema.errors import UsageError
from kinema.skeleton import SMPL24

TABLE = Path(__file__).with_name("motion_limits.json")

UNITS = {
    "speed": "m/s",
    "jump": "m/s",
    "shake": "mm",
    "turn": "deg/s",
    "snap": "deg/s",
    "tremor": "deg",
    "flip": "deg",
    "spin": "deg",
    "angle": "deg",
    "overstretch": "deg",
    "limb": "%",
    "legs": "times",
    "arms": "times",
    "penetration": "m",
    "sliding": "m/s",
    "frozen": "s",
    "stuck": "s",
    "shape": "beta",
    "reprojection": "of box height",
}
"""Every per-frame measure, with its unit."""


@dataclass(frozen=True, eq=False)
class Threshold:
    """usual, never: () or (24,) in the measure's unit; never >= usual, infinite where no value is impossible."""

    usual: np.ndarray
    never: np.ndarray

    def __post_init__(self) -> None:
        for name in ("usual", "never"):
            value = np.array(getattr(self, name), dtype=np.float64)
            if value.shape not in ((), (24,)) or np.isnan(value).any() or not np.all(value > 0):
                raise UsageError(f"a limit ({name}) must be one positive number or 24, one for each SMPL joint")
            value.flags.writeable = False
            object.__setattr__(self, name, value)
        if np.any(self.never < self.usual):
            raise UsageError("the limit 'never' must not be below 'usual'")


def _default_frames() -> Mapping[str, Threshold]:
    return default_limits().frames


@dataclass(frozen=True, eq=False)
class Limits:
    """The limits of plausible motion.

    frames: thresholds by measure, applied frame by frame. foot_speed: m/s; largest speed of the slowest foot in the
    calmest tenth of a track, above which the feet never stand. drift, rise: m/s, of standing feet, along the ground and
    up or down. tilt: degrees between the world's up and the direction against gravity. gap: seconds; longest
    interruption of a track. missing: largest fraction of missing frames. still: metres; a root whose range of motion is
    smaller does not move. pass_share, fail_share: fraction of frames beyond `usual` up to which a track passes, and
    above which it fails.
    """

    frames: Mapping[str, Threshold] = field(default_factory=_default_frames)
    foot_speed: float = 0.5
    drift: float = 0.25
    rise: float = 0.065
    tilt: float = 6.0
    gap: float = 0.25
    missing: float = 0.02
    still: float = 1e-3
    pass_share: float = 0.03
    fail_share: float = 0.25

    def __post_init__(self) -> None:
        unknown = sorted(set(self.frames) - set(UNITS))
        if unknown:
            raise UsageError(f"limits for unknown measures {', '.join(unknown)}; known: {', '.join(UNITS)}")
        for name in ("foot_speed", "drift", "rise", "tilt", "gap", "missing", "still", "pass_share", "fail_share"):
            if not getattr(self, name) > 0:
                raise UsageError(f"the limit {name} must be positive, found {getattr(self, name)}")
        if self.fail_share < self.pass_share:
            raise UsageError("fail_share must not be below pass_share")

    def replace(self, **changes: Any) -> Limits:
        """A validated copy with these fields changed."""
        return dataclasses.replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """Plain values; per-joint limits by joint name, infinity as None."""
        plain: dict[str, Any] = {
            f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name not in ("frames",)
        }
        plain["frames"] = {
            measure: {"unit": UNITS[measure], "usual": _plain(t.usual), "never": _plain(t.never)}
            for measure, t in self.frames.items()
        }
        return plain


@cache
def default_limits() -> Limits:
    """The limits calibrated on motion capture."""
    return limits_from(json.loads(TABLE.read_text(encoding="utf-8")))


def limits_from(table: Mapping[str, Any]) -> Limits:
    """The limits in a table written by `tools/calibrate_validator.py`."""
    frames = {
        measure: Threshold(_array(entry["usual"]), _array(entry["never"])) for measure, entry in table["frames"].items()
    }
    clip = {name: float(value) for name, value in table["clip"].items()}
    return Limits(frames=frames, **clip)


def _plain(values: np.ndarray) -> Any:
    def number(value: float) -> float | None:
        return round(float(value), 4) if np.isfinite(value) else None

    if values.ndim == 0:
        return number(float(values))
    return {joint: number(v) for joint, v in zip(SMPL24.joints, values.tolist(), strict=True)}


def _array(plain: Any) -> np.ndarray:
    """The inverse of `_plain`."""
    if isinstance(plain, Mapping):
        plain = [plain[joint] for joint in SMPL24.joints]
    return np.array([np.inf if v is None else v for v in plain] if isinstance(plain, list) else plain or np.inf, float)
