"""P-STMO against the recorded outputs of its authors' code, in torch and without it, and its sizes."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from kinema.errors import InputError
from kinema.models.pstmo.onnx_run import OnnxPSTMO
from kinema.models.pstmo.sizes import PSTMOSizes, expected_shapes, sizes_of
from tests.helpers.goldens import each_case, input_of, recording, seeded_tensors, torch_tensors
from tests.helpers.lifters import random_tensors
from tests.helpers.recorded_refiners import assert_close

FILE = "pstmo/golden.npz"
each_network = each_case("case", FILE, r"(\w+)\.out_vte")


@functools.cache
def golden() -> dict[str, np.ndarray]:
    return recording(FILE)


def windows_of(case: str) -> np.ndarray:
    """(B, T, J, 2) from the authors' order (B, 2, T, J, 1)."""
    return np.ascontiguousarray(input_of(golden(), case)[..., 0].transpose(0, 2, 3, 1))


def middle_of(case: str) -> np.ndarray:
    """(B, J, 3) from the authors' order (B, 3, 1, J, 1)."""
    return golden()[f"{case}.out"][:, :, 0, :, 0].transpose(0, 2, 1)


@pytest.mark.golden
@each_network
def test_without_torch_it_computes_what_the_authors_compute(case):
    net = OnnxPSTMO(seeded_tensors(f"pstmo/manifest_{case}.json"))
    assert_close(net(windows_of(case)), middle_of(case))


@pytest.mark.golden
@pytest.mark.torch
@each_network
def test_the_torch_module_computes_what_the_authors_compute(case):
    torch = pytest.importorskip("torch")
    from kinema.models.pstmo.network import PSTMO

    net = PSTMO.from_tensors(torch_tensors(f"pstmo/manifest_{case}.json"))
    seen: dict[str, np.ndarray] = {}
    net.encoder.register_forward_hook(lambda _m, _i, out: seen.__setitem__("encoder", out[:, ::32, ::9].numpy()))
    net.Transformer.register_forward_hook(
        lambda _m, _i, out: seen.__setitem__("transformer", out[:, ::9, ::32].numpy())
    )
    shapes = {}
    for i, layer in enumerate(net.Transformer_reduce.model.layers):

        def keep(_m, _i, out, i=i):
            seen[f"strided{i}"] = out[:, :3, ::32].numpy()
            shapes[i] = out.shape

        layer.register_forward_hook(keep)
    with torch.no_grad():
        out = net(torch.from_numpy(windows_of(case)))
    assert_close(out.middle.numpy(), middle_of(case))
    kept = golden()[f"{case}.out_vte"]  # (1, 3, T, J, 1): the first window
    assert_close(out.every[: len(kept)].numpy(), kept[..., 0].transpose(0, 2, 3, 1))
    for name, values in seen.items():
        assert_close(values, golden()[f"{case}.{name}_sub"])
    for i, shape in shapes.items():
        assert shape == tuple(golden()[f"{case}.strided{i}_shape"])


SMALL = PSTMOSizes(27, joints_in=5, joints_out=4, width=32, inner=16, spatial=16, layers=1)


@pytest.mark.parametrize("sizes", [SMALL, PSTMOSizes(351, width=32, layers=2), PSTMOSizes(9, width=32, layers=4)])
def test_sizes_are_read_from_the_shapes(sizes):
    assert sizes_of(expected_shapes(sizes)) == sizes


def test_a_clip_s_poses_are_encoded_once():
    net = OnnxPSTMO(random_tensors(SMALL))
    clip = np.random.default_rng(1).normal(size=(40, 5, 2)).astype(np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(clip, 27, axis=0).transpose(0, 3, 1, 2)
    tokens = np.lib.stride_tricks.sliding_window_view(net.tokens(clip), 27, axis=0).transpose(0, 2, 1)
    # The same sums of the same numbers; the size of a product may change their order.
    np.testing.assert_allclose(net.middles(tokens), net(windows), rtol=0, atol=1e-5)


def test_other_files_are_refused():
    shapes = expected_shapes(SMALL)
    with pytest.raises(InputError, match="not a P-STMO checkpoint: it has no 'fcn'"):
        sizes_of({"encoder.0.weight": (4, 4)})
    with pytest.raises(InputError, match="one of the first stage, a masked model"):
        sizes_of({"encoder.fc_1.weight": (4, 4, 1), "mask_token": (1, 1, 4)})
    with pytest.raises(InputError, match=r"'fcn\.1\.bias' is missing"):
        sizes_of({key: shape for key, shape in shapes.items() if key != "fcn.1.bias"})
    with pytest.raises(InputError, match=r"'other' has shape \(1,\), which no P-STMO has"):
        sizes_of({**shapes, "other": (1,)})


def test_clips_that_do_not_fit_are_refused():
    net = OnnxPSTMO(random_tensors(SMALL), name="w.pth")
    with pytest.raises(InputError, match=r"w\.pth lifts windows of 27 frames, found 26"):
        net(np.zeros((1, 26, 5, 2)))
    with pytest.raises(InputError, match=r"w\.pth lifts 5 joints of x and y per frame, found \(17, 2\)"):
        net(np.zeros((1, 27, 17, 2)))
