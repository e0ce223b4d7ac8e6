"""PARE, NLF and a stranger's estimator in one file and one row: occlusion, attention and comparisons work with all."""

from __future__ import annotations

import json
from dataclasses import replace

import av
import cv2
import numpy as np
import pytest

from kinema.__main__ import main
from kinema.errors import InputError, UsageError
from kinema.estimation.registry import ESTIMATORS
from kinema.estimation.single_images import open_estimator
from kinema.models.image_estimator import AttentiveEstimator, ImageSettings
from kinema.pipeline import occlusion
from kinema.skeleton import SMPL24
from kinema.tracking.registry import TRACKERS
from tests.helpers import nlf_samples, toys
from tests.helpers.fakes import write_clip
from tests.helpers.goldens import seeded_tensors
from tests.helpers.pare_samples import write_checkpoint
from tests.helpers.tiny_estimator import ATTENTIVE, TINY


@pytest.fixture(params=[TINY, ATTENTIVE], ids=["stages alone", "opened by itself"])
def registered(request):
    for registry, row in ((ESTIMATORS, request.param), (TRACKERS, toys.TRACKER)):
        registry.register(row)
    yield request.param
    for registry, row in ((ESTIMATORS, request.param), (TRACKERS, toys.TRACKER)):
        registry.unregister(row.name)


@pytest.fixture
def photo(tmp_path, monkeypatch):
    """A white picture with one person, whom nobody has to look for."""
    path = tmp_path / "photo.png"
    cv2.imwrite(str(path), np.full((120, 160, 3), 255, np.uint8))
    box = np.array([80.0, 60, 50, 50])
    monkeypatch.setattr(
        occlusion, "people_in_images", lambda files, *_: [(file, cv2.imread(str(file)), [box]) for file in files]
    )
    return path


def test_occlusion_of_a_strangers_estimator(registered, photo, tmp_path, capsys):
    """Only the left arm moves, and only where a patch covers the left half of the box: half of it, the arm falls by
    half. The patch is not black but of the mean colour, 0.45."""
    command = ["occlusion", str(photo), "--estimator", "tiny", "--patch", "128", "--out", str(tmp_path / "out")]
    assert main([*command, "--tiny-gain", "1.2", "--threads", "1"]) == 0
    assert "left_wrist" in capsys.readouterr().out
    out = tmp_path / "out"
    assert {path.name for path in out.iterdir()} >= {"photo_1_tiny.png", "photo_1_tiny.npz", "photo_1_tiny.mp4"}
    assert (out / "photo_1_tiny_attention.png").is_file() == (registered is ATTENTIVE)
    with np.load(out / "photo_1_tiny.npz") as file:
        heat = dict(zip(file["joints"].tolist(), np.moveaxis(file["mpjpe_heatmap"], -1, 0), strict=True))
        arms = file["reference"][[SMPL24.joints.index(f"left_{name}") for name in ("shoulder", "wrist")]]
    assert list(heat) == list(SMPL24.joints)
    assert heat["left_hip"].max() < 1e-9
    assert heat["right_wrist"].max() < 1e-9
    assert heat["left_wrist"][:, 1].max() < 1e-9
    # Covering half of the half lowers the arm by 1.2 rad times half of what is missing from white.
    turned = 1.2 * 0.5 * (1 - np.mean([0.485, 0.456, 0.406]))
    chord = 2 * np.sin(turned / 2) * np.linalg.norm(arms[1] - arms[0])
    np.testing.assert_allclose(heat["left_wrist"][:, 0], chord, rtol=0.05)


@pytest.mark.slow
def test_comparing_a_strangers_estimator(registered, tmp_path, monkeypatch, capsys):
    pytest.importorskip("matplotlib")
    monkeypatch.chdir(tmp_path)
    write_clip(tmp_path / "clip.mp4", frames=12)
    sides = [f"tiny --tracker toy-tracker --tiny-gain {gain}" for gain in (0, 1)]
    assert main(["compare", *sides, "--video", "clip.mp4", "--out", "apart"]) == 0
    assert "MPJPE" in capsys.readouterr().out
    (pair,) = json.loads((tmp_path / "apart" / "comparison.json").read_text())["pairs"]
    assert pair["joints"]["left_wrist"]["mpjpe_mm"] > 10
    assert pair["joints"]["left_knee"]["mpjpe_mm"] < 1
    assert (tmp_path / "apart" / "comparison.png").stat().st_size > 1000
    with av.open(str(tmp_path / "apart" / "comparison.mp4")) as video:
        assert sum(1 for _ in video.decode(video=0)) == 12


