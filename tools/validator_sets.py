"""Honest motion that the validator was never calibrated on, and the same motion damaged.

For `benchmarks/validator_calibration.py`.

Calibration reads `cmu_train.npz` and nothing else. Held out are

- `bandai`: another capture system's clips, joints only (Human3.6M's, so toes and hands are missing);
- `standing`: fifteen people who stand and fidget (ReActIdle), markerless, 24 fps BVH, the floor 0.7 m below y = 0;
- `capture`: CMU's subject 13 (30 fps BVH). Subject 14 of the same archive is left out: `cmu_train.npz` has it as well.
  The first frame of these files is a T-pose and not part of the honest clips;
- `jumping`: those of the clips above that leave the ground;
- `samples`: a published AIST++ dance;
- `improvised`, `quiet`, `hopping`: random motion, quiet standing and high jumps, made at every rate (`made_motion.py`);
- `floors`: clips as an AMASS file has them, poses and translation without joints, the floor between 1 m below y = 0
  and 4 cm above;
- `bodies`: skeletons of 0.6 to 1.2 times the size, with other proportions, at the tempo that belongs to their size.

Damaged copies are made of the same clips, the floor moved to y = 0, with seeds of their own. Two kinds of file are
damaged as they are: the recordings of subject 13 with their first T-pose, and GLAMR's published result of a runner,
whose foot moves at 31 m/s in one frame.
"""

from __future__ import annotations

import itertools
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from made_motion import MADE, STANDING_HEIGHT
from scipy.interpolate import CubicSpline

import kinema
from kinema.formats.foreign import REST_PELVIS
from kinema.geometry.rotations import axis_angle_to_quaternion, continuous_quaternions, quaternion_to_axis_angle
from kinema.motion import Motion
from kinema.person import Person
from kinema.quality.corruption import CORRUPTIONS
from kinema.quality.skeletons import Skeleton, skeleton_of
from kinema.quality.trajectory import trajectory_of
from kinema.skeleton import H36M17, SMPL24

RATES = (10.0, 24.0, 30.0, 60.0, 120.0, 240.0)
CHUNK = 15.0
"""Seconds of one clip, at most; longer recordings are cut."""

SHORTEST = 2.0
"""Seconds below which the rest of a recording is left out."""

FLOORS = (-1.0, -0.3, -0.1, -0.05, 0.04)
SIZES = (0.6, 0.8, 1.2)
TRUNK = {"spine1": 0.3, "spine2": 0.5, "spine3": 0.7, "neck": 1.0, "left_collar": 1.0, "right_collar": 1.0}
"""Relative positions between pelvis and thorax of joints that Human3.6M's skeleton lacks."""

NOT_OF_POINTS = ("limb",)
"""Measures that do not apply to joints derived from points between bones (the thorax): their bones are not rigid."""

_FEET = SMPL24.indices(("left_ankle", "right_ankle", "left_foot", "right_foot"))
_SAMPLE, _GLAMR = "aistpp_gWA_sFM_cAll_d27_mWA5_ch20.pkl", "glamr_running_seed1.pkl"


def held_out(data: Path, some: int = 1, draw: int = 0) -> dict[str, list[Motion]]:
    """Every honest set by name, at its own frame rate.

    some: every how manieth clip. draw: which third of the standing people's recordings, and which made motion.
    """
    captured = {
        "bandai": [part for clip in joint_clips(data / "mocap" / "bandai1_nc_eval.npz")[::some] for part in cut(clip)],
        "standing": list(bvh_clips(data / "mocap" / "reactidle_bvh24.tar.xz", "", 0))[draw % 3 :: 3 * some],
        "capture": list(bvh_clips(data / "mocap" / "cmu_13_14_bvh30.tar.xz", "13_", 1))[::some],
    }
    sets: dict[str, list[Motion]] = {name: [] for name in (*captured, "jumping")}
    for name, clips in captured.items():
        for clip in clips:
            sets["jumping" if leaves_the_ground(clip) else name].append(clip)
    sets["samples"] = cut(kinema.load(data / "smpl_samples" / _SAMPLE), 6.0)
    sets |= {name: made(name, 30.0, some, draw) for name in MADE}
    with_pose = sets["capture"] + [clip for clip in sets["jumping"] if clip.people[0].pose_world is not None]
    with_pose += sets["standing"][::4] + sets["improvised"][::4]
    sets["floors"] = [on_a_floor(clip, FLOORS[i % len(FLOORS)]) for i, clip in enumerate(with_pose)]
    sets["bodies"] = [another_body(clip, SIZES[i % len(SIZES)], seed=i) for i, clip in enumerate(with_pose)]
    return sets


