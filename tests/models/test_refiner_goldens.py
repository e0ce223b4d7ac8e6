"""The recordings of SmoothNet and SynSP that lie between a network and a table: inner values, sequences, metrics."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from kinema import metrics
from kinema.geometry.rotations import (
    axis_angle_to_matrix,
    geodesic_angle,
    matrix_from_6d,
    matrix_to_6d,
    matrix_to_axis_angle,
)
from kinema.models.smoothnet.numpy_run import NumpySmoothNet
from kinema.models.synsp.onnx_run import OnnxSynSP
from kinema.models.synsp.sizes import cosines
from kinema.temporal.sequences import from_pixels, from_rotations, to_pixels, to_rotations
from kinema.temporal.windows import slide

pytestmark = pytest.mark.golden

SYNSPS = ("h36m_3d", "joints14_3d", "h36m_2d", "smpl6d")
TOLERANCE = 1e-5
"""Of the largest value: float32 sums in another order."""

LONG_TOLERANCE = {8: 1e-5, 16: 1e-5, 32: 5e-5, 64: 5e-5}
"""By frames: over long windows the recordings are up to 4.5e-5 from the float64 result, and so is any other order."""


def seeded(goldens_dir: Path, manifest: str) -> dict[str, np.ndarray]:
    spec = importlib.util.spec_from_file_location("goldens_seeded", goldens_dir / "seeded.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.state_dict(goldens_dir / manifest)


def input_of(golden, case: str) -> np.ndarray:
    rng = np.random.RandomState(int(golden[f"{case}.input_seed"]))
    return (rng.standard_normal(golden[f"{case}.input_shape"]) * golden[f"{case}.input_scale"]).astype(np.float32)


def assert_close(found: np.ndarray, expected: np.ndarray, tolerance: float = TOLERANCE) -> None:
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * np.abs(expected).max())


@pytest.mark.parametrize("case", SYNSPS)
def test_synsp_without_torch_computes_what_the_authors_compute(goldens_dir, case):
    golden = np.load(goldens_dir / "synsp" / "golden.npz")
    net = OnnxSynSP(seeded(goldens_dir, f"synsp/manifest_{case}.json"), case)
    assert_close(net(input_of(golden, f"{case}.single")), golden[f"{case}.single.out2"])
    if case == "h36m_3d":
        for window in (16, 32, 64):
            found = net(input_of(golden, f"{case}.w{window}"))
            assert_close(found, golden[f"{case}.w{window}.out2"], LONG_TOLERANCE[window])
        assert_close(slide(golden["seq.x"], 8, net), golden["seq.out"])


@pytest.mark.torch
@pytest.mark.parametrize("case", SYNSPS)
@pytest.mark.parametrize("kind", ["single", "multi"])
def test_inner_values_of_synsp(goldens_dir, case, kind):
    torch = pytest.importorskip("torch")
    from kinema.models.synsp.network import SynSP, dct_as_published

    golden = np.load(goldens_dir / "synsp" / "golden.npz")
    tensors = seeded(goldens_dir, f"synsp/manifest_{case}.json")
    net = SynSP.from_tensors({key: torch.from_numpy(np.asarray(value)) for key, value in tensors.items()})
    seen: dict[str, list[np.ndarray]] = {}
    for name in ("encoder_local", "encoder_global", "decoder", "decoder_2"):
        stack = getattr(net, name)
        stack.register_forward_hook(lambda _m, _i, out, name=name: seen.setdefault(name, []).append(out.numpy()))
    last: list[np.ndarray] = []
    net.decoder.layer_stack[-1].register_forward_hook(lambda _m, _i, out: last.append(out.numpy()))
    x = torch.from_numpy(input_of(golden, f"{case}.{kind}"))
    with torch.no_grad():
        net(x)
        if kind == "multi":
            # to the bit: the recording is a float32 Fourier transform in this very order
            np.testing.assert_array_equal(dct_as_published(x)[:1, :2].numpy(), golden[f"{case}.multi.dct_sub"])
    seen["decoder"] = [last[-1]]  # what its last layer gives the second time it runs, for the heads
    for name, values in seen.items():
        want = golden[f"{case}.{kind}.{name}_sub"]
        assert_close(values[-1].reshape(-1, *values[-1].shape[-2:])[:3, :, ::16], want)


@pytest.mark.torch
@pytest.mark.parametrize("frames", [1, 2, 4, 8, 16, 32, 64])
def test_the_published_transform_is_the_cosine_transform(frames):
    torch = pytest.importorskip("torch")
    from kinema.models.synsp.network import dct, dct_as_published

    x = torch.from_numpy(np.random.default_rng(frames).normal(size=(2, frames, 3)))
    np.testing.assert_allclose(dct_as_published(x), cosines(frames) @ x.numpy(), atol=1e-5)  # its turns are float32
    np.testing.assert_allclose(dct(x), cosines(frames) @ x.numpy(), atol=1e-12)


def test_what_upstream_averages_wrongly_is_not_what_we_compute(goldens_dir):
    golden = np.load(goldens_dir / "synsp" / "golden.npz")
    for case in ("swa.n3_w8", "swa.n1_w8"):
        assert np.abs(golden[f"{case}.upstream_fast_wrong"] - golden[f"{case}.out"]).max() > 0.1


@pytest.mark.parametrize("window", [8, 32, 64])
def test_metrics_of_the_recorded_sequences(goldens_dir, window):
    golden = np.load(goldens_dir / "smoothnet" / "golden.npz")
    key = f"seq3d.w{window}"
    truth = golden[f"{key}.gt"].astype(np.float64)
    sides = {"input": golden[f"{key}.pred"], "output": golden[f"{key}.out"].reshape(truth.shape)}
    truth = truth - truth[:, :1]
    for side, values in sides.items():
        points = values.astype(np.float64)
        points = points - points[:, :1]
        # recorded in float32; alignment and second differences lose one more digit
        np.testing.assert_allclose(metrics.mpjpe(points, truth), golden[f"{key}.{side}_mpjpe"], rtol=1e-5, atol=1e-7)
        np.testing.assert_allclose(
            metrics.pa_mpjpe(points, truth), golden[f"{key}.{side}_pampjpe"], rtol=1e-4, atol=1e-6
        )
        accelerations = np.pad(metrics.acceleration_error_per_frame(points, truth), 1)  # upstream adds two zeros
        np.testing.assert_allclose(accelerations, golden[f"{key}.{side}_accel"], rtol=1e-4, atol=1e-6)


def nets_of(goldens_dir: Path, windows=(8, 16, 32)) -> list[NumpySmoothNet]:
    """The recordings of sequences do not say which network ran."""
    return [
        NumpySmoothNet.from_tensors(seeded(goldens_dir, f"smoothnet/manifest_{kind}_w{w}.json"))
        for kind in ("full", "pw3d", "base")
        for w in windows
    ]


def test_pixels_and_rotations_go_through_the_network_as_published(goldens_dir):
    golden = np.load(goldens_dir / "smoothnet" / "golden.npz")
    values = from_pixels(golden["seq2d.px"].astype(np.float64), 1000, 1000)
    want = golden["seq2d.out_px"]
    errors = [
        np.abs(to_pixels(slide(values, net.window, net), 1000, 1000) - want).max() for net in nets_of(goldens_dir)
    ]
    assert min(errors) <= TOLERANCE * np.abs(want).max()
    six = from_rotations(golden["smpl.axis"].astype(np.float64).reshape(36, 72))
    want = golden["smpl.out_6d"]
    errors = [np.abs(slide(six, net.window, net) - want).max() for net in nets_of(goldens_dir)]
    assert min(errors) <= TOLERANCE * np.abs(want).max()
    back = [axis_angle_to_matrix(a.reshape(36, 24, 3).astype(np.float64)) for a in
            (to_rotations(six), golden["smpl.back_axis"])]  # fmt: skip
    assert geodesic_angle(*back).max() < 1e-3  # their quaternions are float32


def test_rotations_are_the_published_ones(goldens_dir):
    golden = np.load(goldens_dir / "smoothnet" / "golden_filters_metrics.npz")
    axis = golden["rot.axis"].astype(np.float64)
    np.testing.assert_allclose(axis_angle_to_matrix(axis), golden["rot.rotmat"], atol=1e-6)
    np.testing.assert_allclose(matrix_to_6d(axis_angle_to_matrix(axis)), golden["rot.sixd"][:, 0], atol=1e-6)
    matrices = matrix_from_6d(golden["rot.raw6d"].astype(np.float64))
    np.testing.assert_allclose(matrices, golden["rot.raw6d_rotmat"], atol=1e-6)
    theirs = axis_angle_to_matrix(golden["rot.raw6d_axis"].astype(np.float64))
    assert geodesic_angle(theirs, axis_angle_to_matrix(matrix_to_axis_angle(matrices))).max() < 1e-3


def test_share_of_correct_keypoints_is_jhmdbs(goldens_dir):
    golden = np.load(goldens_dir / "smoothnet" / "golden.npz")
    archive = golden if "jhmdb.gt" in golden else np.load(goldens_dir / "smoothnet" / "golden_filters_metrics.npz")
    height, width = archive["jhmdb.imgshape"].ravel()
    pixels = [(archive[f"jhmdb.{name}"] + 0.5) * [width, height] for name in ("pred", "gt")]
    box = archive["jhmdb.bbox"].astype(np.float64)
    size = np.maximum(box[:, 2] - box[:, 0], box[:, 3] - box[:, 1])
    other = np.maximum(box[:, 2], box[:, 3])
    errors = np.linalg.norm(pixels[0] - pixels[1], axis=-1)
    for threshold in (0.05, 0.1, 0.2):
        want = archive[f"jhmdb.pck_{threshold}"]
        found = [
            np.array([metrics.pck(errors[:, joint] / scale, threshold) for joint in range(15)])
            for scale in (size, other)
        ]
        scale = 100 if want.max() <= 1 else 1
        assert min(np.abs(each - scale * want).max() for each in found) < 1e-3
