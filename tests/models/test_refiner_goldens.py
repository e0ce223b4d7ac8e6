"""The recordings of SmoothNet and SynSP that lie between a network and a table: inner values, sequences, metrics."""

from __future__ import annotations

import functools

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
from kinema.models.synsp.onnx_run import OnnxSynSP
from kinema.models.synsp.sizes import cosines
from kinema.temporal.sequences import from_pixels, from_rotations, to_pixels, to_rotations
from kinema.temporal.windows import average_windows, slide
from tests.helpers.goldens import cases, each_case, input_of, recording, seeded_tensors, torch_tensors
from tests.helpers.recorded_refiners import (
    assert_close,
    recorded_smoothnets,
    synsp_of,
    synsp_tolerance,
)

pytestmark = pytest.mark.golden


@functools.cache
def synsp(case: str) -> OnnxSynSP:
    """A recorded SynSP as it runs without torch."""
    return OnnxSynSP(seeded_tensors(f"synsp/manifest_{case}.json"), case)


@each_case("case,kind", "synsp/golden.npz", r"(\w+)\.(single|w\d+)\.input_seed")
def test_synsp_without_torch_computes_what_the_authors_compute(case, kind):
    golden = recording("synsp/golden.npz")
    x = input_of(golden, f"{case}.{kind}")
    assert_close(synsp(case)(x), golden[f"{case}.{kind}.out2"], synsp_tolerance(x.shape[1]))


def test_synsp_without_torch_over_a_sequence():
    golden = recording("synsp/golden.npz")
    case, window = synsp_of(golden, golden["seq.x"].shape[-1])
    assert_close(slide(golden["seq.x"], window, synsp(case)), golden["seq.out"], synsp_tolerance(window))


@pytest.mark.torch
@each_case("case,kind", "synsp/golden.npz", r"(\w+)\.(single|multi)\.input_seed")
def test_inner_values_of_synsp(case, kind):
    torch = pytest.importorskip("torch")
    from kinema.models.synsp.network import SynSP, dct_as_published

    golden = recording("synsp/golden.npz")
    net = SynSP.from_tensors(torch_tensors(f"synsp/manifest_{case}.json"))
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
            # A float32 Fourier transform in the recording's own order: to the bit for the published window of 8 frames.
            found, want = dct_as_published(x)[:1, :2].numpy(), golden[f"{case}.multi.dct_sub"]
            assert_close(found, want, 0 if x.shape[-2] == 8 else 2e-7)
    seen["decoder"] = [last[-1]]  # what its last layer gives the second time it runs, for the heads
    for name, values in seen.items():
        want = golden[f"{case}.{kind}.{name}_sub"]
        # Of the largest of the recorded part, which is smaller than the largest of all: up to 1.3e-5 by processor.
        tolerance = 2 * synsp_tolerance(x.shape[-2])
        assert_close(values[-1].reshape(-1, *values[-1].shape[-2:])[:3, :, ::16], want, tolerance)


@pytest.mark.torch
@pytest.mark.parametrize("frames", [1, 2, 4, 8, 16, 32, 64])
def test_the_published_transform_is_the_cosine_transform(frames):
    torch = pytest.importorskip("torch")
    from kinema.models.synsp.network import dct, dct_as_published

    x = torch.from_numpy(np.random.default_rng(frames).normal(size=(2, frames, 3)))
    np.testing.assert_allclose(dct_as_published(x), cosines(frames) @ x.numpy(), atol=1e-5)  # its turns are float32
    np.testing.assert_allclose(dct(x), cosines(frames) @ x.numpy(), atol=1e-12)


@each_case("case", "synsp/golden.npz", r"(swa\.\w+)\.upstream_fast_wrong")
def test_what_upstream_averages_wrongly_is_not_what_we_compute(case):
    golden = recording("synsp/golden.npz")
    assert np.abs(average_windows(golden[f"{case}.windows"]) - golden[f"{case}.upstream_fast_wrong"]).max() > 0.1


@each_case("window", "smoothnet/golden.npz", r"seq3d\.w(\d+)\.pred")
def test_metrics_of_the_recorded_sequences(window):
    golden = recording("smoothnet/golden.npz")
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


def nearest_smoothnet(values: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """The output of the recorded network whose result is closest to the expected one."""
    found = [slide(values, net.window, net) for net in recorded_smoothnets()]
    return min(found, key=lambda each: np.abs(each - expected).max())


def test_pixels_and_rotations_go_through_the_network_as_published():
    golden = recording("smoothnet/golden.npz")
    values, want = (from_pixels(golden[f"seq2d.{name}"].astype(np.float64), 1000, 1000) for name in ("px", "out_px"))
    assert_close(to_pixels(nearest_smoothnet(values, want), 1000, 1000), golden["seq2d.out_px"])
    six = from_rotations(golden["smpl.axis"].astype(np.float64).reshape(-1, 72))
    assert_close(nearest_smoothnet(six, golden["smpl.out_6d"]), golden["smpl.out_6d"])
    back = [axis_angle_to_matrix(a.reshape(-1, 24, 3).astype(np.float64)) for a in
            (to_rotations(six), golden["smpl.back_axis"])]  # fmt: skip
    assert geodesic_angle(*back).max() < 1e-3  # their quaternions are float32


def test_rotations_are_the_published_ones():
    golden = recording("smoothnet/golden_filters_metrics.npz")
    axis = golden["rot.axis"].astype(np.float64)
    np.testing.assert_allclose(axis_angle_to_matrix(axis), golden["rot.rotmat"], atol=1e-6)
    np.testing.assert_allclose(matrix_to_6d(axis_angle_to_matrix(axis)), golden["rot.sixd"][:, 0], atol=1e-6)
    matrices = matrix_from_6d(golden["rot.raw6d"].astype(np.float64))
    np.testing.assert_allclose(matrices, golden["rot.raw6d_rotmat"], atol=1e-6)
    theirs = axis_angle_to_matrix(golden["rot.raw6d_axis"].astype(np.float64))
    assert geodesic_angle(theirs, axis_angle_to_matrix(matrix_to_axis_angle(matrices))).max() < 1e-3


def test_share_of_correct_keypoints_is_jhmdbs():
    archive = recording("smoothnet/golden.npz")
    size = archive["jhmdb.imgshape"][:, None, ::-1]  # of the clip or of each frame: width, height
    pixels = [(archive[f"jhmdb.{name}"] + 0.5) * size for name in ("pred", "gt")]
    box = archive["jhmdb.bbox"].astype(np.float64)
    size = np.maximum(box[:, 2] - box[:, 0], box[:, 3] - box[:, 1])
    other = np.maximum(box[:, 2], box[:, 3])
    errors = np.linalg.norm(pixels[0] - pixels[1], axis=-1)
    for threshold in cases(archive, r"jhmdb\.pck_([\d.]+)"):
        want = archive[f"jhmdb.pck_{threshold}"]
        found = [
            np.array([metrics.pck(joint / scale, float(threshold)) for joint in errors.T]) for scale in (size, other)
        ]
        scale = 100 if want.max() <= 1 else 1
        assert min(np.abs(each - scale * want).max() for each in found) < 1e-3
