"""Settings of person tracking."""

from __future__ import annotations

from dataclasses import dataclass

from kinema.errors import UsageError


@dataclass(frozen=True)
class TrackingOptions:
    """How people are detected and followed. Times are in seconds, so that they mean the same at any frame rate.

    max_persons: keep only this many people, the most present first (None: all). min_track_frames: shorter
    tracks are dropped (but never those that cover half of the clip). detection_threshold: least score of a
    detection; landmark_threshold: least score of the keypoints of a person.
    detection_interval: the whole image is searched for new people within this time.
    smallest_person: height of the smallest person to detect, as a part of the frame's short side (half of it
    costs about four times as many detector runs).
    max_absence: a person who comes back within this time, looking the same, keeps the id. max_fill: gaps up
    to this long are filled by interpolation and marked as not observed. repair_swaps: undo exchanges of left
    and right between frames. threads: CPU threads (None: all that the process may use).
    """

    max_persons: int | None = None
    min_track_frames: int = 8
    detection_threshold: float = 0.5
    landmark_threshold: float = 0.5
    detection_interval: float = 1.5
    smallest_person: float = 0.18
    max_absence: float = 4.0
    max_fill: float = 0.3
    repair_swaps: bool = True
    threads: int | None = None

    def __post_init__(self) -> None:
        for name, least in (("max_persons", 1), ("min_track_frames", 1), ("threads", 1)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise UsageError(f"{name} must be at least {least}, found {value}")
        for name in ("detection_threshold", "landmark_threshold", "smallest_person"):
            if not 0.0 < getattr(self, name) < 1.0:
                raise UsageError(f"{name} must lie between 0 and 1, found {getattr(self, name)}")
        for name in ("max_absence", "max_fill"):
            if not getattr(self, name) >= 0.0:
                raise UsageError(f"{name} must be a time in seconds, 0 or more, found {getattr(self, name)}")
        if not self.detection_interval > 0.0:
            raise UsageError(f"detection_interval must be a time in seconds above 0, found {self.detection_interval}")
