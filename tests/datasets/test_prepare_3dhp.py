"""MPI-INF-3DHP's annotations, in both of MATLAB's formats, -> P-STMO's layout; and what is wrong with such files."""

from __future__ import annotations

import numpy as np
import pytest

from kinema.__main__ import main
from kinema.datasets.mpi3dhp import read_test_3dhp
from kinema.datasets.prepare_3dhp import CAMERAS, KEPT, prepare_3dhp
from kinema.errors import InputError
from kinema.storage.safe_npz import load_npz
from tests.helpers.original_datasets import annotations, annotations_of_tests, cells, write_mat, write_v73

WRITERS = {"v5": write_mat, "v73": write_v73}


@pytest.mark.parametrize("version", WRITERS)
def test_both_sets_in_both_formats(tmp_path, version, capsys):
    write = WRITERS[version]
    train, test = annotations(5), annotations_of_tests(7, valid=np.array([1, 1, 0, 1, 1, 0, 1]))
    write(tmp_path / "S1/Seq2/annot.mat", **train)
    write(tmp_path / "mpi_inf_3dhp_test_set/mpi_inf_3dhp_test_set/TS6/annot_data.mat", **test)
    out = tmp_path / "out"
    assert main(["data", "prepare", "3dhp", str(tmp_path), "--output", str(out)]) == 0
    assert "lacks TS1, TS2, TS3, TS4, TS5 of the test set" in capsys.readouterr().err
    content = load_npz(out / "data_train_3dhp.npz")["data"].item()
    assert list(content) == ["S1 Seq2"]
    views, rate = content["S1 Seq2"]
    assert rate == 50
    assert list(views) == [str(camera) for camera in CAMERAS]
    for camera, view in views.items():
        want = train["annot2"][int(camera), 0].reshape(5, 28, 2)[:, KEPT]
        np.testing.assert_allclose(view["data_2d"], want, atol=1e-3)
        assert view["data_3d"].shape == (5, 17, 3)
    (sequence,) = read_test_3dhp(out / "data_test_3dhp.npz")
    assert (sequence.name, sequence.width, sequence.height) == ("TS6", 1920, 1080)
    assert sequence.valid.tolist() == [True, True, False, True, True, False, True]
    np.testing.assert_allclose(sequence.joints[3, 2], test["univ_annot3"][:, 2, 0, 3], atol=1e-3)
    np.testing.assert_allclose(sequence.keypoints[6, 16], test["annot2"][:, 16, 0, 6], atol=1e-3)


def test_pictures_end_before_annotations(tmp_path):
    long = {
        **annotations(1),
        "annot2": cells([np.zeros((6200, 56), dtype=np.uint8)] * 14),
        "univ_annot3": cells([np.zeros((6200, 84), dtype=np.uint8)] * 14),
    }
    write_mat(tmp_path / "S4/Seq1/annot.mat", **long)
    prepare_3dhp(tmp_path, tmp_path / "out")
    views, _ = load_npz(tmp_path / "out/data_train_3dhp.npz")["data"].item()["S4 Seq1"]
    assert {len(view["data_2d"]) for view in views.values()} == {6171}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"annot2": cells([np.zeros((5, 56))] * 3)}, r"camera 4 is not in annot2, which must have a cell for each"),
        ({"annot2": cells([np.zeros((4, 56))] * 14)}, r"has 4 frames of annot2 and 5 of univ_annot3"),
        ({"annot2": cells([np.zeros((5, 34))] * 14)}, r"annot2 has shape \(5, 34\), expected \(F, 56\)"),
        ({"annot2": np.zeros((5, 56))}, "is not in annot2, which must have a cell for each camera"),
        ({"annot2": cells([np.zeros((0, 56))] * 14)}, "has no frames in annot2|annot2 has shape"),
        ({"univ_annot3": cells([np.full((5, 84), np.inf)] * 14)}, "holds a value that is not finite"),
        ({"cameras": np.arange(14)[None, ::-1]}, "lists the cameras in another order"),
    ],
)
def test_training_annotations_that_are_wrong(tmp_path, changes, message):
    write_mat(tmp_path / "S1/Seq1/annot.mat", **{**annotations(5), **changes})
    with pytest.raises(InputError, match=message):
        prepare_3dhp(tmp_path, tmp_path / "out")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"valid_frame": np.ones((1, 4))}, "has 5 frames of annot2, 5 of univ_annot3 and 4 of valid_frame"),
        ({"annot2": np.zeros((2, 28, 1, 5))}, r"annot2 has shape \(2, 28, 1, 5\), expected \(2, 17, 1, F\)"),
        ({"univ_annot3": np.full((3, 17, 1, 5), np.nan)}, "holds a value that is not finite"),
    ],
)
def test_test_annotations_that_are_wrong(tmp_path, changes, message):
    write_v73(tmp_path / "TS1/annot_data.mat", **{**annotations_of_tests(5), **changes})
    with pytest.raises(InputError, match=message):
        prepare_3dhp(tmp_path, tmp_path / "out")


def test_a_folder_without_annotations_and_a_file_without_a_variable(tmp_path):
    with pytest.raises(InputError, match="has no annotations of MPI-INF-3DHP"):
        prepare_3dhp(tmp_path, tmp_path / "out")
    parts = annotations_of_tests(5)
    del parts["valid_frame"]
    write_v73(tmp_path / "TS1/annot_data.mat", **parts)
    with pytest.raises(InputError, match="has no valid_frame; it is not the file that is expected here"):
        prepare_3dhp(tmp_path, tmp_path / "out")
