"""NLF's crop model against the recorded outputs of its authors' code, and the reading of its files.

The recordings' tolerances: pixels 0.01, relative positions 1e-4 m, uncertainties 1e-4 relative, positions 2e-4 of the
largest value, the reconstruction alone 1e-3 mm and 1e-5 relative. Features have no stated one: 1e-4 of the largest.
"""

from __future__ import annotations

import numpy as np
import pytest

from kinema.errors import InputError
from tests.helpers import nlf_samples
from tests.helpers.goldens import cases, each_case, goldens, recording, torch_tensors

torch = pytest.importorskip("torch")

from kinema.models.nlf.facts import IGNORED, SIZES  # noqa: E402
from kinema.models.nlf.network import CropModel  # noqa: E402
from kinema.models.nlf.point_network import Localized, localize  # noqa: E402
from kinema.models.nlf.reading import read_crop_model, read_volume  # noqa: E402
from kinema.models.nlf.reconstruction import reconstruct  # noqa: E402

pytestmark = pytest.mark.torch

MM = 1000.0


def tensor(array: np.ndarray):
    return torch.from_numpy(np.asarray(array))


def near(found, recorded, share: float) -> None:
    """Within a share of the largest recorded value."""
    recorded = np.asarray(recorded, np.float64)
    np.testing.assert_allclose(np.asarray(found, np.float64), recorded, rtol=0, atol=share * np.abs(recorded).max())


