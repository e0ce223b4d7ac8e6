"""PARE in the run: placed bodies, the fit that refines them, and a real clip from file to overlay."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

import kinema
from kinema.__main__ import main
from kinema.body import load_body
from kinema.errors import InputError, UsageError, WeightsError
from kinema.estimation import FitOptions, fit_body
from kinema.geometry.camera import project
from kinema.geometry.rotations import axis_angle_to_matrix, geodesic_angle
from kinema.metrics import mpjpe
from kinema.models.pare.crops import square_boxes
from kinema.models.pare.options import PareOptions
from kinema.models.pare.regression import regress_people, whole_boxes
from kinema.models.pare.torch_run import Regressed
from kinema.motion import Motion
from kinema.person import Person
from kinema.pipeline import RunOptions
from kinema.pipeline.stages import chain
from kinema.synthetic import procedural_motion, studio_camera
from kinema.tracking.registry import TRACKERS
from tests.helpers import toys
from tests.helpers.black_frames import BlackFrames
from tests.helpers.fakes import write_clip

SIZE = (640, 480)
FRAMES = 24
NOISE = np.radians(8)


class Oracle:
    """Replaces the network: the truth as seen by its crop, with noise, in the order of the crops."""

    device, sha256 = "cpu", "0" * 64

    def __init__(self, answers: Regressed) -> None:
        self.answers, self.next = answers, 0
        self.path = SimpleNamespace(name="oracle.ckpt")
        self.sizes: list[int] = []

    def __call__(self, crops: np.ndarray) -> Regressed:
        rows = slice(self.next, self.next + len(crops))
        self.next += len(crops)
        self.sizes.append(len(crops))
        return Regressed(self.answers.rotations[rows], self.answers.betas[rows], self.answers.camera[rows])


@pytest.fixture(scope="module")
def truth() -> Motion:
    """A person of the free body's mean shape who walks at the side of a wide-angle view, 2D landmarks included."""
    whole = procedural_motion(load_body(), "rounds", fps=10, camera=studio_camera(*SIZE))
    rows = np.arange(FRAMES)
    return whole.replace(times=whole.times[rows], people=tuple(person.select(rows) for person in whole))


@pytest.fixture(scope="module")
def scene(truth):
    """The tracked motion (boxes, landmarks; no body) and an ideal network's output for its crops."""
    body, person, camera = load_body(), truth.people[0], truth.camera
    pose, betas, transl = person.require("pose", "betas", "transl")
    points = body.posed_points("blazepose33", pose, betas, transl)
    pixels = project(points, camera.intrinsics)
    boxes = np.concatenate([pixels.min(axis=1) - 12, pixels.max(axis=1) + 12], axis=1)
    hips = points[:, [23, 24]].mean(axis=1, keepdims=True)
    tracked = Person(
        id=1, frames=person.frames, boxes=boxes, keypoint_set="blazepose33", keypoints=pixels,
        keypoint_confidence=np.full(pixels.shape[:2], 0.9), keypoints3d=points - hips,
    )  # fmt: skip
    squares = square_boxes(boxes)
    pelvis = body.joints(pose, betas, transl)[:, 0]
    still = body.rest_joints(betas)[:, 0]
    focal, centre = camera.intrinsics[0, 0], camera.intrinsics[:2, 2]
    scale = 2 * focal / (pelvis[:, 2] * squares[:, 2])
    shift = (project(pelvis, camera.intrinsics) - squares[:, :2]) * 2 / (squares[:, 2:3] * scale[:, None]) - still[
        :, :2
    ]
    ray = np.column_stack([(squares[:, :2] - centre) / focal, np.ones(len(squares))])
    ray /= np.linalg.norm(ray, axis=1, keepdims=True)
    axis = np.cross([0.0, 0.0, 1.0], ray)
    turn = axis_angle_to_matrix(axis / np.linalg.norm(axis, axis=1, keepdims=True) * np.arccos(ray[:, 2:]))
    rotations = axis_angle_to_matrix(pose.reshape(-1, 24, 3))
    rotations[:, 0] = turn.swapaxes(-1, -2) @ rotations[:, 0]
    answers = Regressed(rotations, np.zeros((len(pose), 10)), np.column_stack([scale, shift]))
    motion = Motion(truth.times, *SIZE, people=(tracked,), camera=camera.replace(rotation=None, translation=None))
    return motion, answers


def test_an_ideal_network_gives_the_truth(scene, truth) -> None:
    """Weak cameras and crops give back the exact body in front of the camera; batches are full."""
    motion, answers = scene
    oracle = Oracle(answers)
    found = regress_people(motion, BlackFrames(FRAMES, SIZE), load_body(), oracle, PareOptions(batch_size=7))
    person, true = found.people[0], truth.people[0]
    assert oracle.sizes == [7, 7, 7, 3]
    np.testing.assert_allclose(person.transl, true.transl, atol=1e-6)
    angle = geodesic_angle(
        axis_angle_to_matrix(person.pose.reshape(-1, 24, 3)), axis_angle_to_matrix(true.pose.reshape(-1, 24, 3))
    )
    assert angle.max() < 1e-5


