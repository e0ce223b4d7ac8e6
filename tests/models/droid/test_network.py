"""DROID-SLAM's networks against the recorded outputs of its authors' code, and the reading of its checkpoint."""

from __future__ import annotations

import numpy as np
import pytest

from kinema.errors import InputError, UsageError
from tests.helpers.goldens import recording, torch_tensors

torch = pytest.importorskip("torch")

from kinema.camera.slam.correlation import compared, products, pyramid  # noqa: E402
from kinema.models.droid.network import DroidNet, enlarged  # noqa: E402
from kinema.models.droid.torch_run import DroidRun  # noqa: E402

pytestmark = pytest.mark.torch

FILE, MANIFEST = "droid/golden.npz", "droid/manifest.json"

TOLERANCE = 1e-3
"""Of features and of the operator's outputs, as the recording states it; of correlations, of the largest."""


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    return recording(FILE)


@pytest.fixture(scope="module")
def net() -> DroidNet:
    return DroidNet.from_tensors(torch_tensors(MANIFEST))


@pytest.fixture(scope="module")
def encoded(golden, net):
    """Features, first states and contexts of the recording's pictures."""
    with torch.inference_mode():
        pictures = torch.from_numpy(golden["images_u8"])
        return net.features(pictures), *net.context(pictures)


def assert_near(found, expected, atol: float = TOLERANCE) -> None:
    np.testing.assert_allclose(np.asarray(found), expected, atol=atol, rtol=0)


@pytest.mark.golden
def test_encoders(golden, encoded):
    for name, values in zip(("fmaps", "net", "inp"), encoded, strict=True):
        step = values.shape[1] // golden[name].shape[1]
        assert_near(values[: len(golden[name]), ::step], golden[name])


@pytest.mark.golden
def test_correlation(golden, encoded):
    features = encoded[0]
    start, end = torch.from_numpy(golden["ii"]), torch.from_numpy(golden["jj"])
    levels = products(features[start], pyramid(features[end]))
    found = compared(levels, torch.from_numpy(golden["corr_coords"])[0])[::2, ::14]
    assert_near(found, golden["corr"], TOLERANCE * np.abs(golden["corr"]).max())


@pytest.mark.golden
def test_update_operator(golden, net, encoded):
    features, state, context = encoded
    start, end = torch.from_numpy(golden["ii"]), torch.from_numpy(golden["jj"])
    with torch.inference_mode():
        levels = products(features[start], pyramid(features[end]))
        found = compared(levels, torch.from_numpy(golden["corr_coords"])[0])
        out = net.update(state[start], context[start], found, torch.from_numpy(golden["motion"])[0], start)
        fine = enlarged(torch.from_numpy(golden["disps"])[: len(golden["disps_up"])], out.upmask[:2])
    assert_near(out.state[:, ::16], golden["upd_net"])
    assert_near(out.delta, golden["upd_delta"])
    assert_near(out.weight, golden["upd_weight"])
    assert_near(out.eta, golden["upd_eta"])
    assert_near(out.upmask[::2, ::36], golden["upd_upmask"])
    assert_near(fine[:, ::3, ::3], golden["disps_up"])


def test_correlation_is_bilinear_and_zero_outside():
    """Against sums over the pixels, at places inside, at the border and far outside."""
    rng = np.random.default_rng(3)
    first, second = (torch.from_numpy(rng.normal(size=(2, 5, 16, 24)).astype(np.float32)) for _ in range(2))
    places = torch.from_numpy(rng.uniform(-6, 30, (2, 16, 24, 2)).astype(np.float32))
    places[0, 0, 0], places[0, 0, 1] = torch.tensor([1e6, -1e6]), torch.tensor([23.0, 15.0])
    found = compared(products(first, pyramid(second)), places).view(2, 4, 7, 7, 16, 24)
    for level in range(4):
        halved = torch.nn.functional.avg_pool2d(second, 2**level) if level else second
        high, wide = halved.shape[2:]
        xs, ys = torch.arange(wide), torch.arange(high)
        for edge, row, column, dx, dy in ((0, 0, 0, 3, 3), (0, 0, 1, 0, 4), (1, 7, 9, 5, 1), (1, 15, 23, 2, 6)):
            x, y = (places[edge, row, column] / 2**level + torch.tensor([dx - 3.0, dy - 3.0])).tolist()
            near = (1 - (xs - x).abs()).clamp(min=0)[None] * (1 - (ys - y).abs()).clamp(min=0)[:, None]
            sampled = (halved[edge] * near).sum(dim=(1, 2))
            expected = float(sampled @ first[edge, :, row, column]) / 16
            assert float(found[edge, level, dx, dy, row, column]) == pytest.approx(expected, abs=1e-4)


def weights() -> dict:
    return DroidNet().state_dict()


@pytest.mark.parametrize("rows", [2, 3, 7])
def test_further_outputs_of_the_heads_are_not_used(rows):
    own = weights()
    wide = dict(own)
    for key in [each for each in own if each.startswith(("update.weight.2", "update.delta.2"))]:
        wide[key] = torch.cat([own[key], torch.ones(rows - 2, *own[key].shape[1:])])
    read = DroidNet.from_tensors({f"module.{key}": value for key, value in wide.items()}).state_dict()
    assert all(torch.equal(read[key], own[key]) for key in own)


def test_another_networks_weights_are_refused():
    own = weights()
    with pytest.raises(InputError, match=r"w\.pth is not a DROID-SLAM checkpoint: .*gru.* is missing"):
        DroidNet.from_tensors({k: v for k, v in own.items() if ".gru.w." not in f".{k}"}, "w.pth")
    with pytest.raises(InputError, match="fewer than 2"):
        DroidNet.from_tensors(own | {"update.delta.2.weight": own["update.delta.2.weight"][:1]}, "w.pth")
    with pytest.raises(InputError, match="not finite"):
        DroidNet.from_tensors(own | {"fnet.conv1.bias": own["fnet.conv1.bias"] * np.nan}, "w.pth")


def test_the_fast_form_computes_the_same():
    """Within rounding, of edges of several frames in any order; sums are in another order, and patches transformed."""
    torch.manual_seed(0)
    net = DroidNet().eval()
    for value in net.update.parameters():
        value.data = torch.randn_like(value) * (0.02 if value.ndim < 2 else value[0].numel() ** -0.5)
    state, motion = torch.randn(5, 128, 9, 14).tanh(), torch.randn(5, 4, 9, 14) * 90
    contexts, found = torch.randn(3, 128, 9, 14).relu(), torch.randn(5, 196, 9, 14)
    group = torch.tensor([2, 0, 1, 0, 2])
    with torch.inference_mode():
        expected = net.update(state, contexts[group], found, motion, group)
        fast = DroidRun(net, (128, 160), device="cpu").look(state, contexts, found, motion, group, upmask=True)
    for name in ("state", "delta", "weight", "eta", "upmask"):
        torch.testing.assert_close(getattr(fast, name), getattr(expected, name), atol=2e-4, rtol=1e-3)


def test_a_gpu_that_is_not_there_is_said():
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(UsageError, match="no GPU"):
        DroidRun(DroidNet(), (128, 160), device="cuda")
