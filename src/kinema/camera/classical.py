"""A moving camera's path from points of the background, each shot by itself: the method `classical`."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import closing

import numpy as np

from kinema.camera.bend import coefficients, straight
from kinema.camera.hiding import HiddenPeople
from kinema.camera.options import CameraOptions
from kinema.camera.points import WORKING_SIZE, PointFollower, working_image
from kinema.camera.shot import ShotPath, solve_shot
from kinema.camera.turning import Lens
from kinema.geometry.camera import CERTAIN, Camera, camera_from_focal
from kinema.geometry.camera_path import KINDS, CameraPath, path_data
from kinema.geometry.rotations import geodesic_angle
from kinema.motion import Motion
from kinema.stage import Context, given
from kinema.video import VideoReader
from kinema.video.prefetch import Worker, prefetched

UNSURE = 0.25
"""Standard deviation of the log focal length of a lens of which nobody says how uncertain it is."""

CLEARER = 0.5
"""The uncertainty that a path leaves of the lens, as a share of what it was, below which its focal length is taken."""

FEW, FEW_UNSEEN = 0.5, 0.8
"""Share of the frames in which the camera must be found for its path to be relied on: where the tracker saw it move,
and where it could not tell, so that few points of the background, if any, are there to find."""

CLEAR_TURN = 3.0
"""Degrees that a camera must turn where the tracker could not tell whether it moves: a few points, some of them on
people or on clocks that are burnt in, make a camera that stands turn by less than one."""

AHEAD = 4
"""Images that are decoded before they are needed; they are kept as small as points are followed in."""


def find_classical(motion: Motion, context: Context, options: CameraOptions) -> Motion:
    """The motion with the path of its camera (`kinema.camera.methods.CameraMethod`).

    The context's video is the one the motion was tracked in, with the same time range, and boxes hide the people. Where
    the lens was only assumed and the path shows it better, the camera gets that focal length; where no distortion is
    known and the path shows one, that, too. The record has each shot's kind, the share of its frames in which the
    camera was found, the reprojection error in pixels of an image `WORKING_SIZE` wide, and what the path may have
    drifted; and whether the path is used.
    """
    camera = given(motion.camera)
    followers = _follow(motion, context)
    factor = min(1.0, WORKING_SIZE / max(motion.width, motion.height))
    focal = float(camera.intrinsics[0, 0]) * factor
    tracks = [follower.tracks() for follower in followers]
    if camera.distortion is not None:
        tracks = [each.straightened(focal, camera.distortion) for each in tracks]
    shots = [solve_shot(each, _lens(camera, factor)) for each in tracks]
    context.facts |= {"shots": [shot.facts for shot in shots], "used": False}
    found = np.concatenate([shot.found for shot in shots])
    moves = motion.data.get("camera_motion", {}).get("moving", True) is True
    if found.mean() < (FEW if moves else FEW_UNSEEN):
        if moves:
            context.notes.append(
                f"the camera moves, but its path could be followed in {found.mean():.0%} of the frames only (too little"
                " background is seen), so there is no world"
            )
        return motion
    camera = _better(camera, shots, factor)
    lens, bend = Lens(float(camera.intrinsics[0, 0]) * factor, 0.0), _bend(shots)
    if bend:
        camera = camera.replace(distortion=coefficients(bend, lens.focal, tracks[0].middle))
    # One lens serves all shots and the fit: where another was found, the path is found again with this one.
    shots = [
        shot
        if shot.bend == bend and (shot.facts.get("zoom") or np.allclose(shot.log_focal, np.log(lens.focal)))
        else solve_shot(straight(each, bend), lens)
        for shot, each in zip(shots, tracks, strict=True)
    ]
    context.facts["shots"] = [shot.facts for shot in shots]
    path = _path(shots, camera, factor)
    turned = np.degrees(geodesic_angle(path.rotation, path.rotation[:1])).max()
    if not moves and path.kind != "static" and turned < CLEAR_TURN:
        return motion
    context.facts["used"] = True
    context.notes.extend(_notes(shots, bend))
    return motion.replace(camera=camera, data={**motion.data, **path_data(path)})


def _notes(shots: list[ShotPath], bend: float) -> Iterator[str]:
    """What the user must know about a path that is used."""
    if bend:
        yield (
            f"the lens bends the image, its corners by {abs(bend):.1%}"
            f" {'outwards' if bend > 0 else 'inwards'}, which is taken out; `camera_distortion` takes its coefficients,"
            " or 0 for none"
        )
    zooming = {shot.kind for shot in shots if shot.facts.get("zoom")}
    if zooming:
        either = ", or moves straight ahead before something far and flat, which looks the same"
        yield (
            f"the camera zooms{either if 'rotation' in zooming else ''}; in the camera's frame distances are right for"
            " its average focal length"
        )
    losses = sum(len(shot.breaks) for shot in shots)
    if losses:
        yield (
            f"the background was out of sight {'once' if losses == 1 else f'{losses} times'}: how the camera moved"
            f" meanwhile is not known, and its path has {losses + 1} pieces, each in a unit of its own"
        )


def _follow(motion: Motion, context: Context) -> list[PointFollower]:
    """The points of each shot's background, from one reading of the video: the next images are decoded meanwhile."""
    people = HiddenPeople(motion)
    firsts = {shot.start for shot in motion.shots}
    followers: list[PointFollower] = []
    working = _working_images(given(context.video), motion.num_frames)
    with Worker() as reader, closing(prefetched(working, reader, AHEAD)) as images:
        for number, image in enumerate(images):
            if number in firsts:
                followers.append(PointFollower())
            closed = people.closed(number, (image.shape[0], image.shape[1]))
            followers[-1](image, float(motion.times[number]), closed)
            context.progress(number + 1, motion.num_frames)
    return followers


