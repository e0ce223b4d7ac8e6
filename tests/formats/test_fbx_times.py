"""FBX files as independent programs read them: true times at any rate, every joint in place, nothing but bodies."""

from __future__ import annotations

import json
import re
import struct
import zlib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from kinema.formats import save_motion
from kinema.formats.fbx import frame_times, stated_rate
from kinema.geometry.camera import project, to_camera
from kinema.skeleton import SMPL24
from kinema.synthetic import procedural_motion
from tests.helpers.exchange_motions import cut, uneven

pytestmark = pytest.mark.slow

HELPERS = Path(__file__).parents[1] / "helpers"
RATES = (12.5, 29.83, 59.94)  # tests/formats/test_blender.py has one of 30
MILLIMETRE = 1e-3


@pytest.fixture(scope="module")
def clips(body, pair, walk):
    """Clips by name: three seconds at each rate, uneven times, and two people who come and go."""
    made = {}
    for rate in RATES:
        motion = procedural_motion(body, "demo", fps=rate)
        made[f"{rate:g}"] = cut(motion, range(min(motion.num_frames, round(3 * rate))))
    return {**made, "uneven": uneven(walk), "pair": pair}


@pytest.fixture(scope="module")
def written(clips, blender, tmp_path_factory):
    """The FBX of every clip, and when it is measured: at about thirty of its frames, with the first and the last."""
    folder = tmp_path_factory.mktemp("fbx")
    paths = {name: save_motion(clip, folder / f"{name}.fbx", blender=blender.program) for name, clip in clips.items()}
    rows = {name: np.r_[0 : clip.num_frames - 1 : max(1, clip.num_frames // 30), clip.num_frames - 1]
            for name, clip in clips.items()}  # fmt: skip
    moments = {str(paths[name]): (clips[name].times[rows[name]]).tolist() for name in paths}
    return SimpleNamespace(folder=folder, paths=paths, rows=rows, moments=moments)


@pytest.fixture(scope="module", params=["", "#ufbx"], ids=["importer in Python", "importer with ufbx"])
def found(request, written, blender):
    """What each of Blender's two importers, which have nothing in common, finds in each file, by the clip's name."""
    out = written.folder / "found.json"
    wanted = {path + request.param: moments for path, moments in written.moments.items()}
    done = blender.run(HELPERS / "blender_measure.py", out, json.dumps(wanted))
    if "fbx_import" in done.stderr and "could not be found" in done.stderr:
        pytest.skip("this Blender is older than its importer that uses ufbx")
    assert done.returncode == 0, done.stdout + done.stderr
    return {Path(path).name.split(".fbx")[0]: entry for path, entry in json.loads(out.read_text()).items()}


def stored(data, name, kind):
    """The numbers of all properties of a name in a binary FBX, found without reading its structure."""
    if kind == "array":
        heads = [struct.unpack_from("<III", data, at.end()) + (at.end() + 12,) for at in re.finditer(name + b"l", data)]
        packed = [(encoding, data[at : at + size]) for _, encoding, size, at in heads]
        return [np.frombuffer(zlib.decompress(raw) if encoding else raw, dtype="<i8") for encoding, raw in packed]
    pattern = name + rb".{0,60}?S\0\0\0\0" + {"q": b"L", "d": b"D"}[kind] + b"(.{8})"
    return [struct.unpack("<" + kind, value)[0] for value in re.findall(pattern, data, re.DOTALL)]


def test_every_joint_is_in_place_from_the_first_frame_to_the_last(clips, written, found):
    for name, clip in clips.items():
        armatures = found[name]["armatures"]
        assert set(armatures) == {f"person_{person.id}" for person in clip}
        for person in clip:
            bones = armatures[f"person_{person.id}"]
            there = np.isin(written.rows[name], person.frames)
            rows = np.searchsorted(person.frames, written.rows[name][there])
            x, y, z = np.array([bones[joint] for joint in SMPL24.joints]).transpose(2, 1, 0)[:, there]
            off = np.linalg.norm(np.stack([x, z, -y], axis=-1) - person.joints_world[rows], axis=-1).max()
            assert off < MILLIMETRE, f"{name}, person {person.id}: {1000 * off:.2f} mm"


def test_the_joints_are_seen_through_the_camera_where_the_video_has_them(clips, written, found):
    for name, clip in clips.items():
        if len(clip.people) == 1:
            person, rows = clip.people[0], written.rows[name]
            own = project(to_camera(person.joints_world[rows], clip.camera), clip.camera.intrinsics)
            pixels = np.array([found[name]["pixels"][joint] for joint in SMPL24.joints]).transpose(1, 0, 2)
            np.testing.assert_allclose(pixels, own, atol=0.1, err_msg=name)


def test_nothing_but_bodies_skeletons_and_the_camera_is_exported(clips, found):
    for name, clip in clips.items():
        people = {f"person_{person.id}" for person in clip}
        things = {(kind, thing) for kind, thing in found[name]["names"] if kind != "EMPTY"}
        bodies = {("MESH", f"{person}_body") for person in people}
        assert things == {("ARMATURE", person) for person in people} | bodies | {("CAMERA", "camera")}
        assert found[name]["bones"] == [24] * len(people)
        for bones in found[name]["armatures"].values():
            assert set(bones) == set(SMPL24.joints)


def test_keys_lie_at_the_clips_own_times(clips, written):
    for name, clip in clips.items():
        data = written.paths[name].read_bytes()
        keys = stored(data, b"KeyTime", "array")
        # Place, rotation and size of 24 bones and of the person; the camera's, its focal length and distance of focus.
        assert len(keys) == 9 * 25 * len(clip.people) + 9 + 2
        for times in keys:
            np.testing.assert_array_equal(times, keys[0])
        seconds = keys[0] / 46186158000
        assert np.isin(np.round(clip.times, 6), np.round(seconds, 6)).all(), name
        np.testing.assert_allclose(seconds[[0, -1]], [0, clip.times[-1]], atol=1e-9, err_msg=name)
        ends = stored(data, b"(?:Local|Reference)Stop", "q")
        assert set(ends) <= {0, int(keys[0][-1])}
        assert int(keys[0][-1]) in ends
        assert set(stored(data, b"UnitScaleFactor", "d")) == {1.0}


@pytest.mark.parametrize(("rate", "stated"), [(23.976, 24), (29.97, 30), (12.5, 25), (7.5, 15), (30, 30), (0.3, 1)])
def test_the_timelines_rate_is_whole(rate, stated):
    assert stated_rate(rate) == stated


def test_a_pause_is_filled_with_frames():
    times = np.array([0, 0.1, 0.2, 0.7, 0.8])
    np.testing.assert_allclose(frame_times(times, 10), np.arange(9) / 10)
    np.testing.assert_allclose(frame_times(times[:1] + 5, 10), [5, 5.1])
