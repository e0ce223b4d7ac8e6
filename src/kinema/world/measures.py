"""The effect of the clean-up on the feet, and its side effects on the body: figures for the provenance."""

from __future__ import annotations

import numpy as np

from kinema.metrics import foot_sliding
from kinema.world.fitted import FittedTrack


def sliding(track: FittedTrack, contacts: np.ndarray) -> float:
    """Mean horizontal speed, mm/s, of foot points in contact (F,4) between consecutive frames; 0 without any."""
    speed = foot_sliding(track.feet, contacts, track.times)
    return float(1000 * np.nanmean(speed)) if np.isfinite(speed).any() else 0.0


def penetration(track: FittedTrack) -> tuple[float, float]:
    """Depth of the lowest foot point below the ground, mm: mean over the frames, and maximum."""
    depth = np.maximum(-track.feet[..., 1].min(axis=1), 0)
    return (float(1000 * depth.mean()), float(1000 * depth.max())) if len(depth) else (0.0, 0.0)


def floating(track: FittedTrack, contacts: np.ndarray, level: np.ndarray) -> tuple[float, float]:
    """Distance of foot points in contact from what they stand on (heights `level` (F,4)), mm: mean and maximum."""
    off = np.abs(track.feet[..., 1] - level)[contacts]
    return (float(1000 * off.mean()), float(1000 * off.max())) if len(off) else (0.0, 0.0)


def compare(
    before: list[FittedTrack], after: list[FittedTrack], contacts: list[np.ndarray], level: list[np.ndarray]
) -> dict[str, float]:
    """Figures of one person's pieces before and after the clean-up, weighted by frames.

    Sliding in mm/s; penetration, floating, moved and bent in mm. moved: displacement of the joints in the world, the
    root's correction included; bent: their displacement relative to the pelvis, the change of the pose.
    """
    frames = np.array([len(track.times) for track in before], dtype=float)
    if not frames.sum():
        return {}

    def mean(values: list[float]) -> float:
        return round(float(np.average(values, weights=frames)), 2)

    touching = np.array([k.sum() + 1e-9 for k in contacts])
    moved = [np.linalg.norm(b.joints - a.joints, axis=-1) for a, b in zip(before, after, strict=True)]
    bent = [
        np.linalg.norm((b.joints - b.joints[:, :1]) - (a.joints - a.joints[:, :1]), axis=-1)
        for a, b in zip(before, after, strict=True)
    ]
    figures = {"contact": round(float(np.concatenate(contacts).mean()), 4)}
    for name, tracks in (("before", before), ("after", after)):
        slides = [sliding(track, k) for track, k in zip(tracks, contacts, strict=True)]
        depths = [penetration(track) for track in tracks]
        off = [floating(track, k, y) for track, k, y in zip(tracks, contacts, level, strict=True)]
        figures[f"sliding_{name}"] = round(float(np.average(slides, weights=touching)), 2)
        figures[f"penetration_{name}"] = mean([d[0] for d in depths])
        figures[f"penetration_max_{name}"] = round(max(d[1] for d in depths), 2)
        figures[f"floating_{name}"] = round(float(np.average([d[0] for d in off], weights=touching)), 2)
        figures[f"floating_max_{name}"] = round(max(d[1] for d in off), 2)
    figures["moved"] = mean([1000 * float(m.mean()) for m in moved])
    figures["moved_max"] = round(1000 * max(float(m.max()) for m in moved), 2)
    figures["bent"] = mean([1000 * float(m.mean()) for m in bent])
    figures["bent_max"] = round(1000 * max(float(m.max()) for m in bent), 2)
    return figures
