"""`kinema evaluate lifter` on data and lifters that do not fit: refused in one sentence that names what is wrong."""

import numpy as np
import pytest

from kinema.datasets.writing import LAYOUTS, write_data, write_keypoints, write_positions
from kinema.models.videopose3d.sizes import VideoPose3DSizes
from tests.helpers.lifter_datasets import motion
from tests.helpers.lifter_doubles import KnowingLifter, registered
from tests.helpers.lifter_evaluation import MIRROR, h36m, knowing_h36m, refused, sequences
from tests.helpers.lifters import random_tensors


def test_wrong_data(tmp_path, capsys):
    h36m(tmp_path, frames=6)
    with registered(tmp_path, knowing_h36m(tmp_path)) as lifter:
        assert "there is no folder" in refused(capsys, [tmp_path / "no", *lifter])
        assert "has no subject 'S7'; it has S1, S9, S11" in refused(capsys, [tmp_path, *lifter, "--subjects", "S7"])
        assert "has no frames of Jump" in refused(capsys, [tmp_path, *lifter, "--actions", "Jump"])
        missing = refused(capsys, [tmp_path, *lifter, "--keypoints", "cpn"])
        assert "there is no data_2d_h36m_cpn.npz" in missing
        assert "`kinema data prepare h36m` makes it" in missing
        assert "there is no data_test_3dhp.npz" in refused(capsys, [tmp_path, "--dataset", "3dhp", *lifter])
        h36m(tmp_path, frames=6)[1].rename(tmp_path / "data_2d_h36m_cpn.npz")
        h36m(tmp_path, frames=6)
        several = refused(capsys, [tmp_path, *lifter], 2)
        assert "has the 2D keypoints cpn, gt; choose some with --keypoints" in several
        whole = (tmp_path / "data_2d_h36m_gt.npz").read_bytes()
        (tmp_path / "data_2d_h36m_gt.npz").write_bytes(whole[: len(whole) // 2])
        assert "corrupt" in refused(capsys, [tmp_path, *lifter, "--keypoints", "gt"])
        (tmp_path / "data_2d_h36m_gt.npz").write_bytes(b"")
        assert "corrupt" in refused(capsys, [tmp_path, *lifter, "--keypoints", "gt"])


def broken(tmp_path, change):
    """Files of one clip, changed."""
    poses = {"S9": {"Walking": motion(6, 0)}, "S11": {"Walking": motion(6, 1)}}
    points = {subject: {"Walking": [np.ones((6, 17, 2))] * 4} for subject in poses}
    change(poses, points)
    write_positions(tmp_path / "data_3d_h36m.npz", poses)
    write_keypoints(tmp_path / "data_2d_h36m_gt.npz", points, next(each for each in LAYOUTS if each.name == "h36m"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda three, two: two.pop("S11"), "data_2d_h36m_gt.npz has no subject 'S11'"),
        (lambda three, two: three.pop("S9"), "data_3d_h36m.npz has no subject 'S9'"),
        (lambda three, two: two["S9"].pop("Walking"), "lacks the action 'Walking' of 'S9'"),
        (lambda three, two: two["S9"].update(Walking=[np.ones((6, 17, 2))] * 3), "has 3 views of 'Walking' of 'S9'"),
        (lambda three, two: two["S9"].update(Walking=[np.ones((5, 17, 2))] * 4), "keypoints of 5 frames for 'Walking'"),
        (lambda three, two: two["S9"].update(Walking=[np.ones((6, 16, 2))] * 4), "has 16 joints, the metadata"),
        (lambda three, two: two["S9"].update(Walking=[np.full((6, 17, 2), np.nan)] * 4), "is not finite"),
        (lambda three, two: three["S9"].update(Walking=np.zeros((6, 21, 3))), "has 21 joints"),
        (lambda three, two: three["S9"].update(Walking=np.full((6, 17, 3), np.inf)), "is not finite"),
        (lambda three, two: three.update(S9={}, S11={}), "contains no motion"),
    ],
)
def test_files_that_do_not_fit(tmp_path, capsys, change, message):
    broken(tmp_path, change)
    with registered(tmp_path, KnowingLifter([], MIRROR, MIRROR)) as lifter:
        assert message in refused(capsys, [tmp_path, *lifter])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data_2d": np.ones((5, 17, 2))}, "has 5 frames of data_2d and 6 of data_3d"),
        ({"data_3d": np.ones((6, 28, 3))}, "data_3d has shape (6, 28, 3), expected (F, 17, 3)"),
        ({"data_3d": np.full((6, 17, 3), np.nan)}, "is not finite in frame 0, which is marked as valid"),
        ({"data_2d": np.full((6, 17, 2), np.nan)}, "data_2d holds a value that is not finite"),
        ({"valid": np.zeros(6)}, "marks no frame as valid"),
        ({"valid": None}, "lacks valid"),
        ({"data_2d": np.ones((0, 17, 2)), "data_3d": np.ones((0, 17, 3)), "valid": np.ones(0)}, "has no frames"),
    ],
)
def test_sequences_that_do_not_fit(tmp_path, capsys, change, message):
    data = {"TS1": {**sequences()["TS1"], **change}}
    write_data(tmp_path / "data_test_3dhp.npz", data)
    with registered(tmp_path, KnowingLifter([], MIRROR, MIRROR)) as lifter:
        assert message in refused(capsys, [tmp_path, "--dataset", "3dhp", *lifter])


