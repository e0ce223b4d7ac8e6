"""SmoothNet (torch and NumPy) and SynSP against the outputs of the authors' code, and what their loaders reject."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinema.errors import InputError
from kinema.models.smoothnet.numpy_run import NumpySmoothNet
from kinema.models.smoothnet.onnx_run import PIECE, OnnxSmoothNet
from kinema.models.smoothnet.sizes import sizes_of
from kinema.temporal.windows import cut_windows, slide
from tests.helpers.goldens import each_case, input_of, recording, torch_tensors
from tests.helpers.recorded_refiners import (
    LONG_TOLERANCE,
    TOLERANCE,
    assert_close,
    recorded_smoothnets,
    smoothnet,
    synsp_of,
    synsp_tolerance,
)

each_smoothnet = each_case("case", "smoothnet/golden.npz", r"(\w+)\.input_seed")


@functools.cache
def synsp(case: str):
    """The torch network of a recorded SynSP."""
    from kinema.models.synsp.network import SynSP

    return SynSP.from_tensors(torch_tensors(f"synsp/manifest_{case}.json"))


@pytest.mark.golden
@each_smoothnet
def test_smoothnet_without_torch_computes_what_the_authors_compute(case):
    golden = recording("smoothnet/golden.npz")
    net = smoothnet(case)
    x, expected = input_of(golden, case), golden[f"{case}.out"]
    assert net.window == x.shape[-1]
    for run in (net, OnnxSmoothNet(net)):
        found = np.swapaxes(run(np.swapaxes(x, 1, 2)), 1, 2)
        assert_close(found[: len(expected)], expected)


@pytest.mark.golden
@pytest.mark.torch
@each_smoothnet
def test_torch_smoothnet_computes_what_the_authors_compute(case):
    torch = pytest.importorskip("torch")
    from kinema.models.smoothnet.network import SmoothNet

    golden = recording("smoothnet/golden.npz")
    net = SmoothNet.from_tensors(torch_tensors(f"smoothnet/manifest_{case}.json"))
    with torch.no_grad():
        x = torch.from_numpy(input_of(golden, case))
        found, hidden = net(x).numpy(), net.encoder(x)
        res = net.res_blocks(hidden).numpy()
    expected = golden[f"{case}.out"]
    assert_close(found[: len(expected)], expected)
    for name, values in (("encoder_sub", hidden.numpy()), ("res_sub", res)):
        want = golden[f"{case}.{name}"]
        assert_close(values[: len(want), ::10, ::64], want)


@pytest.mark.golden
@pytest.mark.torch
@each_case("case,kind", "synsp/golden.npz", r"(\w+)\.(single|multi)\.input_seed")
def test_synsp_computes_what_the_authors_compute(case, kind):
    torch = pytest.importorskip("torch")
    from kinema.models.synsp.network import dct, in_published_order

    golden = recording("synsp/golden.npz")
    net = synsp(case)
    assert sum(p.numel() for p in net.parameters()) == int(golden[f"{case}.num_params"])
    x = torch.from_numpy(input_of(golden, f"{case}.{kind}"))
    with torch.no_grad():
        out = net(x)
        published = in_published_order(out, views=1 if x.dim() == 3 else x.shape[1])
        inner = net.proj_i_a(dct(x)).reshape(-1, x.shape[-2], net.sizes.width)
    tolerance = synsp_tolerance(x.shape[-2])
    for place, answer in enumerate(published):
        assert_close(answer.numpy(), golden[f"{case}.{kind}.out{place}"], tolerance)
    assert_close(inner[:3, :, ::16].numpy(), golden[f"{case}.{kind}.proj_i_a_sub"])
    assert_close(out.final.numpy(), golden[f"{case}.{kind}.out{2 if kind == 'single' else 0}"], tolerance)


@pytest.mark.golden
@pytest.mark.torch
@each_case("case,window", "synsp/golden.npz", r"(\w+)\.w(\d+)\.input_seed")
def test_synsp_runs_windows_that_it_was_not_published_for(case, window):
    torch = pytest.importorskip("torch")
    golden = recording("synsp/golden.npz")
    net = synsp(case)
    x = torch.from_numpy(input_of(golden, f"{case}.w{window}"))
    with torch.no_grad():
        assert_close(net(x).final.numpy(), golden[f"{case}.w{window}.out2"], LONG_TOLERANCE)
        with pytest.raises(InputError, match="at most 100 frames, found 101"):
            net(torch.zeros(1, 101, net.sizes.coordinates))


@pytest.mark.golden
@pytest.mark.torch
def test_synsp_over_a_sequence():
    torch = pytest.importorskip("torch")
    golden = recording("synsp/golden.npz")
    case, window = synsp_of(golden, golden["seq.x"].shape[-1])
    net = synsp(case)

    @torch.no_grad()
    def smooth(windows):  # (N,W,C)
        return net(torch.from_numpy(np.ascontiguousarray(windows))).final.numpy()

    assert_close(slide(golden["seq.x"], window, smooth), golden["seq.out"], synsp_tolerance(window))


@pytest.mark.golden
@pytest.mark.torch
@each_case("index", "synsp/golden.npz", r"seqmv\.out_index(\d+)")
def test_synsp_over_a_sequence_of_several_views(index):
    torch = pytest.importorskip("torch")
    from kinema.models.synsp.network import in_published_order

    golden = recording("synsp/golden.npz")
    frames, views, coordinates = golden["seqmv.x"].shape
    case, window = synsp_of(golden, coordinates)
    net = synsp(case)

    @torch.no_grad()
    def together(windows):  # (N,W,V*C), the views side by side
        x = torch.from_numpy(np.ascontiguousarray(windows)).unflatten(-1, (views, coordinates)).transpose(1, 2)
        return in_published_order(net(x), views=views)[index].transpose(1, 2).flatten(2).numpy()

    found = slide(golden["seqmv.x"].reshape(frames, -1), window, together)
    assert_close(found.reshape(golden["seqmv.x"].shape), golden[f"seqmv.out_index{index}"], synsp_tolerance(window))


@pytest.mark.golden
@each_case("window", "smoothnet/golden.npz", r"seq3d\.w(\d+)\.pred")
def test_smoothnet_over_a_sequence(window):
    golden = recording("smoothnet/golden.npz")
    values, expected = golden[f"seq3d.w{window}.pred"], golden[f"seq3d.w{window}.out"]
    # the recording does not say which of the networks ran
    nets = [net for net in recorded_smoothnets() if net.window == window]
    errors = [np.abs(slide(values.reshape(len(values), -1), window, net) - expected).max() for net in nets]
    assert min(errors) <= TOLERANCE * np.abs(expected).max()


def test_published_checkpoints_load_and_smooth(goldens_dir):
    folder = goldens_dir.parent / "weights" / "smoothnet" / "pw3d_spin_3D"
    if not folder.is_dir():
        pytest.skip("the published SmoothNet checkpoints are not here")
    rng = np.random.default_rng(0)
    still = np.cumsum(rng.normal(size=(200, 6)), axis=0) * 0.002
    noisy = still + 0.02 * rng.normal(size=still.shape)
    for window in (8, 16, 32, 64):
        net = NumpySmoothNet.load(folder / f"checkpoint_{window}.pth.tar")
        assert net.sizes.window == window
        assert (net.sizes.hidden, net.sizes.inner, net.sizes.blocks) == (512, 16, 1)
        smooth = slide(noisy, window, net)
        before, after = (np.abs(np.diff(v, n=2, axis=0)).mean() for v in (noisy, smooth))
        assert after < 0.3 * before
        assert np.abs(smooth - still).mean() < np.abs(noisy - still).mean()


def tiny(window: int = 4, hidden: int = 3, inner: int = 2) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    shapes = {
        "encoder.0.weight": (hidden, window), "encoder.0.bias": (hidden,),
        "res_blocks.0.linear1.weight": (inner, hidden), "res_blocks.0.linear1.bias": (inner,),
        "res_blocks.0.linear2.weight": (hidden, inner), "res_blocks.0.linear2.bias": (hidden,),
        "decoder.weight": (window, hidden), "decoder.bias": (window,),
    }  # fmt: skip
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


@given(
    window=st.integers(1, 9), hidden=st.integers(1, 6), inner=st.integers(1, 4), blocks=st.integers(0, 3),
    count=st.sampled_from([1, 3, PIECE + 5]), seed=st.integers(0, 99),
)  # fmt: skip
def test_onnx_is_numpy_for_networks_of_any_size(window, hidden, inner, blocks, count, seed):
    rng = np.random.default_rng(seed)
    shapes = {"encoder.0.weight": (hidden, window), "encoder.0.bias": (hidden,)}
    for i in range(blocks):
        shapes |= {f"res_blocks.{i}.linear1.weight": (inner, hidden), f"res_blocks.{i}.linear1.bias": (inner,)}
        shapes |= {f"res_blocks.{i}.linear2.weight": (hidden, inner), f"res_blocks.{i}.linear2.bias": (hidden,)}
    shapes |= {"decoder.weight": (window, hidden), "decoder.bias": (window,)}
    net = NumpySmoothNet.from_tensors({name: rng.normal(size=shape) for name, shape in shapes.items()})
    windows = rng.normal(size=(count, window, 2))
    expected = net(windows)
    np.testing.assert_allclose(OnnxSmoothNet(net)(windows), expected, rtol=1e-4, atol=1e-5 * np.abs(expected).max())
    with pytest.raises(InputError, match=f"windows of {window} frames, found {window + 1}"):
        OnnxSmoothNet(net)(np.zeros((1, window + 1, 2)))


def test_pieces_do_not_change_the_result(monkeypatch):
    net = NumpySmoothNet.from_tensors({f"module.{key}": value for key, value in tiny().items()})
    rows = np.random.default_rng(1).normal(size=(1000, 4)).astype(np.float32)
    whole = net.rows(rows)
    monkeypatch.setattr("kinema.models.smoothnet.numpy_run.ROWS", 7)
    np.testing.assert_allclose(net.rows(rows), whole, rtol=1e-5, atol=1e-6)


def test_other_files_are_refused_with_a_sentence():
    tensors = tiny()
    with pytest.raises(InputError, match="not a SmoothNet checkpoint: it has no matrix"):
        NumpySmoothNet.from_tensors({"layer.weight": np.zeros((3, 3))}, name="other.pth")
    missing = {key: value for key, value in tensors.items() if key != "res_blocks.0.linear2.bias"}
    with pytest.raises(InputError, match=r"'res_blocks.0.linear2.bias' is missing, expected \(3,\)"):
        NumpySmoothNet.from_tensors(missing)
    with pytest.raises(InputError, match=r"'extra' has shape \(2,\), which no SmoothNet has"):
        NumpySmoothNet.from_tensors({**tensors, "extra": np.zeros(2)})
    with pytest.raises(InputError, match=r"'decoder.weight' has shape \(4, 5\), expected \(4, 3\)"):
        NumpySmoothNet.from_tensors({**tensors, "decoder.weight": np.zeros((4, 5))})
    broken = tensors["encoder.0.bias"].copy()
    broken[0] = np.nan
    with pytest.raises(InputError, match=r"not finite in 'encoder\.0\.bias'"):
        NumpySmoothNet.from_tensors({**tensors, "encoder.0.bias": broken})
    with pytest.raises(InputError, match="smooths windows of 4 frames, found 5"):
        NumpySmoothNet.from_tensors(tensors)(np.zeros((1, 5, 2)))
    assert sizes_of({key: value.shape for key, value in tensors.items()}).blocks == 1


@pytest.mark.torch
def test_synsp_refuses_other_files():
    torch = pytest.importorskip("torch")
    from kinema.models.synsp.network import SynSP
    from kinema.models.synsp.sizes import SynSPSizes

    with pytest.raises(InputError, match="not a SynSP checkpoint: it has no matrix"):
        SynSP.from_tensors({"encoder.0.weight": torch.zeros(3, 3)}, name="smoothnet.pth")
    tensors = SynSP(SynSPSizes(6, 16, 16)).state_dict()
    del tensors["proj_o_2.0.bias"]
    with pytest.raises(InputError, match=r"proj_o_2\.0\.bias"):
        SynSP.from_tensors(tensors)


def test_windows_are_views_where_they_can_be():
    values = np.zeros((100, 3))
    assert np.shares_memory(cut_windows(values, 8), values)