def _working_images(video: VideoReader, count: int) -> Iterator[np.ndarray]:
    for frame in itertools.islice(video, count):
        yield working_image(frame.image)


def _lens(camera: Camera, factor: float) -> Lens:
    """What is known of the lens, in pixels of the working image."""
    focal = float(camera.intrinsics[0, 0]) * factor
    bends = camera.distortion is None
    if camera.focal_source in CERTAIN or camera.fov_uncertainty == 0:
        return Lens(focal, 0.0, bends)
    if camera.fov_uncertainty is None:
        return Lens(focal, UNSURE, bends)
    # f = w / (2 tan(fov/2)), so that d log f = -d fov / sin(fov).
    return Lens(focal, float(np.radians(camera.fov_uncertainty) / np.sin(np.radians(camera.fov))), bends)


def _bend(shots: list[ShotPath]) -> float:
    """The bend of the lens that the longest shot with one shows; 0 for none."""
    return max(shots, key=lambda shot: (shot.bend != 0, int(shot.found.sum()))).bend


def _better(camera: Camera, shots: list[ShotPath], factor: float) -> Camera:
    """The camera with the focal length of the shot that shows it best, if it is better than what was known."""
    known = [shot for shot in shots if shot.focal_sigma is not None]
    prior = _lens(camera, factor).sigma
    if not known:
        return camera
    best = min(known, key=lambda shot: shot.focal_sigma or 0.0)
    sigma = best.focal_sigma or 0.0
    if not sigma < CLEARER * prior:
        return camera
    focal = float(np.exp(np.mean(best.log_focal))) / factor
    better = camera_from_focal(camera.width, camera.height, focal, "estimated")
    uncertainty = float(np.degrees(sigma * np.sin(np.radians(better.fov))))
    return better.replace(moving=camera.moving, distortion=camera.distortion, fov_uncertainty=uncertainty)


def _path(shots: list[ShotPath], camera: Camera, factor: float) -> CameraPath:
    """The shots one after the other, each in its own frame; a new shot is a new piece, too."""
    kinds = [shot.kind for shot in shots]
    firsts = np.cumsum([0, *(len(shot.found) for shot in shots)])
    breaks = sorted(
        {int(first) for first in firsts[1:-1]}
        | {int(first) + each for first, shot in zip(firsts[:-1], shots, strict=True) for each in shot.breaks}
    )
    pieces = [
        np.searchsorted(breaks, int(first) + np.array([0, *shot.breaks])[shot.places_piece], side="right")
        for first, shot in zip(firsts[:-1], shots, strict=True)
    ]
    intrinsics = camera.intrinsics
    if any(shot.facts.get("zoom") for shot in shots):
        focal = np.exp(np.concatenate([shot.log_focal for shot in shots])) / factor
        intrinsics = np.tile(camera.intrinsics, (len(focal), 1, 1))
        intrinsics[:, 0, 0] = intrinsics[:, 1, 1] = focal
    return CameraPath(
        np.concatenate([shot.rotation for shot in shots]),
        np.concatenate([shot.centre for shot in shots]),
        intrinsics,
        kind=max(kinds, key=KINDS.index),
        breaks=np.array(breaks, dtype=np.int64),
        found=np.concatenate([shot.found for shot in shots]),
        points=np.concatenate([shot.places for shot in shots]),
        points_sigma=np.concatenate([shot.places_sigma for shot in shots]),
        points_piece=np.concatenate(pieces),
    )
