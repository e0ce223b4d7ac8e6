"""NLF on several people: crops, variants, merging, plausibility and the detector against the authors' code's outputs.

The recordings' tolerances: crops 1e-4, positions 2e-4 of the largest value, pixels 0.05. The virtual cameras are
recorded in single precision. Uncertainties have 1e-4 relative to the largest: those of single points that hang on the
last digits of a crop differ by up to 3e-4 of themselves.
"""

from __future__ import annotations

import numpy as np
import pytest

from kinema.errors import ShapeError
from kinema.geometry.camera import project
from tests.helpers import nlf_samples
from tests.helpers.goldens import cases, each_case, recording

torch = pytest.importorskip("torch")

from kinema.models.nlf.detector import SIDE, Detecting, detect, quarter_turns, suppressed  # noqa: E402
from kinema.models.nlf.facts import SIZES  # noqa: E402
from kinema.models.nlf.merging import geometric_median, merged  # noqa: E402
from kinema.models.nlf.network import CropModel  # noqa: E402
from kinema.models.nlf.plausibility import fills_box, is_sure, plausible, similarity  # noqa: E402
from kinema.models.nlf.torch_run import CropSettings, NlfEstimator  # noqa: E402
from kinema.models.nlf.views import Augmentation, Lens, augmentations, distorted, sampling_grid, view_of  # noqa: E402

pytestmark = pytest.mark.torch

FILE = "nlf/multi/golden.npz"
MM = 1000.0
NEAREST = 0.5
"""Metres: what is nearer has no recorded pixel."""

SETTINGS = {"5": {"antialias": 2}, "1w": {"white": True, "antialias": 2}}
"""What the runs have beside the number of variants in their names."""


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    return recording(FILE)


@pytest.fixture(scope="module")
def estimator(golden) -> NlfEstimator:
    low, high, eigenvalues = nlf_samples.volume_arrays()
    assert len(eigenvalues) > 1
    assert (high > low).all()
    name = nlf_samples.eigenvalue_case()
    fresh = CropModel.from_tensors(nlf_samples.model(name).state_dict(), nlf_samples.volume())
    return NlfEstimator(fresh, golden["canonical_points"], halves=True, device="cpu", threads=1)


def lenses(golden) -> list[Lens]:
    rows = zip(golden["intrinsics"], golden["distortion"], golden["extrinsics"], strict=True)
    return [Lens(k.astype(float), d.astype(float), e[:3, :3] @ golden["world_up"]) for k, d, e in rows]


def boxes_of(golden) -> list[np.ndarray]:
    return np.split(golden["boxes_xywh"], np.cumsum(golden["boxes_per_image"])[:-1])


def recorded_runs(golden) -> list[tuple[str, tuple[int, str]]]:
    """Names and settings of the recorded runs, those of fewest variants first."""
    return sorted((f"a{run[0]}{run[1]}", run) for run in cases(golden, r"a(\d+)(\w*)_poses3d"))


@pytest.mark.golden
@pytest.mark.slow
@each_case("variants,more", FILE, r"a(\d+)(\w*)_poses3d")
def test_people_in_pictures(golden, estimator, variants, more):
    run = f"a{variants}{more}"
    settings = CropSettings(variants, **SETTINGS.get(f"{variants}{more}", {}))
    people, world, pixels = [], [], []
    uncertainties = []
    for number, (lens, boxes) in enumerate(zip(lenses(golden), boxes_of(golden), strict=True)):
        here = estimator.cropped(golden["image_u8"][number].transpose(1, 2, 0), boxes, lens, settings)
        poses, spread = estimator.located(here)
        people += here
        uncertainties += list(spread)
        turn, shift = golden["extrinsics"][number, :3, :3], golden["extrinsics"][number, :3, 3]
        world += list((poses * MM - shift) @ turn)
        seen = project(poses, lens.intrinsics, lens.distortion)
        pixels += list(np.where(poses[..., 2:] < NEAREST, np.nan, seen))
    crops = torch.stack([person.crops for person in people], dim=1).numpy()
    recorded = golden[f"{run}_crops"]
    np.testing.assert_allclose(crops[..., 5::25, 5::25], recorded, atol=1e-4)
    for name, key in (("intrinsics", "crop_K"), ("rotation", "crop_R")):
        found = np.stack([[getattr(view, name) for view in person.views] for person in people], axis=1)
        np.testing.assert_allclose(found, golden[f"{run}_{key}"], rtol=1e-5, atol=1e-5)
    recorded = golden[f"{run}_poses3d"]
    np.testing.assert_allclose(world, recorded, rtol=0, atol=2e-4 * np.abs(recorded).max())
    recorded = golden[f"{run}_uncertainties"]
    np.testing.assert_allclose(uncertainties, recorded, rtol=0, atol=1e-4 * recorded.max())
    np.testing.assert_allclose(uncertainties, recorded, rtol=1e-3)
    np.testing.assert_array_equal(np.isnan(pixels), np.isnan(golden[f"{run}_poses2d"]))

    np.testing.assert_allclose(pixels, golden[f"{run}_poses2d"], atol=0.05)


