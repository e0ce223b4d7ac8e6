"""TRC, C3D and CSV: correct joint positions in the right axes, at true times."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from kinema.errors import UsageError
from kinema.formats import save_motion
from kinema.formats.csv_table import bend_angles
from kinema.formats.report import WriteReport
from kinema.formats.trc_parsing import read_trc
from kinema.skeleton import SMPL24
from tests.helpers.exchange_motions import uneven


def opensim(joints):
    """x forward (where SMPL faces at rest), y up, z to the right; independent of the matrix under test."""
    return np.stack([joints[..., 2], joints[..., 1], -joints[..., 0]], axis=-1)


def test_a_person_at_rest_faces_along_x_with_the_right_side_at_positive_z(body):
    rest = opensim(body.J_template)
    left, right, toe, ankle = (SMPL24.index(n) for n in ("left_hip", "right_hip", "left_foot", "left_ankle"))
    assert rest[toe, 0] > rest[ankle, 0] + 0.1
    assert rest[right, 2] > rest[left, 2]


@pytest.mark.parametrize(("units", "scale"), [(None, 1.0), ("mm", 1000.0), ("cm", 100.0)])
def test_trc(walk, tmp_path, units, scale):
    report = WriteReport()
    path = save_motion(walk, tmp_path / "walk.trc", units=units, report=report)
    assert not list(report.notes)
    found = read_trc(path)  # uses the unit in the header
    assert found.names == SMPL24.joints
    assert found.rate == pytest.approx(30)
    np.testing.assert_allclose(found.times, walk.times, atol=1e-8)
    np.testing.assert_allclose(found.positions, opensim(walk.people[0].joints_world), atol=2e-6)
    cells = path.read_text().splitlines()[6].split("\t")
    assert float(cells[3]) == pytest.approx(scale * walk.people[0].joints_world[0, 0, 1], abs=2e-6 * scale)


def test_trc_leaves_absences_empty_and_bridges_single_frames(pair, tmp_path):
    report = WriteReport()
    save_motion(pair, tmp_path / "pair.trc", report=report)
    late, lying = (read_trc(path) for path in report.paths)
    assert late.times[0] == pytest.approx(pair.times[10])
    seen = np.isfinite(late.positions[:, 0, 0])
    np.testing.assert_array_equal(np.flatnonzero(seen) + 10, pair.people[0].frames)
    np.testing.assert_allclose(late.positions[seen], opensim(pair.people[0].joints_world), atol=1e-5)
    assert np.isfinite(lying.positions).all()
    assert any("left empty" in note for note in report.notes)


@pytest.mark.parametrize(("units", "scale"), [(None, 1000.0), ("m", 1.0)])
def test_c3d_read_with_ezc3d(walk, tmp_path, units, scale):
    ezc3d = pytest.importorskip("ezc3d")
    file = ezc3d.c3d(str(save_motion(walk, tmp_path / "walk.c3d", units=units)))
    parameters = file["parameters"]
    assert tuple(parameters["POINT"]["LABELS"]["value"]) == SMPL24.joints
    assert parameters["POINT"]["UNITS"]["value"] == [units or "mm"]
    assert parameters["POINT"]["Y_SCREEN"]["value"] == ["+Y"]
    assert file["header"]["points"]["frame_rate"] == pytest.approx(30)
    points = file["data"]["points"][:3].transpose(2, 1, 0) / scale
    np.testing.assert_allclose(points, opensim(walk.people[0].joints_world), atol=2e-6)


def test_c3d_stores_when_people_appear_and_are_missing(pair, tmp_path):
    ezc3d = pytest.importorskip("ezc3d")
    report = WriteReport()
    save_motion(pair, tmp_path / "pair.c3d", report=report)
    assert [path.name for path in report.paths] == ["pair_4.c3d", "pair_7.c3d"]
    file = ezc3d.c3d(str(report.paths[0]))
    assert file["header"]["points"]["first_frame"] == 10  # ezc3d counts from 0
    assert file["header"]["points"]["frame_rate"] == pytest.approx(29.97)
    seen = np.isfinite(file["data"]["points"][0, 0])
    np.testing.assert_array_equal(np.flatnonzero(seen) + 10, pair.people[0].frames)


def test_c3d_of_more_frames_than_its_header_can_count(walk, body, tmp_path):
    ezc3d = pytest.importorskip("ezc3d")
    count = 70_000
    person = walk.people[0]
    rows = np.arange(count) % 60
    long = person.replace(frames=np.arange(count), **{name: getattr(person, name)[rows] for name in person.filled})
    path = save_motion(walk.replace(times=np.arange(count) / 30, people=(long,)), tmp_path / "long.c3d")
    file = ezc3d.c3d(str(path))
    assert file["data"]["points"].shape[2] == count
    last = file["data"]["points"][:3, :, -1].T / 1000
    np.testing.assert_allclose(last, opensim(person.joints_world[(count - 1) % 60]), atol=2e-6)


def test_csv_has_true_times_positions_and_angles(walk, tmp_path):
    motion = uneven(walk)
    path = save_motion(motion, tmp_path / "walk.csv")
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    person = motion.people[0]
    assert len(rows) == len(person)
    np.testing.assert_allclose([float(row["time"]) for row in rows], motion.times, atol=1e-8)
    for joint in ("pelvis", "left_knee", "right_hand"):
        j = SMPL24.index(joint)
        places = [[float(row[f"{joint}.{axis}"]) for axis in "xyz"] for row in rows]
        np.testing.assert_allclose(places, person.joints_world[:, j], atol=1e-6)
        turns = [[float(row[f"{joint}.r{axis}"]) for axis in "xyz"] for row in rows]
        np.testing.assert_allclose(turns, np.degrees(person.pose_world[:, 3 * j : 3 * j + 3]), atol=1e-5)


def test_csv_of_several_people_names_them(pair, tmp_path):
    path = save_motion(pair, tmp_path / "pair.csv")
    with path.open(newline="") as file:
        rows = [(int(row["person"]), int(row["frame"])) for row in csv.DictReader(file)]
    assert rows == [(p.id, f) for p in pair for f in p.frames]


def test_bend_angles_are_the_angles_between_bones():
    joints = np.zeros((2, 24, 3))
    hip, knee, ankle = (SMPL24.index(f"left_{name}") for name in ("hip", "knee", "ankle"))
    joints[:, hip], joints[:, knee] = [0, 1, 0], [0, 0.5, 0]
    joints[0, ankle], joints[1, ankle] = [0, 0, 0], [0, 0.5, -0.5]
    found = dict(zip(("left_elbow", "left_knee", "right_elbow", "right_knee"), bend_angles(joints).T, strict=True))
    np.testing.assert_allclose(found["left_knee"], [0, 90], atol=1e-9)


@pytest.mark.parametrize("suffix", ["trc", "c3d"])
def test_invalid_units_and_rates_are_refused(walk, tmp_path, suffix):
    with pytest.raises(UsageError, match="written in m, cm, mm"):
        save_motion(walk, tmp_path / f"a.{suffix}", units="ft")
    with pytest.raises(UsageError, match="must be a number between"):
        save_motion(walk, tmp_path / f"a.{suffix}", fps=0)
