"""Tracking people through a clip."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kinema._wiring import late

if TYPE_CHECKING:
    from kinema.tracking.options import TrackingOptions as TrackingOptions
    from kinema.tracking.tracker import track_people as track_people

__all__ = ["TrackingOptions", "track_people"]
__getattr__ = late(
    __name__,
    {
        "TrackingOptions": "kinema.tracking.options",
        "track_people": "kinema.tracking.tracker",
    },
)