def every(found, recorded: np.ndarray):
    """The channels that are recorded: every so manyth."""
    step = -(-found.shape[1] // recorded.shape[1])
    return found[:, ::step]


def recorded_networks() -> list:
    """Every folder with a manifest; the case is skipped without the goldens."""
    try:
        return nlf_samples.sizes() or ["none"]
    except pytest.skip.Exception:
        return ["none"]


@pytest.fixture(params=recorded_networks(), scope="module")
def name(request) -> str:
    goldens()
    assert request.param != "none", "no folder of nlf has a manifest"
    return request.param


@pytest.mark.golden
@pytest.mark.slow
@torch.inference_mode()
def test_from_the_crop_to_positions(name):
    golden = recording(f"nlf/{name}/golden.npz")
    model = nlf_samples.model(name)
    side = model.size.side
    crops = tensor(golden["image_u8"]).float() / 255
    assert crops.shape[2:] == (side, side)
    weak = model.backbone(crops)
    features = model.heatmap_head.layer(weak)
    if "weak_features" in golden:
        near(every(weak, golden["weak_features"]), golden["weak_features"], 1e-4)
    near(every(features, golden["head_features"]), golden["head_features"], 1e-4)
    points = tensor(golden["canonical_points"])
    weights = model.weights_of(points)
    codes = model.codes_of(points)
    mirrored = torch.ones(len(features), dtype=torch.bool)
    whole, coded = (localize(features, each, side, mirrored) for each in (weights, codes))
    for what in ("pixels", "metric", "uncertainty"):  # the same sums in another order
        np.testing.assert_allclose(getattr(coded, what), getattr(whole, what), rtol=1e-4, atol=1e-4)
    found = localize(features, codes, side)
    np.testing.assert_allclose(found.pixels, golden["coords2d"], atol=0.01)
    np.testing.assert_allclose(found.metric, golden["coords3d_rel"], atol=1e-4)
    if "uncertainty_raw" in golden:
        np.testing.assert_allclose(found.uncertainty, golden["uncertainty_raw"], rtol=1e-4)
    positions, uncertainty = reconstruct(found, tensor(golden["intrinsics"]), side)
    near(positions * MM, golden["poses3d_mm"], 2e-4)
    np.testing.assert_allclose(uncertainty, golden["uncertainty"], rtol=1e-4)
    for stem in flipped_cases(golden):
        again = localize(features, weights.rounded(), side, tensor(golden["flip"]))
        positions, uncertainty = reconstruct(again, tensor(golden["intrinsics"]), side)
        near(positions * MM, golden[f"poses3d_{stem}_mm"], 2e-4)
        # These weights are halves: one that lies between two of them goes the other way on another processor, 5e-4 off.
        np.testing.assert_allclose(uncertainty, golden[f"uncertainty_{stem}"], rtol=1e-3)


def flipped_cases(golden) -> list[str]:
    return cases(golden, r"poses3d_(\w+)_mm") if "flip" in golden else []


@pytest.mark.golden
@torch.inference_mode()
def test_the_weight_field():
    name = nlf_samples.eigenvalue_case()
    golden = recording(f"nlf/{name}/golden.npz")
    model = nlf_samples.model(name)
    field, points = model.heatmap_head.weight_field, tensor(golden["canonical_points"])
    near(every(field.gps_net(points, model.volume), golden["gps"]), golden["gps"], 1e-5)
    near(every(field(points, model.volume).flatten(1), golden["field_weights"]), golden["field_weights"], 1e-5)
    weights = model.weights_of(points)
    # The recorded weights are halves: a unit of their last place.
    for found, key in ((weights.weight, "w_tensor"), (weights.weight_flipped, "w_tensor_flipped")):
        step = found.shape[2] // golden[key].shape[2]
        np.testing.assert_allclose(found[:, :, ::step], golden[key].astype("f4"), rtol=2**-10, atol=2**-14)
    np.testing.assert_allclose(weights.bias, golden["b_tensor"].astype("f4"), rtol=2**-10, atol=2**-14)


@pytest.mark.golden
@each_case("stem", "nlf/s/golden.npz", r"(\w+)_coords3d_rel")
def test_the_reconstruction_alone(stem):
    golden = recording("nlf/s/golden.npz")
    found = Localized(*(tensor(golden[f"{stem}_{key}"]) for key in ("coords2d", "coords3d_rel", "uncertainty_raw")))
    positions, uncertainty = reconstruct(found, tensor(golden[f"{stem}_intrinsics"]), SIZES["s"].side)
    np.testing.assert_allclose(positions * MM, golden[f"{stem}_poses3d_mm"], atol=1e-3, rtol=1e-5)
    np.testing.assert_allclose(uncertainty, golden[f"{stem}_uncertainty"], rtol=1e-5)


def test_a_person_whose_points_are_known_is_found_where_it_is():
    """A cloud of points in front of a camera, seen without error, known up to its position: within 0.1 mm of 4 m."""
    rng = np.random.default_rng(0)
    points = torch.from_numpy(rng.normal(size=(2, 50, 3)) * 0.3 + [0.1, -0.2, 4.0])
    intrinsics = torch.tensor([[700.0, 0, 127.5], [0, 700, 127.5], [0, 0, 1]], dtype=torch.float64).repeat(2, 1, 1)
    pixels = points @ intrinsics.mT
    pixels = pixels[..., :2] / pixels[..., 2:]
    uncertainty = torch.full((2, 50), 0.02, dtype=torch.float64)
    uncertainty[1, ::3] = 0.5  # uncertain points do not count, so they may be anywhere
    pixels[1, ::3] += 40
    found, _ = reconstruct(Localized(pixels, points - points.mean(1, keepdim=True), uncertainty), intrinsics, 256)
    sure = uncertainty[1] < 0.3
    np.testing.assert_allclose(found[0], points[0], atol=2e-3)
    np.testing.assert_allclose(found[1][sure], points[1][sure], atol=2e-3)


@pytest.mark.golden
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_three_kinds_of_files_hold_one_network(tmp_path, monkeypatch):
    """The program's weights are halves, so they equal the state dict's within a half's last place."""
    tensors = nlf_samples.narrow_network(monkeypatch)
    low, high, eigenvalues = nlf_samples.volume_arrays()
    data = nlf_samples.write_data_files(tmp_path / "nlf_data_files.zip", np.zeros((3, 3)), np.zeros((2, 3)))
    plain = read_crop_model(nlf_samples.write_state_dict(tmp_path / "nlf_crop.pt", tensors))
    program = read_crop_model(nlf_samples.write_program(tmp_path / "nlf.torchscript", tensors=tensors))
    assert {value.dtype for value in program.state_dict().values()} <= {torch.float32, torch.int64}
    for key, value in plain.state_dict().items():
        np.testing.assert_allclose(program.state_dict()[key], value, rtol=2**-10, atol=2**-14)
    for model in (plain, program):
        np.testing.assert_array_equal(model.volume.low, low)
        np.testing.assert_array_equal(model.volume.high, high)
        np.testing.assert_allclose(model.volume.scales, eigenvalues[1:] ** -0.5, rtol=1e-6)
    other = tmp_path / "other.torchscript"
    lacking = nlf_samples.write_program(other, tensors=tensors, without="r_sqrt_eigva")
    with pytest.raises(InputError, match=r"other\.torchscript is not an NLF program: it lacks crop_model\.heatmap_he"):
        read_crop_model(lacking)
    whole = (tmp_path / "nlf.torchscript").read_bytes()
    for end in (100, len(whole) // 2, len(whole) - 10):
        lacking.write_bytes(whole[:end])
        with pytest.raises(InputError, match=r"other\.torchscript (is corrupt|contains no weights)"):
            read_crop_model(lacking)
    data.unlink()
    with pytest.raises(InputError, match=r"lacks the canonical body's volume, .* name it with `nlf_data`"):
        read_crop_model(tmp_path / "nlf_crop.pt")


@pytest.mark.golden
def test_gaps_and_strangers_are_named():
    name = nlf_samples.smallest()
    tensors = torch_tensors(f"nlf/{name}/manifest.json")
    CropModel.from_tensors(
        {f"module.{key}": value for key, value in tensors.items()} | dict.fromkeys(IGNORED, torch.ones(1))
    )
    key = "backbone.1.6.0.block.1.0.weight"
    with pytest.raises(InputError, match=rf"nlf\.pt is not a NLF-S checkpoint: '{key}' is missing"):
        CropModel.from_tensors({k: v for k, v in tensors.items() if k != key}, source="nlf.pt")
    with pytest.raises(InputError, match=r"has shape \(2,\), expected"):
        CropModel.from_tensors({**tensors, key: torch.ones(2)})
    with pytest.raises(InputError, match="not finite"):
        CropModel.from_tensors({**tensors, key: tensors[key] * np.nan})
    with pytest.raises(InputError, match=r"w\.pt is not an NLF checkpoint: 'backbone\.1\.0\.0\.weight' is missing"):
        CropModel.from_tensors({"w": torch.ones(1)}, source="w.pt")


def test_a_data_file_that_is_not_the_releases(tmp_path):
    path = tmp_path / "nlf_data_files.zip"
    path.write_bytes(b"PK")
    with pytest.raises(InputError, match="corrupt"):
        read_volume(path)
    np.savez(path.with_suffix(".npz"), canonical_nodes3=np.zeros((4, 3)), canonical_eigval3=np.ones(1025))
    with pytest.raises(InputError, match=r"canonical_nodes3\.npy is not NLF's"):
        read_volume(path.with_suffix(".npz"))
    np.savez(path.with_suffix(".npz"), canonical_nodes3=np.eye(3))
    with pytest.raises(InputError, match=r"it lacks canonical_eigval3\.npy"):
        read_volume(path.with_suffix(".npz"))
