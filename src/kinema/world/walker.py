"""A person seen by a camera that travels, while nobody knows how many metres a unit of its path is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kinema.world.contacts import contact_weights
from kinema.world.fitted import FittedTrack
from kinema.world.root import steady_root


@dataclass(frozen=True, eq=False)
class Walker:
    """A track in world axes whose camera does not travel (scale 0), and the camera's way (F,3) in them, in the path's
    unit. size: standard deviation of the body's fitted size, as a fraction."""

    track: FittedTrack
    way: np.ndarray
    size: float

    def at(self, scale: float) -> FittedTrack:
        """The track where the camera's way has so many metres a unit."""
        return self.track.moved(root=self.track.root + scale * self.way)

    def standing(self, scale: float, speed: float, share: float) -> np.ndarray:
        """How likely each of the track's points stands, (F,K) in [0,1], at a scale. speed, share: as for
        `contact_weights`."""
        track, eye = self.at(scale), scale * self.way
        weight = contact_weights(track, 2 * speed, eye, share)
        steadied = track.moved(root=track.root + steady_root(track, weight, eye, grounded=False))
        return contact_weights(steadied, speed, eye, share)