class Standing:
    """In the place of NLF's network: everybody as the body is in its rest pose, upside down as cameras see, 4 m away; a
    decimetre to the right where crops have several variants."""

    device, sha256 = "cpu", ""

    def __init__(self, weights, points, **_):
        self.points = points

    def cropped(self, image, boxes, lens, settings):
        return [self.points * [1, -1, -1] + [0.1 * (settings.variants > 1), 0, 4] for _ in boxes]

    def located(self, people):
        return np.stack(people), np.full((len(people), len(self.points)), 0.02)


@pytest.mark.golden
@pytest.mark.slow
@pytest.mark.torch
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("other", ["tiny", "nlf", "pare"])
def test_comparing_with_nlf(other, tmp_path, monkeypatch, capsys):
    """NLF, with an oracle for a network, beside a stranger's estimator, itself with other settings, and PARE with
    weights that nobody trained."""
    torch = pytest.importorskip("torch")
    monkeypatch.chdir(tmp_path)
    write_clip(tmp_path / "clip.mp4", frames=6)
    weights = nlf_samples.write_program(tmp_path / "nlf.torchscript", tensors=nlf_samples.narrow_network(monkeypatch))
    monkeypatch.setattr("kinema.estimation.nlf_people.NlfEstimator", Standing)
    command = ["compare", "nlf --tracker toy-tracker", f"{other} --tracker toy-tracker", "--nlf", str(weights)]
    if other == "nlf":
        command[2] += " --num-aug 2"
    if other == "pare":
        command += ["--checkpoint", "pare.ckpt", "--people", "1:1"]
        tensors = {name: torch.from_numpy(np.asarray(v)) for name, v in seeded_tensors("pare/manifest.json").items()}
        write_checkpoint(tmp_path / "pare.ckpt", tensors)
    for registry, row in ((ESTIMATORS, TINY), (TRACKERS, toys.TRACKER)):
        registry.register(row)
    try:
        assert main([*command, "--video", "clip.mp4", "--out", "apart"]) == 0, capsys.readouterr().err
    finally:
        for registry, row in ((ESTIMATORS, TINY), (TRACKERS, toys.TRACKER)):
            registry.unregister(row.name)
    (pair,) = json.loads((tmp_path / "apart" / "comparison.json").read_text())["pairs"]
    if other == "nlf":
        assert pair["apart"]["root_mm"] == pytest.approx(100, abs=1)
        assert pair["apart"]["mpjpe_mm"] < 1
    with av.open(str(tmp_path / "apart" / "comparison.mp4")) as video:
        assert sum(1 for _ in video.decode(video=0)) == 6


def test_what_single_images_cannot_give():
    """An estimator that needs keypoints, one without joints, and one that loses people under a patch say so."""
    shared = ImageSettings()
    with pytest.raises(UsageError, match="toy-estimator works from keypoints, which a covered image does not have"):
        open_estimator(toys.ESTIMATOR, {}, shared)
    (stage,) = TINY.stages
    blind = replace(TINY, stages=(replace(stage, fills=("camera",)),))
    with pytest.raises(UsageError, match="tiny has no stage that fills joints or poses"):
        open_estimator(blind, {}, shared)
    forgetful = replace(TINY, stages=(replace(stage, run=lambda motion, context, options: motion),))
    with pytest.raises(InputError, match="tiny finds nobody in 2 of 2 covered images; use a smaller patch"):
        open_estimator(forgetful, {}, shared).estimate(np.zeros((2, 256, 256, 3), np.float32))


def test_poses_without_joints_are_enough_and_people_do_not_mix():
    """Each crop is another person's: a stage that gives everybody the mean of their own frames changes nothing."""
    (stage,) = TINY.stages

    def posed(motion, context, options):
        found = stage.run(motion, context, options)
        still = [p.replace(pose=np.tile(p.pose.mean(axis=0), (len(p), 1)), joints=None) for p in found]
        return found.replace(people=tuple(still))

    crops = np.stack([np.full((256, 256, 3), shade, np.float32) for shade in (0.0, 0.4, 1.0)])
    plain = open_estimator(TINY, {}, ImageSettings()).estimate(crops)
    again = open_estimator(replace(TINY, stages=(replace(stage, run=posed),)), {}, ImageSettings())
    np.testing.assert_allclose(again.estimate(crops), plain, atol=1e-9)
    wrist = SMPL24.joints.index("left_wrist")
    assert plain[0, wrist, 1] > plain[1, wrist, 1] + 0.1 > plain[2, wrist, 1] + 0.2  # up is -y
    assert not isinstance(again, AttentiveEstimator)