@pytest.mark.golden
def test_a_gamma_decoded_twice(golden, estimator):
    """As the original's `detect_*` do: what is recorded of a picture is what a picture with the gamma encoded once more
    gives, within the recording's tolerance; and of an even grey both are known: crops are grey ** gamma, with the gamma
    of the variant, and grey ** (2.2 * gamma)."""
    name, (variants, more) = next((name, run) for name, run in recorded_runs(golden) if not run[1])
    lens, boxes = lenses(golden)[0], boxes_of(golden)[0]
    picture = golden["image_u8"][0].transpose(1, 2, 0)
    settings = CropSettings(variants, **SETTINGS.get(f"{variants}{more}", {}), decodings=2)
    encoded = (picture / np.float32(255)) ** np.float32(1 / 2.2)
    found = torch.stack([person.crops for person in estimator.cropped(encoded, boxes, lens, settings)], dim=1)
    recorded = golden[f"{name}_crops"][:, : len(boxes)]
    np.testing.assert_allclose(found[..., 5::25, 5::25], recorded, atol=1e-4)

    grey = np.full((90, 160, 3), 77, np.uint8)
    lens = Lens(np.array([[150.0, 0, 80], [0, 150, 45], [0, 0, 1]]))
    for decodings, exponent in ((1, 0.8), (2, 2.2 * 0.8)):
        (person,) = estimator.cropped(grey, np.array([[70.0, 35, 20, 20]]), lens, CropSettings(decodings=decodings))
        middle = person.crops[0, :, 100:150, 100:150]
        np.testing.assert_allclose(middle, (77 / 255) ** exponent, atol=1e-5)


@pytest.mark.golden
def test_plausible_poses(golden):
    poses, pixels = golden["pl_poses3d"] / MM, golden["pl_poses2d"]
    boxes, uncertainty = golden["pl_boxes"], golden["pl_uncertainty"]
    np.testing.assert_array_equal(is_sure(uncertainty), golden["pl_low"])
    np.testing.assert_array_equal(fills_box(pixels, boxes), golden["pl_in_box"])
    np.testing.assert_allclose(similarity(poses), golden["pl_similarity"], atol=1e-5)
    kept = plausible(poses, pixels, uncertainty, boxes)
    np.testing.assert_array_equal(boxes[kept], golden["pl_kept_boxes"])


DETECTING = {
    "flip": {"flip": True},
    "both": {"both_flips": True, "threshold": 0.4, "overlap": 0.5},
    "rot": {"most": 4},
}
"""What the recorded runs have beside threshold 0.15 and overlap 0.8."""


@pytest.mark.golden
@each_case("run", FILE, r"det_(\w+)_count")
def test_the_detector(golden, run):
    """Inputs within rounding of single precision, boxes within 0.001 pixels."""
    options = Detecting(**{"threshold": 0.15, "overlap": 0.8, **DETECTING.get(run, {})})
    up = np.array([1.0, 0, 0]) if run == "rot" else golden["world_up"]
    extra = [golden[key] for key in sorted(golden) if key.startswith(f"det_{run}_in") and key[-1].isdecimal()]
    seen = []

    def network(pictures):
        seen.append(pictures.numpy())
        return golden["det_raw"][: len(pictures)]

    images = [image.transpose(1, 2, 0) for image in golden["image_u8"]]
    found = detect(network, images, [each[:3, :3] @ up for each in golden["extrinsics"]], options, extra or None)
    recorded = golden[f"det_{run}_input"]
    step = SIDE // recorded.shape[-1]
    np.testing.assert_allclose(seen[0][..., 7::step, 7::step], recorded, atol=1e-6)
    np.testing.assert_array_equal([len(boxes) for boxes in found], golden[f"det_{run}_count"])
    np.testing.assert_allclose(np.concatenate(found), golden[f"det_{run}_boxes"], atol=1e-3)


def test_variants_are_those_of_the_original():
    assert augmentations(1) == (Augmentation(),)
    found = augmentations(5)
    np.testing.assert_allclose([each.gamma for each in found], [0.6, 0.7, 0.8, 0.9, 1.0])
    np.testing.assert_allclose([each.zoom for each in found], [0.8, 0.9, 1.0, 1.05, 1.1])
    assert [each.flipped for each in found] == [False, True, False, True, False]
    with pytest.raises(ShapeError, match="at least one variant"):
        augmentations(0)


def test_a_box_without_size_is_refused():
    lens = Lens(np.array([[300.0, 0, 160], [0, 300, 90], [0, 0, 1]]))
    for box in ([10, 10, 0, 5], [np.nan, 0, 5, 5], [0, 0, 5, -1]):
        with pytest.raises(ShapeError, match="a box must have a positive, finite size"):
            view_of(np.array(box, float), lens, 256, Augmentation())


