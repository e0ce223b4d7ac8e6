"""Whether a lens bends the image, as the points of a camera that moves show it.

One coefficient is sought, of OpenCV's first radial term: it moves the image's corner by a share of its distance from
the middle (`kinema.camera.views.Views.bend`), and others by the cube of theirs. In these units it does not depend on
the focal length.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from kinema.camera.bundle import ROUGHLY, Unknowns, adjust
from kinema.camera.tracks import PointTracks
from kinema.camera.views import Sightings, Views

BEND_GAIN = 0.15
"""Share by which a bend must lower the robust cost to be believed. A straight lens's falls by a few parts in a thousand
for one unknown more; rolling shutters and what moves in the image bend it, too, but lower it by less."""

LEAST, MOST = 0.008, 0.14
"""Range of a bend's size: below it, the corner moves by less than three pixels of the working image; beyond 4 / 27, one
coefficient folds the corner back into the image."""

SURE = 4.0
"""Standard deviations by which it must differ from none."""

ALIKE = 0.002
"""A change of the bend that is none."""

CORRELATED = 2.0
"""Factor on uncertainties: points err alike from frame to frame, which the equations do not know."""


def bend_shown(views: Views, sightings: Sightings, unknowns: Unknowns) -> float | None:
    """The bend that explains the sightings clearly better than none; None if they show none. views: without a bend."""
    if not len(sightings.camera):
        return None
    bending = replace(unknowns, bend=True)
    plain = adjust(_of_one_focal(views), sightings, unknowns, rounds=3, settled=ROUGHLY)
    bent = adjust(plain.views, sightings, bending, rounds=8, settled=ROUGHLY)
    if bent.cost > (1 - BEND_GAIN / 3) * plain.cost:
        return None  # most lenses: nothing begins to show
    plain = adjust(plain.views, sightings, unknowns, rounds=5)
    bent = adjust(bent.views, sightings, bending, rounds=14)
    bend = bent.views.bend
    if bent.cost > (1 - BEND_GAIN) * plain.cost or not LEAST < abs(bend) < MOST:
        return None
    sigma = CORRELATED * bent.noise * float(np.sqrt(max(bent.spread([bent.bend])[0, 0], 0.0)))
    return bend if abs(bend) > SURE * sigma else None


def bend_again(views: Views, bend: float, sightings: Sightings, unknowns: Unknowns) -> float | None:
    """The bend that explains sightings in the image as it was filmed, from cameras that were found in one that was
    straightened by `bend`; None if it is still that, or none that a lens has.

    What is left in the straightened image could not be added: there the same bend moves the corner twice as far.
    """
    if not len(sightings.camera):
        return None
    begin = replace(_of_one_focal(views), bend=bend)
    found = adjust(begin, sightings, replace(unknowns, bend=True), rounds=20).views.bend
    return found if abs(found - bend) > ALIKE and abs(found) < MOST else None


def _of_one_focal(views: Views) -> Views:
    return replace(views, log_focal=np.full(len(views.log_focal), views.log_focal.mean()))


def coefficients(bend: float, focal: float, middle: np.ndarray) -> np.ndarray:
    """OpenCV's (4,) for a bend, of a lens of `focal` pixels in images whose principal point is `middle` (2,)."""
    return np.array([bend * focal**2 / float(np.sum(np.square(middle))), 0.0, 0.0, 0.0])


def straight(tracks: PointTracks, bend: float) -> PointTracks:
    """The points where a lens without this bend would show them."""
    reach = float(np.linalg.norm(tracks.middle))
    return tracks.straightened(reach, coefficients(bend, reach, tracks.middle))