def test_other_layouts_of_3dhp(tmp_path, capsys):
    path = tmp_path / "data_test_3dhp.npz"
    with registered(tmp_path, KnowingLifter([], MIRROR, MIRROR)) as lifter:
        for write, message in (
            (lambda: np.savez(path, positions=np.ones(3)), "has no dict under data"),
            (lambda: write_data(path, {}), "contains no sequence"),
            (lambda: write_data(path, {"S1 Seq1": [{}, 25]}), "must be a dict of data_2d, data_3d and valid"),
            (lambda: write_data(path, sequences()), "has no sequence 'TS9'; it has TS1, TS6"),
        ):
            write()
            arguments = [tmp_path, "--dataset", "3dhp", *lifter, "--subjects", "TS9"]
            assert message in refused(capsys, arguments)
        arguments = [tmp_path, "--dataset", "3dhp", *lifter, "--keypoints", "gt"]
        assert "leave out --keypoints, --actions and --cameras" in refused(capsys, arguments, 2)


def test_wrong_lifters(tmp_path, capsys):
    h36m(tmp_path, frames=4)
    sizes = {"in": (VideoPose3DSizes(15, 17, 8, (3,)), "takes 15 joints, the keypoints gt of h36m have 17"),
             "out": (VideoPose3DSizes(17, 15, 8, (3,)), "gives 15 joints, h36m has 17"),
             "path": (VideoPose3DSizes(17, 1, 8, (3,)), "gives the root alone, h36m has 17")}  # fmt: skip
    for name, (size, message) in sizes.items():
        path = tmp_path / f"{name}.npz"
        np.savez(path, **random_tensors(size))
        arguments = [tmp_path, "--lifter", "videopose3d", "--lifter-checkpoint", path]
        assert message in refused(capsys, arguments)
    assert "no lifter is chosen" in refused(capsys, [tmp_path], 2)
    assert "set --lifter to videopose3d or pstmo" in refused(capsys, [tmp_path, "--lifter", "own"], 2)
    assert "needs its checkpoint" in refused(capsys, [tmp_path, "--lifter", "pstmo"], 2)
    lost = [tmp_path, "--lifter", "pstmo", "--lifter-checkpoint", tmp_path / "no.pth"]
    assert "there is no checkpoint" in refused(capsys, lost)
    network = knowing_h36m(tmp_path, lambda joints, clip: joints * np.nan)
    with registered(tmp_path, network) as lifter:
        assert "numbers that are not finite for Directions of S9" in refused(capsys, [tmp_path, *lifter])
