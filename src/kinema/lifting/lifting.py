"""The stage's code: every track's 2D keypoints to 3D joints, piece by piece."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np

from kinema.errors import InputError, UsageError
from kinema.lifting.inputs import input_set_of, joint_weights, joints_from, mirrored, output_of, to_screen
from kinema.lifting.options import OWN, LiftOptions
from kinema.lifting.registry import LIFTERS, Lifter, LiftingNetwork
from kinema.motion import Motion
from kinema.person import Person
from kinema.skeleton import H36M17, JointSet, joint_set
from kinema.stage import Context
from kinema.temporal.rate import frame_rate
from kinema.temporal.sequences import UniformTimes, filled
from kinema.weights.cache import known_sha256

BLOCK = 3888
"""Frames that are lifted at once: only these take memory for activations."""


def lift_people(motion: Motion, context: Context, options: LiftOptions) -> Motion:
    """Lift every person's keypoints; fills keypoints3d: (F, 17, 3) metres in Human3.6M's joints, relative to the
    pelvis, in the camera's axes as if it looked straight at the person.

    A piece of a track is resampled to even times where it has gaps; keypoints that are not seen are interpolated in
    time. Raises UsageError (no lifter, keypoints of another skeleton), InputError (checkpoint, no image size).
    """
    lifter, network, path = chosen_lifter(options)
    wanted, certain = input_set_of(path.name, options.input_set)
    _check(network, wanted, path)
    if not certain:
        context.notes.append(
            f"{path.name} does not say which joints it takes; {wanted.name} is assumed (set `lifter_joints`)"
        )
    context.weights[path.name] = known_sha256(path)
    context.facts |= {"input_set": wanted.name}
    total, done, people = sum(map(len, motion.people)), 0, []
    for person in motion:
        people.append(lift_person(motion, person, lifter, network, wanted, options))
        done += len(person)
        context.progress(done, total)
    return motion.replace(people=tuple(people))


def chosen_lifter(options: LiftOptions) -> tuple[Lifter, LiftingNetwork, Path]:
    """The lifter of these options, its network, and the checkpoint. Raises UsageError, InputError."""
    if options.method is None:
        raise UsageError(f"no lifter is chosen; set `lifter` to one of {', '.join(LIFTERS.names())}")
    if options.method not in LIFTERS.names():
        raise UsageError(f"unknown lifter {options.method!r}; known: {', '.join((OWN, *LIFTERS.names()))}")
    lifter = LIFTERS.find(options.method)
    path = options.checkpoint
    if path is None:
        raise UsageError(f"{lifter.name} needs its checkpoint, a file of its authors; set `lifter_checkpoint`")
    if not path.is_file():
        raise InputError(f"there is no checkpoint {path}; give the path of a {lifter.name} file")
    stat = path.stat()
    state = (stat.st_ino, stat.st_size, stat.st_mtime_ns)
    return lifter, _opened(lifter, path, options.causal, options.threads, state), path


@lru_cache(maxsize=1)
def _opened(lifter: Lifter, path: Path, causal: bool, threads: int, state: tuple[int, int, int]) -> LiftingNetwork:
    """The network of a checkpoint, opened once for the check before a run and for the run. state: of the file."""
    del state
    return lifter.opened(path, causal=causal, threads=threads)


def lift_clip(network: LiftingNetwork, clip: np.ndarray, wanted: JointSet) -> np.ndarray:
    """(F, J, 2) screen coordinates of every frame -> (F, 17, 3) metres, Human3.6M's joints, averaged with the mirror
    image's."""
    joints: np.ndarray = np.empty((len(clip), network.joints_out, 3), dtype=np.float32)
    for rows, lifted in _lifted_blocks(network, clip, wanted, stride=1, flip=True):
        joints[rows] = lifted
    return joints


def _lifted_blocks(
    network: LiftingNetwork, clip: np.ndarray, wanted: JointSet, stride: int, flip: bool
) -> Iterator[tuple[slice, np.ndarray]]:
    """The frames of `lift_clip` block by block: where they belong, and their joints."""
    before, after = (stride * reach for reach in network.reach)
    given, metres = output_of(wanted)
    rows = given.indices(H36M17.joints)
    for first in range(0, len(clip), BLOCK):
        last = min(first + BLOCK, len(clip))
        low = max(0, first - before)
        part = np.asarray(clip[low : last + after], dtype=np.float32)
        frames = range(first - low, last - low)
        joints = network.lift(part, stride, frames)
        if flip:
            joints = (joints + mirrored(network.lift(mirrored(part, wanted), stride, frames), given)) / 2
        yield slice(first, last), joints if given is H36M17 else metres * joints[:, rows]


def _check(network: LiftingNetwork, wanted: JointSet, path: Path) -> None:
    """Raise InputError for a network of other joints."""
    if network.joints_in != len(wanted):
        raise InputError(f"{path.name} takes {network.joints_in} joints, {wanted.name} has {len(wanted)}")
    if network.joints_out == 1:
        raise InputError(f"{path.name} is a trajectory model, which gives the root alone; give one that gives poses")
    if network.joints_out != len(H36M17):
        raise InputError(f"{path.name} gives {network.joints_out} joints; Kinema lifts to Human3.6M's {len(H36M17)}")


def lift_person(
    motion: Motion, person: Person, lifter: Lifter, network: LiftingNetwork, wanted: JointSet, options: LiftOptions
) -> Person:
    """The person with keypoints3d of a network that takes the joints `wanted`; see `lift_people`."""
    (keypoints,) = person.require("keypoints")
    weights = joint_weights(joint_set(person.keypoint_set or ""), wanted)
    screen = _on_screen(keypoints, weights, motion.width, motion.height)
    times = motion.times[person.frames]
    joints = np.full((len(person), len(H36M17), 3), np.nan)
    for piece in motion.pieces(person, options.max_gap):
        values = screen[piece]
        if not np.isfinite(values).any():
            continue
        for joint in range(len(wanted)):  # one by one, for the memory's sake
            values[:, joint] = filled(values[:, joint], times[piece], "keypoints", person.frames[piece], "interpolate")
        uniform = UniformTimes.of(times[piece], None)
        even = uniform.to_grid(values.reshape(len(values), -1)).reshape(-1, len(wanted), 2)
        stride = max(1, round(frame_rate(uniform.grid) / lifter.rate))
        lifted = joints[piece] if uniform.same else np.empty((len(even), len(H36M17), 3))
        for rows, block in _lifted_blocks(network, even, wanted, stride, options.flip):
            lifted[rows] = block - block[:, :1]
        if not uniform.same:
            joints[piece] = uniform.from_grid(lifted.reshape(len(even), -1)).reshape(-1, len(H36M17), 3)
    joints.flags.writeable = False  # so that the person takes them as they are
    return person.replace(keypoint3d_set=H36M17.name, keypoints3d=joints, keypoint3d_uncertainty=None)


def _on_screen(keypoints: np.ndarray, weights: np.ndarray, width: int, height: int) -> np.ndarray:
    """(F, W, 2) float32 screen coordinates of the joints that the network takes, NaN where they are not seen."""
    screen: np.ndarray = np.empty((len(keypoints), len(weights), 2), dtype=np.float32)
    for first in range(0, len(keypoints), BLOCK):
        rows = slice(first, first + BLOCK)
        screen[rows] = to_screen(joints_from(keypoints[rows], weights), width, height)
    return screen
