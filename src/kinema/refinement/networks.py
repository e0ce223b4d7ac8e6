"""The network stage: refine a motion's 2D keypoints, 3D joints or SMPL rotations with SmoothNet or SynSP.

The network slides over every uninterrupted piece of every track; frames come at even times to it, whatever the
clip's are. In 3D and in SMPL's rotations the body's path is smoothed with them: SmoothNet treats it as three
more coordinates, SynSP, which takes a fixed number of them, leaves it to the default filter.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from kinema._version import __version__
from kinema.errors import InputError, UsageError
from kinema.models.refiner import REPRESENTATIONS, TrainedRefiner, load_refiner
from kinema.models.smoothnet import facts as smoothnet
from kinema.models.smoothnet.published import PublishedCare
from kinema.models.synsp import facts as synsp
from kinema.motion import Motion
from kinema.person import Person
from kinema.progress import Progress, silent
from kinema.provenance import StageRecord
from kinema.refinement.filtering import FilterOptions, smooth_root, smooth_rotations
from kinema.refinement.inverse_kinematics import agree_with_joints
from kinema.refinement.measures import what_changed
from kinema.temporal.gaps import uninterrupted
from kinema.temporal.sequences import (
    filled,
    from_pixels,
    from_rotations,
    in_even_pieces,
    led_on,
    to_pixels,
    to_rotations,
)
from kinema.temporal.windows import SHORT, slide

if TYPE_CHECKING:
    from kinema.body import BodyModel

TWIST = FilterOptions(method="savgol", seconds=5 / 30 / 2.25)
"""What smooths the rotations that joints do not tell (twist, feet, hands): five frames of a parabola at 30 Hz."""

WORLD_FIELDS = ("pose_world", "transl_world", "joints_world")


@dataclass(frozen=True)
class NetworkOptions:
    """How a network refines.

    method: "smoothnet" or "synsp". checkpoint: its file; None takes the published SmoothNet from the weights cache.
    window: frames; None is the checkpoint's own (32 for the cache, 8 for SynSP). representation: "2d" (keypoints),
    "3d" (joints; pose and transl are then brought into agreement with them), "smpl" (rotations), or None for what
    the checkpoint was trained on, else 3d. step: frames between windows. lag: frames of the future that a result may
    depend on, None for all of the window. short: what becomes of clips shorter than the window (`windows.SHORT`).
    as_published: run SmoothNet as its authors do, its pull towards the pelvis included; else a file that does not say
    how it learned runs with `PublishedCare`. max_gap: seconds; a track interrupted for longer is refined in pieces.
    missing: NaN in the input: "error", or "interpolate".
    """

    method: str = "smoothnet"
    checkpoint: str | Path | None = None
    window: int | None = None
    representation: str | None = None
    step: int = 1
    lag: int | None = None
    short: str = "repeat"
    as_published: bool = False
    max_gap: float = 0.2
    missing: str = "error"

    def __post_init__(self) -> None:
        if self.method not in ("smoothnet", "synsp"):
            raise UsageError(f"unknown network {self.method!r}; known: smoothnet, synsp")
        if self.representation not in (None, *REPRESENTATIONS):
            raise UsageError(
                f"unknown representation {self.representation!r}; choose one of {', '.join(REPRESENTATIONS)}"
            )
        if self.window is not None and not 2 <= self.window <= 1000:
            raise UsageError(f"--window-size must lie between 2 and 1000 frames, found {self.window}")
        if self.step < 1:
            raise UsageError(f"step must be at least 1, found {self.step}")
        if self.lag is not None and self.lag < 0:
            raise UsageError(f"--lag must not be negative, found {self.lag}")
        if self.short not in SHORT:
            raise UsageError(f"short clips: choose one of {', '.join(SHORT)}, found {self.short!r}")
        if not self.max_gap > 0:
            raise UsageError(f"max_gap must be positive, found {self.max_gap}")
        if self.missing not in ("error", "interpolate"):
            raise UsageError(f'missing must be "error" or "interpolate", found {self.missing!r}')


def refine_with_network(
    motion: Motion, body: BodyModel | None, options: NetworkOptions | None = None, *, progress: Progress = silent
) -> Motion:
    """Refine every person in the camera's frame; fields of the world are dropped, as they would no longer fit.

    2d reads and fills keypoints; 3d reads joints (or the body's) and fills joints and, where there is a body, pose
    and transl that agree with them; smpl reads pose, betas and transl and fills pose, transl and joints. The record
    tells acceleration (m/s^2) and jitter (m/s^3) before and after and how far the joints moved (metres). Raises
    InputError (checkpoint, NaN) and UsageError (a person without what is needed, a window of another size).
    """
    options = options or NetworkOptions()
    network = _network(options)
    window = _window(network, options)
    representation = options.representation or network.representation or "3d"
    if network.representation not in (None, representation):
        raise UsageError(
            f"{network.name} was trained on {network.representation}, not on {representation}; "
            f"set --representation {network.representation}"
        )
    work = _Work(network, window, representation, options, body, motion)
    people, told = [], {}
    for done, person in enumerate(motion.people):
        progress(done, len(motion.people))
        refined = work.person(person) if len(person) else person
        people.append(refined)
        told[str(person.id)] = work.measures(person, refined)
    progress(len(motion.people), len(motion.people))
    arguments = {
        **dataclasses.asdict(options), "window": window, "representation": representation,
        "checkpoint": network.name, "people": told,
    }  # fmt: skip
    weights = {network.name: network.sha256} | ({} if body is None else {body.name: body.sha256})
    record = StageRecord(f"refine.{options.method}", __version__, arguments, weights)
    return motion.after(record, people=tuple(people))


def _network(options: NetworkOptions) -> TrainedRefiner:
    if options.checkpoint is not None:
        return load_refiner(options.checkpoint, options.method)
    if options.method == "synsp":
        raise UsageError(
            "SynSP needs a checkpoint: give it with --checkpoint FILE (or train one: kinema train refiner)"
        )
    from kinema.weights import locate

    return load_refiner(locate(f"smoothnet-{options.window or smoothnet.DEFAULT_WINDOW}").path, "smoothnet")


def _window(network: TrainedRefiner, options: NetworkOptions) -> int:
    window = network.window or options.window or synsp.WINDOW
    if options.window not in (None, window):
        raise UsageError(
            f"{network.name} smooths windows of {window} frames, --window-size asks for {options.window}; "
            "leave the option out or give another checkpoint"
        )
    if network.window is None and window > synsp.POSITIONS:
        raise UsageError(f"SynSP takes windows of at most {synsp.POSITIONS} frames, --window-size asks for {window}")
    if options.lag is not None and options.lag >= window:
        raise UsageError(f"--lag must be less than the window of {window} frames, found {options.lag}")
    if options.step > window:
        raise UsageError(f"step must not be more than the window of {window} frames, found {options.step}")
    return window


class _Work:
    """One refinement: what stays the same for all people."""

    def __init__(
        self, network: TrainedRefiner, window: int, representation: str, options: NetworkOptions,
        body: BodyModel | None, motion: Motion,
    ) -> None:  # fmt: skip
        self.network, self.window, self.representation = network, window, representation
        self.options, self.body, self.motion = options, body, motion

    def person(self, person: Person) -> Person:
        fill = {"2d": self._keypoints, "3d": self._joints, "smpl": self._rotations}[self.representation]
        return fill(person)

    def _keypoints(self, person: Person) -> Person:
        (keypoints,) = person.require("keypoints")
        values = from_pixels(keypoints, self.motion.width, self.motion.height)
        # A keypoint that was not seen is no fault of the file: the network sees it interpolated, the result does not.
        unseen = ~np.isfinite(keypoints)
        smooth = self._smooth(np.asarray(values), person, "keypoints", "interpolate")
        pixels = to_pixels(smooth, self.motion.width, self.motion.height)
        return person.replace(keypoints=np.where(unseen, np.nan, pixels))

    def _joints(self, person: Person) -> Person:
        if person.joints is None and self.body is not None:
            pose, betas, transl = person.require("pose", "betas", "transl")
            joints = self.body.joints(pose, betas, transl)
        else:
            (joints,) = person.require("joints")
        relative = joints - joints[:, :1]
        path = self._path(joints[:, 0], person)
        smooth = self._smooth(relative.reshape(len(joints), -1), person, "joints").reshape(joints.shape)
        smooth = smooth - smooth[:, :1] + path[:, None]
        changes: dict[str, Any] = {"joints": smooth}
        if self.body is not None and person.pose is not None and person.betas is not None:
            times = self.motion.times[person.frames]
            pose = smooth_rotations(person.pose.reshape(-1, 24, 3), times, TWIST, frames=person.frames).reshape(-1, 72)
            pose, transl = agree_with_joints(self.body, pose, person.betas, smooth)
            changes = {"pose": pose, "transl": transl, "joints": self.body.joints(pose, person.betas, transl)}
        return person.replace(**changes, **dict.fromkeys(WORLD_FIELDS))

    def _rotations(self, person: Person) -> Person:
        pose, betas, transl = person.require("pose", "betas", "transl")
        pelvis = np.zeros(3) if self.body is None else self.body.rest_joints(betas)[:, 0]
        changes = {
            "pose": to_rotations(self._smooth(from_rotations(pose), person, "pose")),
            "transl": self._path(transl + pelvis, person) - pelvis,
        }
        if self.body is not None:
            changes["joints"] = self.body.joints(changes["pose"], betas, changes["transl"])
        return person.replace(**changes, **dict.fromkeys(WORLD_FIELDS))

    def _path(self, path: np.ndarray, person: Person) -> np.ndarray:
        """The pelvis' way (F,3) metres."""
        if self.network.kind == "smoothnet":
            return self._smooth(path, person, "transl", centred=not self.options.as_published)
        return smooth_root(path, self.motion.times[person.frames], FilterOptions(), frames=person.frames, name="transl")

    def _smooth(
        self, values: np.ndarray, person: Person, name: str, missing: str | None = None, *, centred: bool = False
    ) -> np.ndarray:
        """Values (F,C) of a track, piece by piece."""
        options, network = self.options, self.network
        if network.coordinates not in (None, values.shape[1]):
            raise UsageError(
                f"{network.name} takes {network.coordinates} numbers a frame, the {name} of person {person.id} have "
                f"{values.shape[1]} ({self.representation}); it was trained on another set of joints"
            )
        times = self.motion.times[person.frames]
        values = filled(values, times, name, person.frames, missing or options.missing)
        if self._careful:
            care = PublishedCare(network, self.window, live=options.lag is not None)
            run, rate, ahead = care.smoother(), care.rate, care.ahead
        else:
            run, rate, ahead = network.smoother(self.window, centred or self._centred), self._rate, 0

        def smoothed(course: np.ndarray) -> np.ndarray:
            longer, own = led_on(course, ahead)
            return slide(longer, self.window, run, step=options.step, short=options.short, lag=options.lag)[own]

        pieces = uninterrupted(times, person.frames, options.max_gap)
        out = in_even_pieces(values, times, pieces, rate, smoothed)
        if not np.isfinite(out).all():
            raise InputError(f"{network.name} answers with values that are not numbers; its file may be damaged")
        return out

    @property
    def _careful(self) -> bool:
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
