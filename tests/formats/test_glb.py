"""GLB files: valid by the Khronos validator, readable by trimesh, and exact when posed by an independent reader."""

from __future__ import annotations

import numpy as np
import pytest

from kinema.formats import save_motion
from kinema.formats.report import WriteReport
from tests.helpers.exchange_motions import camera_only, uneven
from tests.helpers.gltf_reader import Gltf


@pytest.mark.parametrize("make", ["walk", "pair", "uneven", "one frame"])
def test_the_khronos_validator_finds_nothing(walk, pair, make, tmp_path, gltf_validator):
    motion = {
        "walk": walk,
        "pair": pair,
        "uneven": uneven(walk),
        "one frame": walk.replace(people=(walk.people[0].select(np.array([3])),)),
    }[make]
    issues = gltf_validator(save_motion(motion, tmp_path / "out.glb"))
    assert (issues["numErrors"], issues["numWarnings"]) == (0, 0), issues["messages"]


def test_joints_and_skin_are_exact(walk, body, tmp_path):
    report = WriteReport()
    path = save_motion(walk, tmp_path / "walk.glb", report=report)
    assert not list(report.notes)
    file, person = Gltf(path), walk.people[0]
    for row in (0, 17, 59):
        moment = float(walk.times[row])
        # float32 rotations over a chain of nine joints, some metres from the origin.
        np.testing.assert_allclose(file.joints("person_1_body", moment), person.joints_world[row], atol=1e-5)
        rows = slice(row, row + 1)
        skin = body.vertices(person.pose_world[rows], person.betas[rows], person.transl_world[rows])[0]
        np.testing.assert_allclose(file.vertices("person_1_body", moment), skin, atol=1e-5)


def test_rotations_are_exact_and_continuous(walk, tmp_path):
    from scipy.spatial.transform import Rotation

    file = Gltf(save_motion(walk, tmp_path / "walk.glb"))
    joints = file.skins()["person_1_body"]
    for joint in range(24):
        _, keys, how = file.curve(joints[joint], "rotation")
        own = Rotation.from_rotvec(np.array(walk.people[0].pose_world[:, 3 * joint : 3 * joint + 3]))
        assert np.max((Rotation.from_quat(keys) * own.inv()).magnitude()) < 1e-5
        assert how == "LINEAR"
        assert np.min(np.sum(keys[1:] * keys[:-1], axis=1)) > 0


def test_uneven_times_are_the_clips(walk, tmp_path):
    motion = uneven(walk)
    motion = motion.replace(times=motion.times + 100.0)  # a time range of a longer clip
    file = Gltf(save_motion(motion, tmp_path / "walk.glb"))
    times, _, _ = file.curve(file.skins()["person_1_body"][0], "translation")
    np.testing.assert_allclose(times, motion.times - 100.0, atol=1e-6)
    last = file.joints("person_1_body", float(times[-1]))
    np.testing.assert_allclose(last, motion.people[0].joints_world[-1], atol=1e-5)


def test_one_node_per_person_hidden_while_away(pair, tmp_path):
    report = WriteReport()
    file = Gltf(save_motion(pair, tmp_path / "pair.glb", report=report))
    assert {"person_4", "person_4_body", "person_7", "person_7_body"} <= set(file.nodes)
    late, lying = pair.people
    for row in (0, 29, 45):
        moment = float(pair.times[lying.frames[row]] - pair.times[0])
        np.testing.assert_allclose(file.joints("person_7_body", moment), lying.joints_world[row], atol=1e-5)
    root = file.nodes["person_4"]

    def size(frame):
        return np.linalg.det(file.world(float(pair.times[frame] - pair.times[0]) + 1e-4)[root][:3, :3])

    assert [size(frame) for frame in (20, 38, 50, 65, 75, 89)] == pytest.approx([1, 1, 0, 0, 1, 1])
    moment = float(pair.times[late.frames[40]] - pair.times[0])
    np.testing.assert_allclose(file.joints("person_4_body", moment), late.joints_world[40], atol=1e-5)
    assert any("person 4 is hidden" in note for note in report.notes)


def test_trimesh_opens_it(pair, tmp_path):
    trimesh = pytest.importorskip("trimesh")
    scene = trimesh.load_scene(save_motion(pair, tmp_path / "pair.glb"))
    assert len(scene.geometry) == 2
    for mesh in scene.geometry.values():
        low, high = mesh.bounds
        assert low[1] == pytest.approx(0, abs=1e-6)  # standing on the ground at rest
        assert 1.5 < high[1] < 2.1
        assert high[0] - low[0] > 1.4  # arms stretched out sideways
        assert mesh.volume > 0.04  # faces point outwards


def test_the_cameras_frame(walk, tmp_path):
    file = Gltf(save_motion(camera_only(walk), tmp_path / "walk.glb"))
    expected = walk.people[0].joints[5] * [1, -1, -1]
    np.testing.assert_allclose(file.joints("person_1_body", float(walk.times[5])), expected, atol=1e-5)
