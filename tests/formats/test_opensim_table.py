"""OpenSim's .mot and .sto: angles in radians and lengths in metres, whatever the header says and looks like."""

from __future__ import annotations

import numpy as np
import pytest

from kinema.errors import InputError
from kinema.formats.opensim_table import read_coordinates

LABELS = ("pelvis_tilt", "pelvis_tx", "knee_angle_r")
VALUES = np.array([[0.0, 5.0, 0.9, 10.0], [0.01, 6.0, 0.91, 20.0], [0.02, 7.0, 0.92, 30.0]])


def table(
    labels=LABELS, values=VALUES, head="Coordinates\nversion=1\nnRows=3\nnColumns=4\ninDegrees=yes\n\nendheader\n"
):
    rows = "\n".join("\t".join(f"{value:16.8f}" for value in row) for row in values)
    return head + "\t".join(["time", *labels]) + "\n" + rows + "\n"


def read(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "a.mot"
    path.write_bytes(text.encode(encoding))
    return read_coordinates(path)


def test_degrees_and_metres(tmp_path):
    found = read(tmp_path, table())
    assert found.names == LABELS
    np.testing.assert_allclose(found.times, VALUES[:, 0])
    np.testing.assert_allclose(found.degrees("knee_angle_r"), VALUES[:, 3])
    np.testing.assert_allclose(found.values[:, 0], np.radians(VALUES[:, 1]))
    np.testing.assert_allclose(found.values[:, 1], VALUES[:, 2])
    assert found.lengths.tolist() == [False, True, False]
    assert found.rate == pytest.approx(100)
    with pytest.raises(KeyError):
        found.degrees("pelvis_tx")
    radians = read(tmp_path, table().replace("inDegrees=yes", "inDegrees=no"))
    np.testing.assert_allclose(radians.values[:, 2], VALUES[:, 3])


HEADERS = {
    "SIMM's": "name a.mot\ndatacolumns 4\ndatarows 3\notherdata 1\nrange 0 0.02\ninDegrees=yes\nendheader\n",
    "blanks around =": "a\nnRows = 3\n inDegrees = yes \nendheader \n\n",
    "capitals": "a\nINDEGREES=YES\nEndHeader\n",
    "Windows": "a\r\ninDegrees=yes\r\nendheader\r\n",
}


@pytest.mark.parametrize("head", HEADERS.values(), ids=HEADERS)
def test_headers(head, tmp_path):
    np.testing.assert_allclose(read(tmp_path, table(head=head)).degrees("knee_angle_r"), VALUES[:, 3])


@pytest.mark.parametrize(
    "change",
    [lambda t: t.replace("\t", " "), lambda t: t.replace("\n", "\t\n"), lambda t: t.replace("\n ", "\n\t "),
     lambda t: t.replace("\n", "\r\n"), lambda t: "\ufeff" + t],
    ids=["blanks", "tabs at the end", "tabs at the beginning", "Windows' line ends", "a byte order mark"],
)  # fmt: skip
def test_rows(change, tmp_path):
    changed = change(table())
    assert changed != table()
    np.testing.assert_allclose(read(tmp_path, changed).degrees("knee_angle_r"), VALUES[:, 3])


def test_states_are_named_by_their_coordinate(tmp_path):
    labels = (
        "/jointset/knee_r/knee_angle_r/value",
        "/jointset/knee_r/knee_angle_r/speed",
        "/forceset/soleus_r/activation",
    )
    found = read(tmp_path, table(labels))
    assert found.names == ("knee_angle_r",)
    np.testing.assert_allclose(found.degrees("knee_angle_r"), VALUES[:, 1])


def test_what_is_missing_or_wrong_is_said(tmp_path):
    assert any("radians are assumed" in note for note in read(tmp_path, table().replace("inDegrees=yes\n", "")).notes)
    assert any("says 9 rows" in note for note in read(tmp_path, table().replace("nRows=3", "nRows=9")).notes)
    twice = read(tmp_path, table(values=VALUES[[0, 1, 1, 2]]))
    np.testing.assert_allclose(twice.times, VALUES[:, 0])
    assert np.isnan(read(tmp_path, table().replace("10.00000000", "nan")).values[0, 2])
    for change, match in (
        (lambda t: t.replace("endheader", "end"), "no line `endheader`"),
        (lambda t: t.replace("time\t", "zeit\t"), "must begin with time"),
        (lambda t: t.replace("30.00000000", "x"), "line 11: a cell is not a number"),
        (lambda t: t.replace("\t     30.00000000", ""), "line 11: 3 cells where there are 4 labels"),
        (lambda t: t.replace("inDegrees=yes", "DataType=Vec3"), "'vec3' in each cell"),
        (lambda t: t[: t.index("time")] + "time\ta\n", "no rows"),
        (lambda t: t.replace("0.02000000", "0.00500000"), "must increase"),
    ):
        with pytest.raises(InputError, match=match):
            read(tmp_path, change(table()))


def test_opensim_s_own_reader_and_writer(tmp_path):
    opensim = pytest.importorskip("opensim")
    found = read(tmp_path, table())
    theirs = opensim.TimeSeriesTable(str(tmp_path / "a.mot"))
    np.testing.assert_allclose(theirs.getDependentColumn("knee_angle_r").to_numpy(), found.degrees("knee_angle_r"))
    opensim.STOFileAdapter.write(theirs, str(tmp_path / "b.sto"))
    again = read_coordinates(tmp_path / "b.sto")
    np.testing.assert_allclose(again.values, found.values)
    assert again.names == found.names