def test_a_crop_shows_the_box_upright():
    """The corners of the crop's square lie on the circle of the box, its middle at the box's middle; a camera that
    lies on its side is set upright; a bent lens is followed."""
    up = np.array([1.0, 0.0, 0.0])
    lens = Lens(np.array([[900.0, 0, 640], [0, 900, 360], [0, 0, 1]]), np.array([0.1, -0.05, 0, 0, 0.01]), up)
    box = np.array([200.0, 300, 80, 160])
    grid = sampling_grid(view_of(box, lens, 256, Augmentation()), lens, 256)
    np.testing.assert_allclose(grid[127:129, 127:129].mean((0, 1)), [240, 380], atol=0.5)
    upwards = grid[0, 128] - grid[255, 128]
    assert upwards[0] > 150
    assert abs(upwards[1]) < 5


def test_distortion_is_opencvs():
    plane = np.random.default_rng(0).uniform(-0.4, 0.4, (50, 2))
    for count in (4, 5, 8, 12):
        coefficients = np.random.default_rng(count).normal(size=count) * 0.05
        points = np.concatenate([plane, np.ones((50, 1))], axis=1)
        import cv2

        expected, _ = cv2.projectPoints(points, np.zeros(3), np.zeros(3), np.eye(3), coefficients)
        np.testing.assert_allclose(distorted(plane, coefficients), expected[:, 0], atol=1e-12)


def test_merging_ignores_an_outlier_and_one_variant_is_itself():
    rng = np.random.default_rng(1)
    pose = rng.normal(size=(30, 3)) * 0.4 + [0, 0, 3]
    poses = np.stack([pose + rng.normal(size=pose.shape) * 0.005 for _ in range(5)])
    poses[2, 7] += 1.0
    sure = np.full((5, 30), 0.02)
    found, uncertainty = merged(poses, sure)
    # An equal mean would be 200 mm off there.
    assert np.linalg.norm(found - pose, axis=1).max() < 0.03
    np.testing.assert_allclose(uncertainty, 0.02)
    np.testing.assert_array_equal(merged(poses[:1], sure[:1])[0], poses[0])
    middle, _ = geometric_median(np.array([[0.0, 0, 0], [0, 0, 0], [1, 0, 0]]), np.ones(3))
    assert np.linalg.norm(middle) < 0.1


def test_suppression_and_upright_turns():
    boxes = np.array([[0, 0, 10, 10, 0.5], [1, 0, 10, 10, 0.9], [30, 30, 5, 5, 0.2]], float)
    np.testing.assert_array_equal(suppressed(boxes, 0.5), [1, 2])
    np.testing.assert_array_equal(suppressed(boxes[:0], 0.5), np.zeros(0))
    assert [quarter_turns(np.array(up)) for up in ((0, -1, 0), (1, 0, 0), (0, 1, 0), (-1, 0, 0))] == [0, 1, 2, 3]


@pytest.mark.golden
def test_no_people_and_wrong_crops(golden, estimator):
    lens = lenses(golden)[0]
    image = golden["image_u8"][0].transpose(1, 2, 0)
    people = estimator.cropped(image, np.zeros((0, 4)), lens, CropSettings())
    poses, spread = estimator.located(people)
    assert poses.shape == (0, len(golden["canonical_points"]), 3)
    assert spread.shape == poses.shape[:2]
    with pytest.raises(ShapeError, match="NLF takes crops"):
        estimator(torch.zeros(1, 3, 64, 64), np.eye(3)[None], np.zeros(1, bool))


def test_of_a_4k_picture_only_the_person_is_read():
    """A crop of a small person in a picture of 3840 x 2160 is that of the same person cut out of it, and uses the
    memory of the part, not of the picture."""
    import tracemalloc

    from kinema.models.nlf.crops import crops_of

    rng = np.random.default_rng(2)
    side = SIZES["s"].side
    image = np.zeros((2160, 3840, 3), np.uint8)
    image[1000:1400, 2000:2300] = rng.integers(0, 256, (400, 300, 3))
    lens = Lens(np.array([[3000.0, 0, 1919.5], [0, 3000, 1079.5], [0, 0, 1]]))
    box = np.array([2050.0, 1050, 200, 300])
    views = [view_of(box, lens, side, each) for each in augmentations(2)]
    tracemalloc.start()
    whole = crops_of(image, views, lens, side)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 30e6
    cut = Lens(lens.intrinsics - np.array([[0, 0, 1000.0], [0, 0, 800.0], [0, 0, 0]]))
    again = crops_of(np.ascontiguousarray(image[800:1700, 1000:2600]), views, cut, side)
    np.testing.assert_allclose(whole, again, atol=1e-4)


@pytest.mark.golden
def test_the_recording_has_the_kinds_of_runs_that_these_tests_are_about(golden):
    runs = cases(golden, r"a(\d+)(\w*)_poses3d")
    assert {variants for variants, _ in runs} >= {1}
    assert any(variants > 1 for variants, _ in runs)
    assert "rot" in cases(golden, r"det_(\w+)_count")
