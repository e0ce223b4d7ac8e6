"""P-STMO trained on MPI-INF-3DHP's own files, and what is wrong with such files and their settings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from kinema.__main__ import main  # noqa: E402
from kinema.datasets import mpi3dhp  # noqa: E402
from kinema.datasets.writing import write_data  # noqa: E402
from kinema.errors import InputError, UsageError  # noqa: E402
from kinema.training.lifters.data import train_lifter  # noqa: E402
from kinema.training.lifters.data_options import LifterData  # noqa: E402
from kinema.training.lifters.options import LifterTraining  # noqa: E402
from kinema.training.lifters.sequences import judged_sequences, training_sequences  # noqa: E402
from tests.helpers.lifter_datasets import write_3dhp  # noqa: E402

pytestmark = pytest.mark.torch

SMALL = ["--window-size", "9", "--channels", "32", "--layers", "1", "--batch", "16"]
QUICK = ["--learning-rate", "0.05", "--decay", "0.8", "--dropout", "0"]


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> tuple[Path, Path]:
    return write_3dhp(tmp_path_factory.mktemp("3dhp"))


def scores(out: Path) -> list[float]:
    return [row["score"] for row in json.loads((out / "training.json").read_text())["history"]]


@pytest.mark.slow
def test_p_stmo_learns_on_3dhp_and_is_evaluated_as_it_was_judged(files, tmp_path, capsys):
    given = ["--sequences", str(files[0]), "--test-sequences", str(files[1]), *SMALL]
    first = ["--network", "pstmo-masked", *given, "--out", str(tmp_path / "masked"), "--epochs", "1"]
    assert main(["train", "lifter", *first]) == 0
    start = tmp_path / "masked/pstmo_masked_3dhp.pth"
    second = ["--network", "pstmo", *given, *QUICK, "--start-from", str(start), "--out", str(tmp_path / "lifter")]
    assert main(["train", "lifter", *second, "--epochs", "5"]) == 0
    test = judged_sequences(files[1], None, LifterTraining())
    limbs = np.delete(test.joints, mpi3dhp.ROOT, axis=1)[test.judged]
    collapsed = np.linalg.norm(limbs, axis=-1).sum(axis=1).mean() / mpi3dhp.JOINTS
    reached = min(scores(tmp_path / "lifter"))
    assert reached < 0.5 * collapsed  # mm; a network that gives nothing but the root has all of it
    capsys.readouterr()
    checkpoint = ["--lifter", "pstmo", "--lifter-checkpoint", str(tmp_path / "lifter/pstmo_3dhp.pth")]
    assert main(["evaluate", "lifter", str(files[1].parent), "--dataset", "3dhp", *checkpoint, "--json"]) == 0
    average = json.loads(capsys.readouterr().out)["averages"][0]
    # Two programs: the training's own score, and the evaluation without torch. float32 over a network of 9 frames.
    assert average["mpjpe"] == pytest.approx(reached, rel=1e-4)


def test_joints_and_their_root_are_those_of_the_file(files):
    clips = training_sequences(files[0], ["S2"], LifterTraining())
    assert clips.names == ("S2 Seq1",) * 2 + ("S2 Seq2",) * 2
    views = [view for view in mpi3dhp.read_training_3dhp(files[0]) if view.subject == "S2"]
    true = np.concatenate([view.joints for view in views])
    found = clips.joints + clips.joints[:, 14, None]
    found[:, 14] = clips.joints[:, 14]
    np.testing.assert_allclose(found, true, atol=1e-2)  # float32 of 5000 mm
    np.testing.assert_allclose((clips.keypoints + 1) * 1024, np.concatenate([v.keypoints for v in views]), atol=1e-2)


def test_frames_that_are_not_valid_are_not_judged(files):
    clips = judged_sequences(files[1], ["TS6"], LifterTraining())
    assert clips.judged.tolist() == [i % 5 != 0 for i in range(30)]
    (width,) = {mpi3dhp.SIZES["TS6"][0]}
    sequence = mpi3dhp.read_test_3dhp(files[1])[1]
    np.testing.assert_allclose((clips.keypoints[..., 0] + 1) * width / 2, sequence.keypoints[..., 0], atol=1e-2)


def test_the_published_settings_of_3dhp():
    masked = LifterTraining.published("pstmo-masked", of_3dhp=True)
    assert (masked.frames, masked.frame_stride, masked.hidden_frames, masked.hidden_joints) == (81, 1, 0.7, 2)
    assert LifterTraining.published("pstmo", of_3dhp=True, frames=27).frames == 27


def refused(out: Path, error: type[Exception], match: str, network: str = "pstmo", **data: Any) -> None:
    with pytest.raises(error, match=match):
        train_lifter(LifterData(**data), LifterTraining.published(network, of_3dhp=True), out)


def test_settings_that_do_not_belong_to_sequences(files, tmp_path):
    given = {"sequences": files[0]}
    refused(tmp_path, UsageError, "are for pstmo-masked and pstmo; videopose3d needs", "videopose3d", **given)
    refused(tmp_path, UsageError, "leave out `keypoints`", **given, keypoints=tmp_path / "k.npz")
    refused(tmp_path, UsageError, "give both, or neither", test_sequences=files[1], keypoints=tmp_path / "k.npz")
    refused(tmp_path, InputError, "has no subject 'S9'; it has S1, S2, S3", **given, subjects="S1,S9")
    refused(
        tmp_path,
        InputError,
        "has no sequence 'TS2'; it has TS1, TS6",
        **given,
        test_sequences=files[1],
        test_subjects="TS2",
    )
    refused(tmp_path, InputError, "must be a list of the cameras' views", sequences=files[1])


VIEW = {"data_2d": np.ones((4, 17, 2)), "data_3d": np.ones((4, 17, 3))}


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ([], "must be a list that begins with a dict"),
        ([{}, 25], "has no view of any sequence"),
        ([{"0": 3}, 25], "camera 0 must be a dict of data_2d and data_3d"),
        ([{"0": {**VIEW, "data_3d": np.ones((3, 17, 3))}}, 25], "has 4 frames of data_2d and 3 of data_3d"),
        ([{"0": {**VIEW, "data_2d": np.ones((4, 16, 2))}}, 25], r"data_2d has shape \(4, 16, 2\)"),
        ([{"0": {**VIEW, "data_3d": np.full((4, 17, 3), np.nan)}}, 25], "data_3d is not finite"),
        ([{"0": {"data_2d": VIEW["data_2d"]}}, 25], "lacks data_3d"),
    ],
)
def test_training_files_that_are_wrong(tmp_path, entry, message):
    path = write_data(tmp_path / "data_train_3dhp.npz", {"S1 Seq1": entry})
    with pytest.raises(InputError, match=message):
        mpi3dhp.read_training_3dhp(path)
