"""SmoothNet (torch and NumPy) and SynSP against the outputs of the authors' code, and what their loaders refuse."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinema.errors import InputError
from kinema.models.smoothnet.numpy_run import NumpySmoothNet
from kinema.models.smoothnet.onnx_run import PIECE, OnnxSmoothNet
from kinema.models.smoothnet.sizes import sizes_of
from kinema.temporal.windows import cut_windows, slide

SMOOTHNETS = [
    *(f"{kind}_w{w}" for kind in ("full", "pw3d", "base") for w in (8, 16, 32, 64)),
    "wide_w8",
    "wide_w32",
]
SYNSPS = ("h36m_3d", "joints14_3d", "h36m_2d", "smpl6d")
TOLERANCE = 1e-5
"""Of the largest value: float32 sums in another order."""

LONG_TOLERANCE = 5e-5
"""SynSP over 32 and 64 frames: the recorded outputs themselves lie up to 4.5e-5 from the float64 result. With
the matrix products of the processor that recorded them they are met within 1e-5 (64 frames: to the bit)."""


def seeded(goldens_dir: Path):
    spec = importlib.util.spec_from_file_location("goldens_seeded", goldens_dir / "seeded.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def input_of(golden, case: str) -> np.ndarray:
    rng = np.random.RandomState(int(golden[f"{case}.input_seed"]))
    return (rng.standard_normal(golden[f"{case}.input_shape"]) * golden[f"{case}.input_scale"]).astype(np.float32)


def assert_close(found: np.ndarray, expected: np.ndarray, tolerance: float = TOLERANCE) -> None:
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * np.abs(expected).max())


@pytest.mark.golden
@pytest.mark.parametrize("case", SMOOTHNETS)
def test_smoothnet_without_torch_computes_what_the_authors_compute(goldens_dir, case):
    folder = goldens_dir / "smoothnet"
    golden = np.load(folder / "golden.npz")
    net = NumpySmoothNet.from_tensors(seeded(goldens_dir).state_dict(folder / f"manifest_{case}.json"))
    x, expected = input_of(golden, case), golden[f"{case}.out"]
    assert net.window == x.shape[-1]
    for run in (net, OnnxSmoothNet(net)):
        found = np.swapaxes(run(np.swapaxes(x, 1, 2)), 1, 2)
        assert_close(found[: len(expected)], expected)


@pytest.mark.golden
@pytest.mark.torch
@pytest.mark.parametrize("case", SMOOTHNETS)
def test_torch_smoothnet_computes_what_the_authors_compute(goldens_dir, case):
    torch = pytest.importorskip("torch")
    from kinema.models.smoothnet.network import SmoothNet

    folder = goldens_dir / "smoothnet"
    golden = np.load(folder / "golden.npz")
    tensors = seeded(goldens_dir).state_dict(folder / f"manifest_{case}.json")
    net = SmoothNet.from_tensors({key: torch.from_numpy(value) for key, value in tensors.items()})
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
@pytest.mark.parametrize("case", SYNSPS)
@pytest.mark.parametrize("kind", ["single", "multi"])
def test_synsp_computes_what_the_authors_compute(goldens_dir, case, kind):
    torch = pytest.importorskip("torch")
    from kinema.models.synsp.network import SynSP, dct, in_published_order

    folder = goldens_dir / "synsp"
    golden = np.load(folder / "golden.npz")
    tensors = seeded(goldens_dir).state_dict(folder / f"manifest_{case}.json")
    net = SynSP.from_tensors({key: torch.from_numpy(np.asarray(value)) for key, value in tensors.items()})
    assert sum(p.numel() for p in net.parameters()) == int(golden[f"{case}.num_params"])
    x = torch.from_numpy(input_of(golden, f"{case}.{kind}"))
    with torch.no_grad():
        out = net(x)
        published = in_published_order(out, views=1 if x.dim() == 3 else x.shape[1])
        inner = net.proj_i_a(dct(x)).reshape(-1, x.shape[-2], net.sizes.width)
    for place, answer in enumerate(published):
        assert_close(answer.numpy(), golden[f"{case}.{kind}.out{place}"])
    assert_close(inner[:3, :, ::16].numpy(), golden[f"{case}.{kind}.proj_i_a_sub"])
    assert_close(out.final.numpy(), golden[f"{case}.{kind}.out{2 if kind == 'single' else 0}"])


@pytest.mark.golden
@pytest.mark.torch
def test_synsp_runs_windows_that_it_was_not_published_for(goldens_dir):
    torch = pytest.importorskip("torch")
    from kinema.models.synsp.network import SynSP

    folder = goldens_dir / "synsp"
    golden = np.load(folder / "golden.npz")
    tensors = seeded(goldens_dir).state_dict(folder / "manifest_h36m_3d.json")
    net = SynSP.from_tensors({key: torch.from_numpy(np.asarray(value)) for key, value in tensors.items()})
    with torch.no_grad():
        for window in (16, 32, 64):
            x = torch.from_numpy(input_of(golden, f"h36m_3d.w{window}"))
            assert_close(net(x).final.numpy(), golden[f"h36m_3d.w{window}.out2"], LONG_TOLERANCE)
        with pytest.raises(InputError, match="at most 100 frames, found 101"):
            net(torch.zeros(1, 101, 51))


@pytest.mark.golden
@pytest.mark.torch
def test_synsp_over_a_sequence_of_one_and_of_four_views(goldens_dir):
    torch = pytest.importorskip("torch")
    from kinema.models.synsp.network import SynSP, in_published_order

    folder = goldens_dir / "synsp"
    golden = np.load(folder / "golden.npz")
    tensors = seeded(goldens_dir).state_dict(folder / "manifest_h36m_3d.json")
    net = SynSP.from_tensors({key: torch.from_numpy(np.asarray(value)) for key, value in tensors.items()})

    @torch.no_grad()
    def smooth(windows):  # (N,8,C)
        return net(torch.from_numpy(np.ascontiguousarray(windows))).final.numpy()

    assert_close(slide(golden["seq.x"], 8, smooth), golden["seq.out"])
    for index, key in ((0, "seqmv.out_index0"), (2, "seqmv.out_index2")):

        @torch.no_grad()
        def together(windows, index=index):  # (N,8,4*51), the views side by side
            x = torch.from_numpy(np.ascontiguousarray(windows)).unflatten(-1, (4, 51)).transpose(1, 2)
            return in_published_order(net(x), views=4)[index].transpose(1, 2).flatten(2).numpy()

        views = golden["seqmv.x"]
        assert_close(slide(views.reshape(31, -1), 8, together).reshape(views.shape), golden[key])


@pytest.mark.golden
@pytest.mark.parametrize("window", [8, 32, 64])
def test_smoothnet_over_a_sequence(goldens_dir, window):
    folder = goldens_dir / "smoothnet"
    golden = np.load(folder / "golden.npz")
    cases = [f"full_w{window}", f"pw3d_w{window}", f"base_w{window}"]
    values = golden[f"seq3d.w{window}.pred"].reshape(-1, 51)
    expected = golden[f"seq3d.w{window}.out"]
    errors = []
    for case in cases:  # the recording does not say which of the networks ran
        net = NumpySmoothNet.from_tensors(seeded(goldens_dir).state_dict(folder / f"manifest_{case}.json"))
        errors.append(np.abs(slide(values, window, net) - expected).max())
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
    from kinema.models.synsp.network import SynSP, SynSPSizes

    with pytest.raises(InputError, match="not a SynSP checkpoint: it has no matrix"):
        SynSP.from_tensors({"encoder.0.weight": torch.zeros(3, 3)}, name="smoothnet.pth")
    tensors = SynSP(SynSPSizes(6, 16, 16)).state_dict()
    del tensors["proj_o_2.0.bias"]
    with pytest.raises(InputError, match=r"proj_o_2\.0\.bias"):
        SynSP.from_tensors(tensors)


def test_windows_are_views_where_they_can_be():
    values = np.zeros((100, 3))
    assert np.shares_memory(cut_windows(values, 8), values)
