"""TRC and C3D as other programs write them: units, missing points, odd headers; and what they read of Kinema's."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kinema.errors import InputError
from kinema.formats import save_motion
from kinema.formats.c3d_parsing import read_c3d
from kinema.formats.markers import named_points
from kinema.formats.report import WriteReport
from kinema.formats.trc_parsing import read_trc
from kinema.skeleton import SMPL24
from tests.helpers.exchange_motions import uneven
from tests.helpers.marker_files import c3d_bytes, trc_text

NAMES = ("RHip", "LHip", "RKnee")


@pytest.fixture
def points():
    return np.random.default_rng(0).normal(size=(6, 3, 3)).round(6)


def trc(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "a.trc"
    path.write_bytes(text.encode(encoding))
    return read_trc(path)


CELLS = {"blank": "", "nan": "nan", "NaN": "NaN", "a C library's": "-nan(ind)", "Visual C's": "-1.#IND00"}


@pytest.mark.parametrize("word", CELLS.values(), ids=CELLS)
def test_a_missing_point_of_a_trc_in_any_words(word, points, tmp_path):
    found = trc(tmp_path, trc_text(points, NAMES, missing={(2, 1), (4, 2)}, missing_cell=word))
    away = np.zeros((6, 3), bool)
    away[2, 1] = away[4, 2] = True
    np.testing.assert_array_equal(np.isnan(found.positions).any(axis=-1), away)
    np.testing.assert_allclose(found.positions[~away], points[~away], atol=1e-9)


def test_the_origin_is_a_missing_point_unless_it_is_the_centre_of_all(points, tmp_path):
    points[1:4, 2] = 0
    found = trc(tmp_path, trc_text(points, NAMES))
    np.testing.assert_array_equal(np.flatnonzero(np.isnan(found.positions[:, 2, 0])), [1, 2, 3])
    points[:, 0] = 0
    for name, kept in (("MidHip", True), ("RHip", False)):
        found = trc(tmp_path, trc_text(points, (name, *NAMES[1:])))
        assert np.isfinite(found.positions[:, 0]).all() == kept


def without_line_5(text):
    lines = text.split("\n")
    return "\n".join(lines[:4] + lines[6:])


ODD = {
    "no blank line after the header": lambda t: t.replace("Z3\n\n", "Z3\n"),
    "no line X1 Y1 Z1": without_line_5,
    "two blank lines": lambda t: t.replace("Z3\n\n", "Z3\n\n\n"),
    "Windows' line ends": lambda t: t.replace("\n", "\r\n"),
    "tabs at the ends of rows": lambda t: t.replace("\n", "\t\n"),
    "decimal commas": lambda t: t[: t.index("Z3\n")] + t[t.index("Z3\n") :].replace(".", ","),
    "a subject before the names": lambda t: t.replace("RHip", "Jo:RHip").replace("LHip", "Jo:LHip").replace(
        "RKnee", "Jo:RKnee"),
    "names without tabs between": lambda t: t.replace("RHip\t\t\tLHip\t\t\tRKnee", "RHip\tLHip\tRKnee"),
    "wrong counts": lambda t: t.replace("\t6\t3\tm\t", "\t99\t7\tm\t"),
    "small letters": lambda t: t.replace("PathFileType", "pathfiletype").replace("Frame#", "frame#"),
}  # fmt: skip


@pytest.mark.parametrize("change", ODD.values(), ids=ODD)
def test_an_odd_trc_is_read_like_an_even_one(change, points, tmp_path):
    plain, odd = trc_text(points, NAMES), change(trc_text(points, NAMES))
    assert odd != plain
    found = trc(tmp_path, odd)
    assert found.names == NAMES
    np.testing.assert_allclose(found.positions, points, atol=1e-9)
    np.testing.assert_allclose(found.times, np.arange(6) / 60, atol=1e-6)


@pytest.mark.parametrize("encoding", ["utf-16", "cp1252", "utf-8-sig"])
def test_a_trc_in_windows_encodings(encoding, points, tmp_path):
    found = trc(tmp_path, trc_text(points, ("Hüfte", "LHip", "RKnee")), encoding)
    assert found.names[0] == "Hüfte"
    np.testing.assert_allclose(found.positions, points, atol=1e-9)


def test_columns_without_a_name_are_left_out(points, tmp_path):
    found = trc(tmp_path, trc_text(points, ("RHip", "", "*17")))
    assert found.names == ("RHip",)
    np.testing.assert_allclose(found.positions[:, 0], points[:, 0], atol=1e-9)
    assert any("2 columns" in note for note in found.notes)
    wider = trc_text(points, NAMES).replace("\t\t\tRKnee", "")  # more columns than names
    assert trc(tmp_path, wider).names == NAMES[:2]


def test_times_that_repeat(points, tmp_path):
    doubled = trc_text(points, NAMES, times=[0, 0.1, 0.1, 0.2, 0.3, 0.4], rate=10)
    found = trc(tmp_path, doubled)
    np.testing.assert_allclose(found.times, [0, 0.1, 0.2, 0.3, 0.4])
    np.testing.assert_allclose(found.positions, points[[0, 1, 3, 4, 5]], atol=1e-9)
    assert any("repeat" in note for note in found.notes)
    rounded = trc_text(points, NAMES, times=np.round(np.arange(6) / 240, 2), rate=240)
    np.testing.assert_allclose(trc(tmp_path, rounded).times, np.arange(6) / 240)
    none = trc_text(points, NAMES, times=np.zeros(6), rate=50)
    np.testing.assert_allclose(trc(tmp_path, none).times, np.arange(6) / 50)
    with pytest.raises(InputError, match="must increase"):
        trc(tmp_path, trc_text(points, NAMES, times=[0, 1, 2, 1, 2, 3], rate=1))


def test_the_times_count_where_the_header_disagrees(points, tmp_path):
    found = trc(tmp_path, trc_text(points, NAMES, times=np.arange(6) / 60, rate=100))
    assert found.rate == pytest.approx(60)
    assert any("100 frames a second, the times 60" in note for note in found.notes)


@pytest.mark.parametrize(("scale", "unit"), [(1, "m"), (100, "cm"), (1000, "mm"), (1000, "millimeters"), (1000, "")])
def test_units_of_a_trc(scale, unit, points, tmp_path):
    found = trc(tmp_path, trc_text(points * scale, NAMES, units=unit))
    np.testing.assert_allclose(found.positions, points, atol=1e-8)
    assert (len(found.notes) == 0) == bool(unit)


def test_names_of_subjects():
    assert named_points(["A:x", "A:y", "", "*3"]) == ([0, 1], ("x", "y"))
    assert named_points(["A:x", "y"]) == ([0, 1], ("x", "y"))
    assert named_points(["A:x", "x"]) == ([0, 1], ("A:x", "x"))
    assert named_points(["A:x", "B:x", "y"]) == ([0, 1, 2], ("A:x", "B:x", "y"))


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 5), st.integers(1, 8), st.sampled_from([23.976, 29.97, 100.0]), st.integers(0, 2**31))
def test_a_trc_of_any_size_comes_back(tmp_path_factory, markers, frames, rate, seed):
    points = np.random.default_rng(seed).normal(size=(frames, markers, 3)).round(6) + 10
    names = tuple(f"m{i}" for i in range(markers))
    found = trc(tmp_path_factory.mktemp("trc"), trc_text(points, names, rate=rate))
    assert found.names == names
    np.testing.assert_allclose(found.positions, points, atol=1e-9)


# --- what Kinema writes, read by others


def test_opensim_reads_a_person_who_is_away(pair, tmp_path):
    opensim = pytest.importorskip("opensim")
    report = WriteReport()
    save_motion(pair, tmp_path / "pair.trc", report=report)
    for path in report.paths:
        table, own = opensim.TimeSeriesTableVec3(str(path)), read_trc(path)
        assert (table.getNumRows(), table.getNumColumns()) == (len(own.times), 24)
        assert list(table.getColumnLabels()) == list(own.names)
        np.testing.assert_allclose(table.getIndependentColumn(), own.times, atol=1e-9)
        head = own.names.index("head")
        row = [[table.getRowAtIndex(i).getElt(0, head).get(axis) for axis in range(3)] for i in range(len(own.times))]
        np.testing.assert_allclose(row, own.positions[:, head], atol=1e-9)  # NaN where NaN
        assert float(table.getTableMetaDataString("DataRate")) == pytest.approx(own.rate)


def test_rates_and_rows_agree(walk, tmp_path):
    for fps in (23.976, 59.94):
        own = read_trc(save_motion(uneven(walk), tmp_path / "a.trc", fps=fps))
        assert own.rate == pytest.approx(fps, rel=1e-6)
        np.testing.assert_allclose(np.diff(own.times), 1 / fps, atol=2e-8)
        assert not own.notes


def test_the_package_c3d_reads_what_kinema_writes(pair, tmp_path):
    c3d = pytest.importorskip("c3d")
    report = WriteReport()
    save_motion(pair, tmp_path / "pair.c3d", report=report)
    for path in report.paths:
        own = read_c3d(path)
        with path.open("rb") as file:
            with pytest.warns(UserWarning, match="No analog data"):
                reader = c3d.Reader(file)
            frames = [points[:, :4].copy() for _, points, _ in reader.read_frames()]
        assert [label.strip() for label in reader.point_labels] == list(own.names)
        assert reader.point_rate == pytest.approx(own.rate)
        assert (reader.first_frame - 1) / reader.point_rate == pytest.approx(own.times[0])
        points = np.array(frames)
        gone = points[..., 3] == -1
        np.testing.assert_array_equal(gone, np.isnan(own.positions[..., 0]))
        np.testing.assert_allclose(points[~gone][:, :3] / 1000, own.positions[~gone], atol=1e-6)


# --- what others write, read by Kinema


@pytest.mark.parametrize("processor", ["intel", "dec", "mips"])
@pytest.mark.parametrize("scale", [None, 0.1])
def test_c3d_of_every_processor(processor, scale, points, tmp_path):
    away = np.zeros((6, 3), bool)
    away[2, 1] = away[3, 0] = True
    path = tmp_path / "a.c3d"
    path.write_bytes(c3d_bytes(1000 * points, NAMES, processor=processor, scale=scale, away=away, analogue=5, first=4))
    found = read_c3d(path)
    assert found.names == NAMES
    assert found.up == "z"
    np.testing.assert_allclose(found.times, (3 + np.arange(6)) / 100)
    np.testing.assert_array_equal(np.isnan(found.positions).any(axis=-1), away)
    np.testing.assert_allclose(found.positions[~away], points[~away], atol=1e-6 if scale is None else 6e-5)


def test_c3d_files_whose_parts_disagree(points, tmp_path):
    path = tmp_path / "a.c3d"

    def read(**changes):
        path.write_bytes(c3d_bytes(1000 * points, NAMES, **changes))
        return read_c3d(path)

    whole = read()
    for changes in ({"trial": (1, 5000)}, {"header_last": 65535}, {"frames": None}, {"units": ""}):
        found = read(**changes)
        np.testing.assert_array_equal(found.positions, whole.positions)
    many = tuple(f"p{i}" for i in range(300))
    spread = np.broadcast_to(points[:, :1] + 5, (6, 300, 3))
    path.write_bytes(c3d_bytes(1000 * spread, many))  # in LABELS and LABELS2
    assert read_c3d(path).names == many
    mixed = read(angles=("LHip",))
    assert mixed.names == ("RHip", "RKnee")  # an angle among the points
    data = c3d_bytes(1000 * points, NAMES)
    path.write_bytes(data[: len(data) - 512])
    with pytest.raises(InputError, match="cut short: it says 6 frames"):
        read_c3d(path)


def test_c3d_by_the_package_ezc3d(points, tmp_path):
    ezc3d = pytest.importorskip("ezc3d")
    file = ezc3d.c3d()
    file["parameters"]["POINT"]["RATE"]["value"] = [59.94]
    file["parameters"]["POINT"]["LABELS"]["value"] = list(NAMES)
    file["parameters"]["POINT"]["UNITS"]["value"] = ["mm"]
    data = np.ones((4, 3, 6))
    data[:3] = 1000 * points.transpose(2, 1, 0)
    data[:3, 1, 2] = np.nan
    file["data"]["points"] = data
    file.write(str(tmp_path / "e.c3d"))
    found = read_c3d(tmp_path / "e.c3d")
    assert found.names == NAMES
    assert found.rate == pytest.approx(59.94)
    assert np.isnan(found.positions[2, 1]).all()
    seen = np.isfinite(found.positions)
    np.testing.assert_allclose(found.positions[seen], points[seen], atol=1e-6)


def test_trc_and_c3d_of_one_motion_are_one(walk, tmp_path):
    one, other = read_trc(save_motion(walk, tmp_path / "a.trc")), read_c3d(save_motion(walk, tmp_path / "a.c3d"))
    assert one.names == other.names == SMPL24.joints
    assert one.up == other.up == "y"
    np.testing.assert_allclose(one.positions, other.positions, atol=2e-6)
    np.testing.assert_allclose(one.times, other.times, atol=1e-6)
    assert dataclasses.asdict(one).keys() == dataclasses.asdict(other).keys()


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_damaged_c3d_is_read_or_refused(tmp_path_factory, data):
    whole = bytearray(c3d_bytes(np.ones((5, 3, 3)), NAMES))
    for _ in range(data.draw(st.integers(1, 6))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("c3d") / "a.c3d"
    path.write_bytes(bytes(whole[: data.draw(st.integers(0, len(whole)))]))
    try:
        found = read_c3d(path)
    except InputError:
        return
    assert found.positions.shape == (len(found.times), len(found.names), 3)
    assert found.positions.size < 10**5


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_a_damaged_trc_is_read_or_refused(tmp_path_factory, data):
    whole = bytearray(trc_text(np.ones((4, 3, 3)), NAMES).encode())
    for _ in range(data.draw(st.integers(1, 6))):
        place = data.draw(st.integers(0, len(whole) - 1))
        whole[place : place + data.draw(st.integers(0, 3))] = data.draw(st.sampled_from(
            [b"\t", b"\n", b"\0", b"nan", b"-", b"1e308", b",", b"\xff", b" "]))  # fmt: skip
    path = tmp_path_factory.mktemp("trc") / "a.trc"
    path.write_bytes(bytes(whole))
    try:
        found = read_trc(path)
    except InputError:
        return
    assert found.positions.shape == (len(found.times), len(found.names), 3)
    assert np.all(np.diff(found.times) > 0)
    assert found.rate > 0