def test_the_fit_refines_the_poses(scene, truth) -> None:
    """With 8 degrees of noise on every joint of every frame, the 2D keypoints remove most of it."""
    motion, answers = scene
    noise = np.random.default_rng(5).normal(0, NOISE / np.sqrt(3), (FRAMES, 24, 3))
    noisy = Regressed(answers.rotations @ axis_angle_to_matrix(noise), answers.betas, answers.camera)
    body = load_body()
    guess = regress_people(motion, BlackFrames(FRAMES, SIZE), body, Oracle(noisy))
    fitted = fit_body(guess, body, FitOptions(prior="estimate"))
    true = truth.people[0].joints
    before, after = (
        float(mpjpe(m.people[0].joints - m.people[0].joints[:, :1], true - true[:, :1]).mean()) for m in (guess, fitted)
    )
    assert after < 0.5 * before
    assert np.nanmean(fitted.people[0].reprojection_error) < 2.0


def test_boxes_that_are_missing_come_from_neighbours() -> None:
    boxes = np.array([[0.0, 0, 10, 20], [np.nan] * 4, [5, 5, 5, 9], [6, 6, 16, 26]])
    person = Person(id=1, frames=np.array([0, 1, 2, 3]), boxes=boxes)
    np.testing.assert_allclose(whole_boxes(person)[1:3], [[2, 2, 12, 22], [4, 4, 14, 24]])
    assert whole_boxes(Person(id=1, frames=np.arange(2), boxes=np.full((2, 4), np.nan))) is None
    assert whole_boxes(Person(id=1, frames=np.arange(2))) is None


def test_nobody_and_people_without_boxes(scene) -> None:
    motion, answers = scene
    nobody = regress_people(motion.replace(people=()), BlackFrames(3, SIZE), load_body(), Oracle(answers))
    assert nobody.people == ()
    bare = motion.replace(people=(Person(id=3, frames=np.arange(3)),))
    assert regress_people(bare, BlackFrames(3, SIZE), load_body(), Oracle(answers)).people[0].pose is None


def test_options(tmp_path, monkeypatch) -> None:
    with pytest.raises(UsageError, match="estimator"):
        RunOptions.of(estimator="openpose")
    with pytest.raises(UsageError, match="batch"):
        PareOptions(batch_size=0)
    with pytest.raises(UsageError, match="prior"):
        FitOptions(prior="dreams")
    import sys

    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(UsageError, match=r"kinema\[torch\]"):
        chain(RunOptions.of(estimator="pare"))


@pytest.mark.torch
@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        ({"backbone.conv1.weight": (64, 3, 7, 7)}, WeightsError, r"pare\.ckpt does not contain PARE's network"),
        (b"nothing of the kind", InputError, r"pare\.ckpt"),
    ],
)
def test_a_wrong_checkpoint_is_known_before_people_are_tracked(tmp_path, monkeypatch, content, error, message) -> None:
    torch = pytest.importorskip("torch")
    path = tmp_path / "pare.ckpt"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save({name: torch.zeros(shape) for name, shape in content.items()}, path)
    never = replace(toys.TRACKER.stage, run=lambda *_: pytest.fail("people were tracked"))
    monkeypatch.setitem(TRACKERS._rows, "toy-tracker", replace(toys.TRACKER, stage=never))
    clip = write_clip(tmp_path / "clip.mp4")
    with pytest.raises(error, match=message) as found:
        kinema.run(clip, tmp_path / "out", estimator="pare", checkpoint=path, tracker="toy-tracker")
    assert "\n" not in str(found.value)


@pytest.mark.slow
@pytest.mark.real
@pytest.mark.torch
@pytest.mark.usefixtures("networks")
def test_a_real_clip_from_file_to_overlay(data_dir, checkpoint, tmp_path, capsys) -> None:
    """With seeded weights the poses are meaningless, only the run itself is tested; 24 frames are two batches."""
    pytest.importorskip("torch")
    clip = data_dir / "videos" / "taiji_single_static.mp4"
    command = ["run", str(clip), "--estimator", "pare", "--checkpoint", str(checkpoint), "--out", str(tmp_path)]
    command += ["--time-range", "0-0.99", "--max-persons", "1", "--threads", "1", "--json"]
    assert main(command) == 0
    record = json.loads(capsys.readouterr().out)[0]
    assert record["summary"]["frames"] == 24
    assert set(record["files"]) >= {"pkl", "npz", "overlay", "validation"}
    stages = [stage["name"] for stage in record["stages"]]
    assert stages.index("regress") < stages.index("fit")
    assert any("free body stands in" in sentence for sentence in record["warnings"])
