"""NLF in the occlusion analysis: what it prepares and gives, and the command."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from tests.helpers import nlf_samples

pytestmark = [pytest.mark.golden, pytest.mark.torch]


@pytest.fixture
def weights(tmp_path, monkeypatch):
    pytest.importorskip("torch")
    return nlf_samples.write_program(tmp_path / "nlf.torchscript", tensors=nlf_samples.narrow_network(monkeypatch))


def test_joints_relative_to_the_hips(weights):
    """Those that the plain network reads in the same crop of the box."""
    torch = pytest.importorskip("torch")
    from kinema.body import load_body
    from kinema.models.nlf.images import NlfImages
    from kinema.models.nlf.point_network import localize
    from kinema.models.nlf.reading import read_crop_model
    from kinema.models.nlf.torch_run import NlfEstimator

    estimator = NlfImages(NlfEstimator(weights, load_body().J_template, device="cpu", threads=1))
    image = np.random.default_rng(0).integers(0, 256, (200, 300, 3), dtype=np.uint8)
    prepared = estimator.prepare(image, np.array([150.0, 100, 80, 160]))
    assert prepared.shape == (estimator.size, estimator.size, 3)
    assert estimator.to_image(prepared).dtype == np.uint8
    (found,) = estimator.estimate(prepared[None])
    model = read_crop_model(weights)
    with torch.inference_mode():
        read = model.weights_of(torch.from_numpy(load_body().J_template.astype(np.float32)))
        features = model(torch.from_numpy(prepared).permute(2, 0, 1)[None])
        (expected,) = localize(features, read, estimator.size).metric.numpy()
    # The network's fast form sums in another order.
    np.testing.assert_allclose(found, expected - expected[[1, 2]].mean(axis=0), atol=2e-5)
    assert list(estimator.weights) == [weights.name]


def test_the_heatmaps_are_those_that_the_points_are_read_from(weights):
    """Their mean place over the crop is the point's pixel, and the uncertainty is the point's."""
    torch = pytest.importorskip("torch")
    from kinema.body import load_body
    from kinema.models.nlf.images import NlfImages
    from kinema.models.nlf.point_network import localize
    from kinema.models.nlf.reading import read_crop_model
    from kinema.models.nlf.torch_run import NlfEstimator

    points = load_body().J_template
    estimator = NlfImages(NlfEstimator(weights, points, device="cpu", threads=1))
    prepared = np.random.default_rng(1).random((estimator.size, estimator.size, 3), dtype=np.float32)
    seen = estimator.attention(prepared)
    assert seen.maps.shape == (24, estimator.size // 32, estimator.size // 32)
    np.testing.assert_allclose(seen.maps.sum(axis=(1, 2)), 1, rtol=1e-5)
    cells = np.arange(estimator.size // 32) * 32 + 16
    places = np.stack([seen.maps.sum(axis=1) @ cells, seen.maps.sum(axis=2) @ cells], axis=1)
    model = read_crop_model(weights)
    with torch.inference_mode():
        found = localize(
            model(torch.from_numpy(prepared).permute(2, 0, 1)[None]),
            model.weights_of(torch.from_numpy(points.astype(np.float32))),
            estimator.size,
        )
    np.testing.assert_allclose(places, found.pixels[0], atol=0.01)
    assert seen.notes == tuple(f"+- {3000 * each:.0f} mm" for each in found.uncertainty[0].tolist())


@pytest.mark.slow
@pytest.mark.usefixtures("networks")
def test_the_command(weights, tmp_path, monkeypatch, capsys):
    from kinema.__main__ import main
    from kinema.pipeline import occlusion

    monkeypatch.setattr(
        occlusion,
        "people_in_images",
        lambda files, *_: [(f, cv2.imread(str(f)), [np.array([80.0, 60, 60, 100])]) for f in files],
    )
    cv2.imwrite(str(tmp_path / "photo.png"), np.full((120, 160, 3), 90, np.uint8))
    command = ["occlusion", str(tmp_path / "photo.png"), "--estimator", "nlf", "--nlf", str(weights), "--no-video"]
    assert main([*command, "--patch", "128", "--out", str(tmp_path / "out"), "--threads", "1", "--quiet"]) == 0
    (row,) = json.loads((tmp_path / "out" / "occlusion.json").read_text())["results"]
    assert row["estimator"] == "nlf"
    sheet = cv2.imread(str(tmp_path / "out" / "photo_1_nlf_attention.png"))
    assert sheet.shape == (4 * (160 + 2 * 16), 6 * 160, 3)
    assert np.isfinite(row["mean_mm"])
