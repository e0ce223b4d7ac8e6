"""Exported files as programs that nobody here wrote read them: odd rates, and two people of whom one comes and goes.

Each reader is of the extra `dev-readers`; where there is none for this Python or system, its tests skip and say so.
"""

from __future__ import annotations

import importlib
import platform
import sys

import numpy as np
import pytest

from kinema.formats import save_motion
from kinema.formats.report import WriteReport
from kinema.skeleton import SMPL24
from kinema.synthetic import procedural_motion
from tests.helpers.exchange_motions import cut, uneven

RATES = (23.976, 29.83, 59.94, 12.5)


def reader(name):
    """An independent reader's module. Skips where it is not installed, with what would install it."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        here = f"Python {sys.version_info[0]}.{sys.version_info[1]}, {platform.system()} {platform.machine()}"
        pytest.skip(f"{name} of the extra dev-readers cannot be imported ({error}; {here})")


@pytest.fixture(scope="module", params=RATES)
def clip(request, body):
    """Three seconds of one person walking."""
    motion = procedural_motion(body, "demo", fps=request.param)
    return cut(motion, range(round(3 * request.param)))


def bvh_joints(bvhio, path, rows):
    """(rows,24,3) joints of a BVH by bvhio's own kinematics, in the order of SMPL's 24."""
    root = bvhio.readAsHierarchy(str(path))
    found = []
    for row in rows:
        root.loadPose(int(row))
        places = {joint.Name: list(joint.PositionWorld) for joint, _, _ in root.layout()}
        found.append([places[name] for name in SMPL24.joints])
    return np.array(found)


def test_bvhio_poses_a_bvh_within_a_hundredth_of_a_millimetre(clip, tmp_path):
    bvhio = reader("bvhio")
    path = save_motion(clip, tmp_path / "clip.bvh")
    head = bvhio.readAsBvh(str(path))
    assert head.FrameCount == clip.num_frames
    assert head.FrameTime * (clip.num_frames - 1) == pytest.approx(clip.times[-1], abs=1e-6)
    rows = np.arange(0, clip.num_frames, 3)
    joints = bvh_joints(bvhio, path, rows)
    np.testing.assert_allclose(joints, clip.people[0].joints_world[rows], atol=1e-5)


def test_bvhio_reads_any_order_and_centimetres(walk, tmp_path):
    bvhio = reader("bvhio")
    rows = np.arange(0, 60, 7)
    for order in ("XYZ", "YZX", "ZYX"):
        path = save_motion(walk, tmp_path / f"{order}.bvh", rotation_order=order, units="cm")
        joints = bvh_joints(bvhio, path, rows) / 100
        np.testing.assert_allclose(joints, walk.people[0].joints_world[rows], atol=1e-5, err_msg=order)


def test_bvhio_and_pybvh_read_people_who_come_and_go(pair, tmp_path):
    bvhio, pybvh = reader("bvhio"), reader("pybvh")
    report = WriteReport()
    save_motion(pair, tmp_path / "pair.bvh", report=report)
    for person, path in zip(pair.people, report.paths[:2], strict=True):
        rows = np.arange(20)
        joints = bvh_joints(bvhio, path, rows)
        np.testing.assert_allclose(joints, person.joints_world[rows], atol=1e-5)
        last = person.frames[-1] - person.frames[0]
        np.testing.assert_allclose(bvh_joints(bvhio, path, [last])[0], person.joints_world[-1], atol=1e-5)
        assert pybvh.read_bvh_file(str(path)).frame_time == pytest.approx(1 / 29.97, abs=1e-7)


def trc_table(opensim, path):
    """OpenSim's table of a TRC: times (F,), markers (F,M,3) with NaN where one is missing, and the labels."""
    table = opensim.TimeSeriesTableVec3(str(path))
    times = np.array(table.getIndependentColumn())
    rows = (table.getRowAtIndex(row) for row in range(table.getNumRows()))
    values = np.array([[[row.getElt(0, m).get(i) for i in range(3)] for m in range(row.ncol())] for row in rows])
    return table, times, values, list(table.getColumnLabels())


@pytest.mark.slow
def test_opensim_reads_a_trc(clip, tmp_path):
    opensim = reader("opensim")
    table, times, values, labels = trc_table(opensim, save_motion(clip, tmp_path / "clip.trc"))
    assert tuple(labels) == SMPL24.joints
    assert table.getTableMetaDataAsString("Units") == "m"
    assert float(table.getTableMetaDataAsString("DataRate")) == pytest.approx(clip.fps, abs=1e-5)
    np.testing.assert_allclose(times, clip.times, atol=1e-6)
    expected = clip.people[0].joints_world
    in_opensim = np.stack([expected[..., 2], expected[..., 1], -expected[..., 0]], axis=-1)
    np.testing.assert_allclose(values, in_opensim, atol=1e-5)


def test_pygltflib_and_trimesh_read_true_times(clip, walk, tmp_path):
    pygltflib, trimesh = reader("pygltflib"), reader("trimesh")
    for name, motion in (("even", clip), ("uneven", uneven(walk))):
        path = save_motion(motion, tmp_path / f"{name}.glb")
        document = pygltflib.GLTF2().load(str(path))
        (animation,) = document.animations
        clocks = {sampler.input for sampler in animation.samplers}
        (accessor,) = (document.accessors[clock] for clock in clocks)
        view, blob = document.bufferViews[accessor.bufferView], document.binary_blob()
        times = np.frombuffer(blob, dtype="<f4", count=accessor.count, offset=view.byteOffset)
        np.testing.assert_allclose(times, motion.times - motion.times[0], atol=1e-6)
        scene = trimesh.load(path)
        assert {"person_1", "person_1_body"} <= set(scene.graph.nodes)
        (mesh,) = scene.geometry.values()
        assert 1.4 < mesh.extents[1] < 2.1


def test_usd_core_reads_true_times(clip, walk, tmp_path):
    usd, skel = reader("pxr.Usd"), reader("pxr.UsdSkel")
    for name, motion in (("even", clip), ("uneven", uneven(walk))):
        stage = usd.Stage.Open(str(save_motion(motion, tmp_path / f"{name}.usda")))
        (animation,) = (skel.Animation(prim) for prim in stage.Traverse() if prim.IsA(skel.Animation))
        times = np.array(animation.GetRotationsAttr().GetTimeSamples()) / stage.GetTimeCodesPerSecond()
        np.testing.assert_allclose(times, motion.times - motion.times[0], atol=1e-6)
