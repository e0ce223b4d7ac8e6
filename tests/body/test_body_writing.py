"""The exported free body: `smplx` and `smplfitter` load it and compute what we compute."""

from __future__ import annotations

import json
import pickle
import pickletools
from pathlib import Path

import numpy as np
import pytest

from kinema.__main__ import main
from kinema.body import BodyModel, load_body
from kinema.body.landmarks import SMPL_NUMBERS
from kinema.body.writing import LAYOUTS, smpl_dict, write_layout
from kinema.commands.body import LAYOUTS as OFFERED
from kinema.errors import UsageError

TOLERANCE = 1e-5  # metres: both packages work in float32


@pytest.fixture
def motion(rng) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    pose = rng.normal(0, 0.5, (5, 72))
    pose[0] = 0
    pose[1, :3] = [0, 3.1, 0]
    return pose, rng.normal(0, 1.5, (5, 10)), rng.normal(0, 2, (5, 3))


@pytest.mark.slow  # importing torch and smplx takes seconds on a busy machine
@pytest.mark.torch
def test_smplx_gives_our_vertices(free: BodyModel, motion, tmp_path: Path) -> None:
    torch, smplx = pytest.importorskip("torch"), pytest.importorskip("smplx")
    write_layout(free, "smplx", tmp_path)
    layer = smplx.create(str(tmp_path), model_type="smpl", batch_size=5)
    pose, betas, transl = (torch.tensor(a, dtype=torch.float32) for a in motion)
    with torch.no_grad():
        out = layer(betas=betas, body_pose=pose[:, 3:], global_orient=pose[:, :3], transl=transl)
    vertices = free.vertices(*motion, dtype=np.float64)
    np.testing.assert_allclose(out.vertices.numpy(), vertices, atol=TOLERANCE)
    np.testing.assert_allclose(out.joints[:, :24].numpy(), free.joints(*motion), atol=TOLERANCE)
    np.testing.assert_array_equal(layer.faces, free.faces)
    # The 21 further joints that smplx picks by SMPL's vertex numbers are the places they are meant to be.
    assert free.landmark_weights is not None
    names = ("nose", "right_eye", "left_eye", "right_ear", "left_ear", "left_big_toe")
    rows = free.landmark_weights[[free.landmark_names.index(name) for name in names]]
    np.testing.assert_allclose(out.joints[2, 24:30].numpy(), rows @ vertices[2], atol=TOLERANCE)


@pytest.mark.torch
def test_smplfitter_gives_our_vertices(free: BodyModel, motion, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    pt = pytest.importorskip("smplfitter.pt")
    write_layout(free, "smplfitter", tmp_path)
    layer = pt.BodyModel("smpl", "neutral", model_root=str(tmp_path / "smpl"))
    pose, betas, transl = (torch.tensor(a, dtype=torch.float32) for a in motion)
    with torch.no_grad():
        out = layer(pose_rotvecs=pose, shape_betas=betas, trans=transl)
    np.testing.assert_allclose(out["vertices"].numpy(), free.vertices(*motion, dtype=np.float64), atol=TOLERANCE)
    np.testing.assert_allclose(out["joints"].numpy(), free.joints(*motion), atol=TOLERANCE)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_our_reader_takes_it_back(free: BodyModel, layout: str, tmp_path: Path) -> None:
    back = load_body(write_layout(free, layout, tmp_path)[0])
    np.testing.assert_array_equal(back.v_template, free.v_template)
    np.testing.assert_array_equal(back.shapedirs, free.shapedirs)
    np.testing.assert_array_equal(back.faces, free.faces)
    np.testing.assert_allclose(back.J_template, free.J_template, atol=1e-12)
    assert back.posedirs is None


def test_pose_blend_shapes_are_written(file_body: BodyModel) -> None:
    np.testing.assert_array_equal(smpl_dict(file_body)["posedirs"], file_body.posedirs)


def test_the_pickle_opens_without_kinema_and_with_old_numpy(free: BodyModel, tmp_path: Path) -> None:
    [path] = write_layout(free, "smplx", tmp_path)
    names = {arg for op, arg, _ in pickletools.genops(path.read_bytes()) if op.name == "GLOBAL"}
    assert names == {"numpy.core.multiarray _reconstruct", "numpy ndarray", "numpy dtype"}
    with path.open("rb") as file:
        data = pickle.load(file, encoding="latin1")
    assert data["kintree_table"][0, 0] == 2**32 - 1
    assert max(SMPL_NUMBERS.values()) < len(data["v_template"])


def test_unknown_layout(free: BodyModel, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="known: smplx, smplfitter"):
        write_layout(free, "blender", tmp_path)


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tuple(LAYOUTS) == OFFERED
    assert main(["body", "export", "--layout", "smplfitter", "--out", str(tmp_path), "--json"]) == 0
    paths = [Path(p) for p in json.loads(capsys.readouterr().out)]
    assert [p.name for p in paths] == ["basicmodel_neutral_lbs_10_207_0_v1.1.0.pkl", "kid_template.npy"]
    assert all(p.is_file() for p in paths)


def test_the_command_says_why_it_cannot_write(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert main(["body", "export", "--layout", "smplx", "--out", str(tmp_path / "file")]) == 3
    assert "is not a folder" in capsys.readouterr().err