def damaged_files(data: Path) -> dict[str, list[Motion]]:
    """Files that are damaged as they are, by the kind of damage."""
    parts = list(bvh_clips(data / "mocap" / "cmu_13_14_bvh30.tar.xz", "13_", 0))
    return {
        "first T-pose": list({part.source: part for part in reversed(parts)}.values()),
        "published result": [kinema.load(data / "smpl_samples" / _GLAMR)],
    }


def at_rates(sets: dict[str, list[Motion]], some: int = 1, draw: int = 0) -> Iterator[tuple[str, float, list[Motion]]]:
    """Every set at every rate: its name, the rate, the clips."""
    for name, clips in sets.items():
        for rate in RATES:
            new = made(name, rate, some, draw) if name in MADE else [at_rate(clip, rate) for clip in clips]
            yield name, rate, new


def made(name: str, rate: float, some: int = 1, draw: int = 0) -> list[Motion]:
    """Every so manieth clip of a set that is made by a script."""
    make, count = MADE[name]
    return [make(rate, 1000 * draw + seed) for seed in range(0, count, some)]


def damaged(clip: Motion, kind: str, seed: int) -> Motion | None:
    """A damaged copy of a clip on its floor; None where the kind makes no sense for it."""
    person, damage = clip.people[0], CORRUPTIONS[kind]
    if clip.num_frames < 3 or (damage.needs_pose and (person.pose_world is None or person.transl_world is None)):
        return None
    grounded = on_a_floor(clip, 0.0, foreign=False)
    if not damage.suits(grounded):
        return None
    return damage(grounded, np.random.default_rng([seed, zlib.crc32(kind.encode())]))


def leaves_the_ground(clip: Motion) -> bool:
    """Whether both feet are more than 12 cm above the floor for 0.15 to 1 s, starting at least 1 m/s upwards."""
    joints = _joints(clip)
    low = joints[:, _FEET, 1].min(axis=1)
    aloft = low > np.percentile(low, 10) + 0.12
    edges = np.flatnonzero(np.diff(np.r_[False, aloft, False].astype(int)))
    rise = np.gradient(joints[:, 0, 1], clip.times) if clip.num_frames > 2 else np.zeros(clip.num_frames)
    return any(
        0.15 < (last - first) / clip.fps < 1 and rise[max(0, first - 3) : first + 2].max() > 1
        for first, last in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
    )


def cut(clip: Motion, seconds: float = CHUNK) -> list[Motion]:
    """A clip in parts of at most that many seconds."""
    size = max(2, round(seconds * clip.fps))
    if clip.num_frames <= size:
        return [clip]
    starts = range(0, clip.num_frames - round(SHORTEST * clip.fps), size)
    return [_rows(clip, np.arange(start, min(start + size, clip.num_frames))) for start in starts]


def at_rate(clip: Motion, rate: float) -> Motion:
    """The first person at another frame rate, along smooth curves: what a camera of that rate would have seen."""
    person = clip.people[0]
    times = clip.times[person.frames] - clip.times[person.frames[0]]
    grid = np.arange(int(times[-1] * rate + 1e-6) + 1) / rate
    values = {}
    for name in ("pose_world", "transl_world", "joints_world", "betas"):
        value = getattr(person, name)
        if value is None:
            continue
        if name == "pose_world":
            quaternions = continuous_quaternions(axis_angle_to_quaternion(value.reshape(-1, 24, 3)))
            turned = CubicSpline(times, quaternions)(grid)
            turned /= np.linalg.norm(turned, axis=-1, keepdims=True)
            values[name] = quaternion_to_axis_angle(turned).reshape(len(grid), 72)
        elif name == "betas":
            values[name] = np.repeat(value[:1], len(grid), axis=0)
        else:
            values[name] = CubicSpline(times, value)(grid)
    if "pose_world" in values and "joints_world" in values:
        values["joints_world"] = _skeleton(clip).joints(values["pose_world"], values["transl_world"])
    moved = Person(id=person.id, frames=np.arange(len(grid)), **values)
    return _plain(clip, grid, moved)


def on_a_floor(clip: Motion, height: float, *, foreign: bool = True) -> Motion:
    """The clip with its floor at that height. foreign: without joints, for a body that is not Kinema's."""
    person = clip.people[0]
    low = float(np.percentile(_joints(clip)[:, _FEET, 1].min(axis=1), 10))
    standing = STANDING_HEIGHT if person.pose_world is not None else min(low, 0.08)
    shift = np.array([0.0, height + standing - low, 0.0])
    changes = {
        name: getattr(person, name) + shift
        for name in ("transl_world", "joints_world")
        if getattr(person, name) is not None
    }
    if foreign:
        transl = changes["transl_world"] + _skeleton(clip).bones[0] - REST_PELVIS["smplh"]
        kept = Person(id=1, frames=person.frames, pose_world=person.pose_world, transl_world=transl)
        return _plain(clip, clip.times, kept).replace(body_model="smplh", provenance=())
    # Some formats' worlds have no floor, which the validator knows from the reader; this one has.
    return clip.replace(people=(person.replace(**changes),), provenance=())


