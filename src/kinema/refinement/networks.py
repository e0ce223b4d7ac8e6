"""The network stage: refine a motion's 2D keypoints, 3D joints or SMPL rotations with SmoothNet or SynSP.

The network slides over every uninterrupted piece of every track, resampled to uniform frame times. For 3D joints and
SMPL rotations the body's trajectory is smoothed as well: SmoothNet treats it as three more coordinates; SynSP takes a
fixed number of coordinates, so the default filter smooths it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from kinema.errors import InputError, UsageError
from kinema.models.refiner import TrainedRefiner, load_refiner
from kinema.models.smoothnet import facts as smoothnet
from kinema.models.smoothnet.published import PublishedSmoothNet
from kinema.models.synsp import facts as synsp
from kinema.motion import Motion
from kinema.person import Person
from kinema.refinement.filtering import smooth_positions, smooth_root, smooth_rotations
from kinema.refinement.frames import in_its_frames, shape_of
from kinema.refinement.inverse_kinematics import fit_pose_to_joints
from kinema.refinement.measures import SMOOTHING, what_changed
from kinema.refinement.options import FilterOptions, NetworkOptions
from kinema.refinement.people import change_people
from kinema.stage import Context
from kinema.temporal.gaps import uninterrupted
from kinema.temporal.sequences import (
    filled,
    from_pixels,
    from_rotations,
    pad_reflected,
    smooth_resampled,
    to_pixels,
    to_rotations,
)
from kinema.temporal.windows import slide

if TYPE_CHECKING:
    from kinema.body import BodyModel

TWIST = FilterOptions(method="savgol", seconds=5 / 30 / 2.25)
"""Smooths the rotations that joints do not determine (twist, feet, hands): a parabola over five frames at 30 Hz."""


def refine_people(motion: Motion, context: Context, options: NetworkOptions) -> Motion:
    """Refine every person's keypoints or body.

    2d reads and fills keypoints; 3d reads joints (or the body's) and fills joints and, if there is a body, pose and
    transl fitted to them; smpl reads pose, betas and transl and fills pose, transl and joints. A body is refined in the
    camera's frame, and in the world if it could not be placed there again (`in_its_frames`); otherwise the world fields
    are cleared. A person's `data["smoothing"]` has acceleration (m/s^2) and jitter (m/s^3) before and after and how far
    the joints moved (metres). Raises InputError (checkpoint, NaN) and UsageError (a person without the required fields,
    a window of another size).
    """
    network, window, representation = chosen_network(options)
    refinement = _Refinement(network, window, representation, options, context.body, motion)
    context.facts |= {"window_size": window, "representation": representation, "checkpoint": network.name}
    context.weights[network.name] = network.sha256

    def refined(person: Person) -> tuple[Person, dict[str, Any]]:
        if representation == "2d":
            result = refinement.keypoints(person) if len(person) else person
            return result, refinement.measures(person, result)
        return in_its_frames(motion, person, refinement.body_of)

    return change_people(motion, context, SMOOTHING, refined)


def chosen_network(options: NetworkOptions) -> tuple[TrainedRefiner, int, str]:
    """The network of these options, its window in frames, and its representation.

    Raises WeightsError (none in the cache, or its licence not agreed to), InputError (a file without a network) and
    UsageError (one that does not fit the options).
    """
    network = _network(options)
    window = _window(network, options)
    representation = options.representation or network.representation or "3d"
    if network.representation not in (None, representation):
        raise UsageError(
            f"{network.name} was trained on {network.representation}, not on {representation}; "
            f"set `representation` to {network.representation}"
        )
    return network, window, representation


def _network(options: NetworkOptions) -> TrainedRefiner:
    if options.checkpoint is not None:
        return load_refiner(options.checkpoint, options.method)
    if options.method == "synsp":
        raise UsageError("SynSP needs a `checkpoint`: give its file (or train one: kinema train refiner)")
    from kinema.weights import locate

    return load_refiner(locate(f"smoothnet-{options.window_size or smoothnet.DEFAULT_WINDOW}").path, "smoothnet")


def _window(network: TrainedRefiner, options: NetworkOptions) -> int:
    window = network.window or options.window_size or synsp.WINDOW
    if options.window_size not in (None, window):
        raise UsageError(
            f"{network.name} smooths windows of {window} frames, `window_size` asks for {options.window_size}; "
            "leave the option out or give another checkpoint"
        )
    if network.window is None and window > synsp.POSITIONS:
        raise UsageError(f"SynSP takes windows of at most {synsp.POSITIONS} frames, `window_size` asks for {window}")
    if options.lag is not None and options.lag >= window:
        raise UsageError(f"`lag` must be less than the window of {window} frames, found {options.lag}")
    if options.step > window:
        raise UsageError(f"`step` must not be more than the window of {window} frames, found {options.step}")
    return window


class _Refinement:
    """One refinement: the data that all people share."""

    def __init__(
        self, network: TrainedRefiner, window: int, representation: str, options: NetworkOptions,
        body: BodyModel | None, motion: Motion,
    ) -> None:  # fmt: skip
        self.network, self.window, self.representation = network, window, representation
        self.options, self.body, self.motion = options, body, motion

    def keypoints(self, person: Person) -> Person:
        """The person with refined keypoints. Raises UsageError if there are none."""
        keypoints = person.keypoints
        if keypoints is None:
            raise UsageError(
                f"`representation` 2d refines keypoints, which person {person.id} does not have; use 3d or smpl"
            )
        values = from_pixels(keypoints, self.motion.width, self.motion.height)
        # An unseen keypoint is not an error: the network gets it interpolated, and it stays NaN in the result.
        unseen = ~np.isfinite(keypoints)
        smooth = self._smooth(np.asarray(values), person, "keypoints", "interpolate")
        pixels = to_pixels(smooth, self.motion.width, self.motion.height)
        return person.replace(keypoints=np.where(unseen, np.nan, pixels))

    def body_of(self, person: Person, upright: bool) -> tuple[Person, dict[str, Any]]:
        """The person with a refined body, and how much it changed. upright: in the world's axes, not the camera's."""
        if not len(person):
            return person, {}
        before = self._positions(person)
        refine = self._joints if self.representation == "3d" else self._rotations
        changed = refine(person, upright)
        after = changed if changed.joints is not None else changed.replace(joints=self._positions(changed))
        return changed, self.measures(person.replace(joints=before), after)

    def _positions(self, person: Person) -> np.ndarray | None:
        """Joints (F,24,3): the person's own, or the body's if there are none or they belong to another body."""
        foreign = self.body is not None and self.motion.body_model not in (None, self.body.name)
        if person.joints is not None and (person.pose is None or not foreign):
            return person.joints
        if self.body is None or person.pose is None:
            return person.joints
        transl = np.zeros((len(person), 3)) if person.transl is None else person.transl
        return self.body.joints(person.pose, shape_of(person), transl)

    def _joints(self, person: Person, upright: bool) -> Person:
        joints = self._positions(person)
        if joints is None:
            (joints,) = person.require("joints")
        relative = joints - joints[:, :1]
        path = self._path(joints[:, 0], person, upright)
        smooth = self._smooth(relative.reshape(len(joints), -1), person, "joints").reshape(joints.shape)
        smooth = smooth - smooth[:, :1] + path[:, None]
        if self.body is None or person.pose is None:
            return person.replace(joints=smooth)
        times = self.motion.times[person.frames]
        pose = smooth_rotations(person.pose.reshape(-1, 24, 3), times, TWIST, frames=person.frames).reshape(-1, 72)
        pose, transl = fit_pose_to_joints(self.body, pose, shape_of(person), smooth)
        if person.transl is None:
            return person.replace(pose=pose)
        return person.replace(pose=pose, transl=transl, joints=self.body.joints(pose, shape_of(person), transl))

    def _rotations(self, person: Person, upright: bool) -> Person:
        (pose,) = person.require("pose")
        changes = {"pose": to_rotations(self._smooth(from_rotations(pose), person, "pose"))}
        if person.transl is None:
            return person.replace(**changes)
        pelvis = np.zeros(3) if self.body is None else self.body.rest_joints(shape_of(person))[:, 0]
        changes["transl"] = self._path(person.transl + pelvis, person, upright) - pelvis
        if self.body is not None:
            changes["joints"] = self.body.joints(changes["pose"], shape_of(person), changes["transl"])
        return person.replace(**changes)

    def _path(self, path: np.ndarray, person: Person, upright: bool) -> np.ndarray:
        """The smoothed trajectory (F,3) metres of the pelvis."""
        if self.network.kind == "smoothnet":
            return self._smooth(path, person, "transl", centred=not self.options.as_published)
        smooth = smooth_positions if upright else smooth_root
        return smooth(path, self.motion.times[person.frames], FilterOptions(), frames=person.frames, name="transl")

    def _smooth(
        self, values: np.ndarray, person: Person, name: str, missing: str | None = None, *, centred: bool = False
    ) -> np.ndarray:
        """Values (F,C) of a track, smoothed piece by piece."""
        options, network = self.options, self.network
        if network.coordinates not in (None, values.shape[1]):
            raise UsageError(
                f"{network.name} takes {network.coordinates} numbers per frame, the {name} of person {person.id} have "
                f"{values.shape[1]} ({self.representation}); it was trained on another joint set"
            )
        times = self.motion.times[person.frames]
        values = filled(values, times, name, person.frames, missing or options.missing)
        if self._compensated:
            published = PublishedSmoothNet(network, self.window, live=options.lag is not None)
            run, rate, margin = published.smoother(), published.rate, published.margin
        else:
            run, rate, margin = network.smoother(self.window, centred or self._centred), self._rate, 0

        def smoothed(sequence: np.ndarray) -> np.ndarray:
            longer, own = pad_reflected(sequence, margin)
            return slide(longer, self.window, run, step=options.step, short=options.short, lag=options.lag)[own]

        pieces = uninterrupted(times, person.frames, options.max_gap)
        out = smooth_resampled(values, times, pieces, rate, smoothed)
        if not np.isfinite(out).all():
            raise InputError(f"{network.name} returned values that are not numbers; its file may be corrupt")
        return out

    @property
    def _compensated(self) -> bool:
        network = self.network
        return network.kind == "smoothnet" and network.centred is None and not self.options.as_published

    @property
    def _centred(self) -> bool:
        return bool(self.network.centred) and not self.options.as_published

    @property
    def _rate(self) -> float | None:
        return None if self.options.as_published else self.network.rate

    def measures(self, before: Person, after: Person) -> dict[str, Any]:
        """Acceleration and jitter before and after, and how far the joints moved."""
        if before.joints is None or after.joints is None or not len(before):
            return {}
        times = self.motion.times[before.frames]
        pieces = uninterrupted(times, before.frames, self.options.max_gap)
        return what_changed(before.joints, after.joints, times, pieces)
