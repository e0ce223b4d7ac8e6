"""`kinema lift`: motion from a file of keypoints, the authors' own arrays, and what it refuses in a sentence."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from kinema.__main__ import main
from kinema.formats import load_motion
from kinema.models.pstmo.sizes import PSTMOSizes
from kinema.models.videopose3d.sizes import VideoPose3DSizes
from tests.helpers.goldens import recording, seeded_tensors
from tests.helpers.keypoint_files import alphapose_file, projected
from tests.helpers.lifters import random_tensors
from tests.helpers.recorded_refiners import assert_close

FRAMES = 6


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def points(truth) -> np.ndarray:
    """(F, 17, 3) somebody's keypoints in COCO's order, in pictures of 640x480."""
    return projected(truth, "coco17")[0][:FRAMES]


def checkpoint(name: str, sizes: VideoPose3DSizes | PSTMOSizes, **changed: np.ndarray) -> str:
    np.savez(name, **(random_tensors(sizes) | changed))
    return name


VIDEOPOSE3D, PSTMO = VideoPose3DSizes(17, 17, 8, (3, 3)), PSTMOSizes(9, width=16, inner=16, spatial=16, layers=1)


def lift(capsys, *arguments: object) -> tuple[int, str, str]:
    """Exit code and what is printed, on both streams."""
    code = main(["lift", *map(str, arguments)])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def test_everybody_in_the_file_becomes_motion(points, capsys):
    apart = points + [60, 0, 0]
    file = alphapose_file(Path("two.json"), [points, apart])
    network = checkpoint("small_coco.npz", VIDEOPOSE3D)
    code, out, _ = lift(
        capsys, file, "--size", "640x480", "--fps", "10", "--lifter", "videopose3d", "--lifter-checkpoint", network
    )
    assert (code, out) == (0, f"person 1: {FRAMES} frames, person 2: {FRAMES} frames\ntwo_lifted.pkl\n")
    motion = load_motion("two_lifted.pkl")
    assert motion.fps == pytest.approx(10)
    for person, given in zip(motion, (points, apart), strict=True):
        np.testing.assert_allclose(person.keypoints, given[..., :2], atol=1e-9)
        assert np.isfinite(person.pose_world).all()


def test_one_frame_is_lifted(points, capsys):
    file = alphapose_file(Path("one.json"), [points[:1]])
    assert lift(capsys, file, "--size", "640x480", "--quiet") == (0, "", "")
    assert len(load_motion("one_lifted.pkl").people[0]) == 1


@pytest.mark.golden
def test_parity_writes_what_the_authors_program_computes(capsys):
    """From the file of keypoints and the checkpoint to both of its arrays, to 1e-5 of the largest value (float32)."""
    golden = recording("pstmo/golden_pipeline.npz")
    np.savez("keypoints.npz", kpts=golden["itw.kpts_px"])
    np.savez("s_in_the_wild.npz", **seeded_tensors("pstmo/manifest_stmo_s_243.json"))
    code, _, _ = lift(
        capsys, "keypoints.npz", "--lifter", "pstmo", "--lifter-checkpoint", "s_in_the_wild.npz", "--parity"
    )
    assert code == 0
    assert_close(np.load("keypoints_lifted.npy"), golden["itw.pred_camera"])
    assert_close(np.load("keypoints_lifted_world.npy"), golden["itw.pred_world"])


def cut_json(file: Path) -> None:
    file.write_text(file.read_text()[:500])


def without_a_number(file: Path) -> None:
    rows = json.loads(file.read_text())
    rows[0]["keypoints"].pop()
    file.write_text(json.dumps(rows))


def fewer_joints(file: Path) -> None:
    rows = json.loads(file.read_text())
    file.write_text(json.dumps([row | {"keypoints": row["keypoints"][:48]} for row in rows]))


def nothing_but_nan(file: Path) -> None:
    rows = json.loads(file.read_text())
    file.write_text(json.dumps([row | {"keypoints": [float("nan")] * 51} for row in rows]))


FILES = {
    "truncated": (cut_json, "is not a complete JSON file"),
    "empty": (lambda file: file.write_text(""), "is empty"),
    "nobody": (lambda file: file.write_text("[]"), "holds no pose"),
    "odd": (without_a_number, "a pose that is not x, y and confidence of each joint"),
    "another skeleton": (fewer_joints, "has 16 joints, of which Kinema knows no order; it knows 17 (coco17)"),
    "NaN": (nothing_but_nan, "shows nobody well enough to fit a body"),
    "missing": (lambda file: file.unlink(), "does not exist"),
}


@pytest.mark.parametrize("name", FILES)
def test_files_that_cannot_be_lifted(name, points, capsys):
    spoil, sentence = FILES[name]
    file = alphapose_file(Path("poses.json"), [points])
    spoil(file)
    code, out, err = lift(capsys, file, "--size", "640x480", "--quiet")
    assert (code, out) == (3, "")
    assert err.startswith("kinema: ")
    assert err.count("\n") == 1
    assert sentence in err
    assert not Path("poses_lifted.pkl").exists()


def truncated_weights() -> str:
    whole = Path(checkpoint("whole_coco.npz", VIDEOPOSE3D)).read_bytes()
    Path("cut_coco.npz").write_bytes(whole[: len(whole) // 2])
    return "cut_coco.npz"


CHECKPOINTS = {
    "another network": (lambda: checkpoint("wild.npz", PSTMO), "is not a VideoPose3D checkpoint"),
    "truncated": (truncated_weights, "cut_coco.npz is corrupt"),
    "not finite": (
        lambda: checkpoint("coco.npz", VIDEOPOSE3D, **{"shrink.bias": np.full(51, np.nan)}),
        "holds a weight that is not finite in 'shrink.bias'",
    ),
    "the root alone": (lambda: checkpoint("coco.npz", VideoPose3DSizes(17, 1, 8, (3, 3))), "is a trajectory model"),
    "other joints": (lambda: checkpoint("coco.npz", VideoPose3DSizes(16, 17, 8, (3, 3))), "takes 16 joints"),
    "missing": (lambda: "none_coco.npz", "there is no checkpoint none_coco.npz"),
}


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_checkpoints_that_are_refused(name, points, capsys):
    make, sentence = CHECKPOINTS[name]
    file = alphapose_file(Path("poses.json"), [points])
    code, _, err = lift(
        capsys, file, "--size", "640x480", "--lifter", "videopose3d", "--lifter-checkpoint", make(), "--quiet"
    )
    assert code == 3
    assert err.startswith("kinema: ")
    assert err.count("\n") == 1
    assert sentence in err


def test_settings_that_do_not_go_together(points, capsys):
    file = alphapose_file(Path("poses.json"), [points])
    for arguments, exit_code, sentence in (
        ((), 3, "does not store the video's size, which lifting needs; give it with --size"),
        (("--size", "100x100"), 3, "far beyond images of 100x100"),
        (("--size", "640x480", "--lifter", "gast"), 2, "unknown lifter 'gast'; known: own, videopose3d, pstmo"),
        (("--size", "640x480", "--lifter", "pstmo"), 2, "pstmo needs its checkpoint"),
        (("--size", "640x480", "--fps", "0"), 2, "the frame rate must be a number between"),
        (("--size", "640x480", "--tracker", "none"), 2, "unknown tracker"),
        (("--size", "640x480", "--out", "poses.json"), 2, "would overwrite the input"),
    ):
        code, _, err = lift(capsys, file, *arguments, "--quiet")
        assert code == exit_code, err
        assert err.count("\n") == 1
        assert sentence in err