def another_body(clip: Motion, size: float, seed: int) -> Motion:
    """The clip on a skeleton of another size, each bone 8 % longer or shorter at random, alike on both sides."""
    person = clip.people[0]
    pose, transl = person.require("pose_world", "transl_world")
    skeleton = _skeleton(clip)
    factor = np.random.default_rng(seed).uniform(0.92, 1.08, 24)
    factor = np.minimum(factor, factor[SMPL24.mirror])
    bones = skeleton.bones * size * factor[:, None]
    bones[0] = 0.0
    pelvis = transl + skeleton.bones[0]
    joints = Skeleton(bones, own=True).joints(pose, pelvis * size)
    kept = Person(id=1, frames=person.frames, pose_world=pose, transl_world=pelvis * size, joints_world=joints)
    moved = _plain(clip, clip.times * np.sqrt(size), kept).replace(body_model="capture", provenance=())
    return on_a_floor(moved, 0.0, foreign=False)


def joint_clips(path: Path) -> list[Motion]:
    """Clips with joints only, in Human3.6M's order, as motions of SMPL's joints.

    Joints missing from that skeleton are placed at a neighbour (feet at the ankles, hands at the wrists, collars at the
    thorax), or on a straight line along the spine.
    """
    with np.load(path, allow_pickle=False) as file:
        start = file["seq_start"]
        points = file["root"][:, None] + file["h36m17_rel_i16"] / 1e4
        rates = file["fps"] if "fps" in file else np.full(len(start) - 1, 30.0)
    substitutes = {"left_foot": "left_ankle", "right_foot": "right_ankle", "left_hand": "left_wrist",
                 "right_hand": "right_wrist", "head": "head_top", **dict.fromkeys(TRUNK, "pelvis")}  # fmt: skip
    source = H36M17.indices([name if name in H36M17 else substitutes[name] for name in SMPL24.joints])
    clips = []
    for i, (first, last) in enumerate(itertools.pairwise(start)):
        joints = points[first:last, source].astype(np.float64)
        pelvis, thorax = joints[:, 0], points[first:last, H36M17.index("thorax")]
        for name, share in TRUNK.items():
            joints[:, SMPL24.index(name)] = pelvis + share * (thorax - pelvis)
        person = Person(id=1, frames=np.arange(last - first), joints_world=joints)
        times = np.arange(last - first) / float(rates[i])
        clips.append(Motion(times=times, width=0, height=0, people=(person,), body_model="capture"))
    return clips


def bvh_clips(archive: Path, prefix: str, skip: int) -> Iterator[Motion]:
    """The recordings of an archive whose names begin with `prefix`, without their first `skip` frames, in parts."""
    with tempfile.TemporaryDirectory() as folder, tarfile.open(archive) as tar:
        names = [
            member for member in tar.getmembers()
            if member.isfile() and Path(member.name).name.startswith(prefix) and member.name.endswith(".bvh")
        ]  # fmt: skip
        tar.extractall(folder, members=names, filter="data")
        for member in sorted(names, key=lambda member: member.name):
            clip = kinema.load(Path(folder) / member.name)
            rows = np.arange(skip, clip.num_frames)
            yield from cut(_rows(clip, rows).replace(source=Path(member.name).name))


def _rows(clip: Motion, rows: np.ndarray) -> Motion:
    person = clip.people[0].select(rows)
    times = clip.times[rows] - clip.times[rows[0]]
    return _plain(clip, times, person.replace(frames=np.arange(len(rows))))


def _plain(clip: Motion, times: np.ndarray, person: Person) -> Motion:
    """One person at these times, without a camera."""
    return Motion(
        times=times, width=0, height=0, people=(person,), source=clip.source, body_model=clip.body_model,
        provenance=clip.provenance,
    )  # fmt: skip


def _skeleton(clip: Motion) -> Skeleton:
    """The first person's skeleton in the first frame."""
    skeleton = skeleton_of(clip, clip.people[0])
    return Skeleton(skeleton.bones.reshape(-1, 24, 3)[0], skeleton.own)


def _joints(clip: Motion) -> np.ndarray:
    joints = trajectory_of(clip, clip.people[0]).joints
    if joints is None:
        raise ValueError(f"{clip.source} has neither joints nor a pose")
    return joints
