"""Trained checkpoints have the names and shapes of the published ones: of every recorded manifest that is trained."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from kinema.errors import InputError  # noqa: E402
from kinema.models.pstmo import sizes as pstmo  # noqa: E402
from kinema.models.pstmo.masked import sizes as masked  # noqa: E402
from kinema.models.videopose3d import sizes as videopose3d  # noqa: E402
from kinema.storage.checkpoints import read_checkpoint  # noqa: E402
from kinema.training.lifters.clips import TrainingClips  # noqa: E402
from kinema.training.lifters.masked import MaskedTraining  # noqa: E402
from kinema.training.lifters.options import LifterTraining  # noqa: E402
from kinema.training.lifters.pstmo import PSTMOTraining  # noqa: E402
from kinema.training.lifters.refine import RefineTraining  # noqa: E402
from kinema.training.lifters.videopose3d import VideoPose3DTraining  # noqa: E402
from tests.helpers.goldens import goldens, torch_tensors  # noqa: E402

pytestmark = [pytest.mark.torch, pytest.mark.golden]


def manifests(folder: str, start: str = "") -> list[tuple[str, dict[str, tuple[int, ...]]]]:
    """The manifests of a folder whose names begin so, with the shape of each tensor. Fails if there are none."""
    found = []
    for path in sorted((goldens() / folder).glob(f"manifest_{start}*.json")):
        found.append(
            (f"{folder}/{path.name}", {row["key"]: tuple(row["shape"]) for row in json.loads(path.read_text())})
        )
    assert found, f"{folder} has no manifest_{start}*.json"
    return found


def still(joints_in: int, joints_out: int) -> TrainingClips:
    """A clip of three frames."""
    joints = np.zeros((3, joints_out, 3), dtype=np.float32)
    joints[..., 2] = 4
    return TrainingClips(
        np.zeros((3, joints_in, 2), dtype=np.float32), joints, np.array([0]), np.array([3]),
        np.ones((1, 9), dtype=np.float32), ("a",), np.arange(joints_in), np.arange(joints_out),
    )  # fmt: skip


def plain(shapes: dict[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    return {key.removeprefix("module."): shape for key, shape in shapes.items()}


def written(trainee, path: Path) -> dict:
    trainee.write(path, 1, torch.optim.Adam(trainee.net.parameters()))
    return read_checkpoint(path)


def shapes_of(tensors: dict[str, np.ndarray]) -> dict[str, tuple[int, ...]]:
    return {key: value.shape for key, value in tensors.items()}


def test_videopose3d_has_the_published_names(tmp_path):
    trained = 0
    for _, shapes in manifests("videopose3d"):
        sizes = videopose3d.sizes_of(plain(shapes))
        if sizes.joints_out == 1:
            continue  # a trajectory model, below
        options = LifterTraining(
            widths=",".join(map(str, sizes.filter_widths)), channels=sizes.channels, dense=sizes.dense
        )
        clips = still(sizes.joints_in, sizes.joints_out)
        content = written(VideoPose3DTraining(options, clips, None, "cpu", layout="x"), tmp_path / "v.bin")
        assert shapes_of(content["model_pos"]) == shapes
        trained += 1
    assert trained


def test_the_trajectory_model_has_the_published_names(tmp_path):
    trained = 0
    for _, shapes in manifests("videopose3d"):
        sizes = videopose3d.sizes_of(plain(shapes))
        if sizes.joints_out != 1:
            continue
        options = LifterTraining(
            widths=",".join(map(str, sizes.filter_widths)), channels=sizes.channels, dense=sizes.dense
        )
        clips = still(17, 17)
        trainee = VideoPose3DTraining(options, clips, None, "cpu", layout="x", unlabelled=clips)
        assert shapes_of(written(trainee, tmp_path / "v.bin")["model_traj"]) == shapes
        trained += 1
    assert trained


def test_p_stmo_has_the_published_names(tmp_path):
    for _, shapes in manifests("pstmo", "stmo"):
        sizes = pstmo.sizes_of(plain(shapes))
        options = LifterTraining.published("pstmo", frames=sizes.frames, layers=sizes.layers, channels=sizes.width)
        trainee = PSTMOTraining(options, still(sizes.joints_in, sizes.joints_out), None, "cpu", layout="x")
        assert shapes_of(written(trainee, tmp_path / "p.pth")) == shapes


def test_the_first_stage_has_the_published_names_and_is_taken_over(tmp_path):
    """What is loaded from a published first stage into a lifter of its size, too."""
    for name, shapes in manifests("pstmo", "mae"):
        sizes = masked.sizes_of(plain(shapes))
        options = LifterTraining.published(
            "pstmo-masked", frames=sizes.frames, layers=sizes.layers, channels=sizes.width
        )
        clips = still(sizes.joints, 17)
        trainee = MaskedTraining(options, clips, None, "cpu", layout="x")
        assert shapes_of(written(trainee, tmp_path / "m.pth")) == shapes
        tensors = torch_tensors(name)
        net = PSTMOTraining(options, clips, None, "cpu", layout="x", initial=tensors, initial_name=name).net
        own = net.state_dict()
        assert torch.equal(own["Transformer.pos_embedding"], tensors["module.Transformer.pos_embedding"])


def test_the_refine_module_has_the_published_names(tmp_path):
    lifter, _ = manifests("pstmo", "stmo")[0]
    tensors = torch_tensors(lifter)
    for _, shapes in manifests("pstmo", "refine"):
        trainee = RefineTraining(
            LifterTraining.published("pstmo-refine"), still(17, 17), None, "cpu", layout="x", initial=tensors,
            initial_name=lifter,
        )  # fmt: skip
        assert shapes_of(written(trainee, tmp_path / "r.pth")) == shapes
    with pytest.raises(InputError, match="lifts 17 joints to 17; refining needs the motion capture's 15"):
        RefineTraining(
            LifterTraining.published("pstmo-refine"), still(17, 15), None, "cpu", layout="x", initial=tensors,
            initial_name=lifter,
        )  # fmt: skip
