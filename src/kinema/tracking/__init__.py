"""Following people through a clip."""

from kinema.tracking.options import TrackingOptions as TrackingOptions
from kinema.tracking.tracker import track_people as track_people

__all__ = ["TrackingOptions", "track_people"]
