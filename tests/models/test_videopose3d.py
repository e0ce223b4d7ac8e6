"""VideoPose3D against the recorded outputs of its authors' code, in torch and without it, and its sizes."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from kinema.errors import InputError
from kinema.models.videopose3d.numpy_run import NumpyVideoPose3D
from kinema.models.videopose3d.sizes import VideoPose3DSizes, expected_shapes, sizes_of
from tests.helpers.goldens import each_case, input_of, recording, seeded_tensors, torch_tensors
from tests.helpers.lifters import random_tensors
from tests.helpers.recorded_refiners import assert_close

FILE = "videopose3d/golden.npz"
each_network = each_case("case", FILE, r"(\w+)\.input_seed")


@functools.cache
def golden() -> dict[str, np.ndarray]:
    return recording(FILE)


def is_causal(case: str) -> bool:
    """Whether a recorded network is causal: its residuals are shifted. The trajectory model's record does not say."""
    return bool(golden().get(f"{case}.total_causal_shift", 0))


@pytest.mark.golden
@each_network
def test_without_torch_it_computes_what_the_authors_compute(case):
    net = NumpyVideoPose3D(seeded_tensors(f"videopose3d/manifest_{case}.json"), causal=is_causal(case))
    found = np.stack([net(clip) for clip in input_of(golden(), case)])
    assert_close(found, golden()[f"{case}.out"])


@pytest.mark.golden
@pytest.mark.torch
@each_network
def test_the_torch_module_computes_what_the_authors_compute(case):
    torch = pytest.importorskip("torch")
    from kinema.models.videopose3d.network import VideoPose3D

    net = VideoPose3D.from_tensors(torch_tensors(f"videopose3d/manifest_{case}.json"), causal=is_causal(case))
    seen: dict[str, np.ndarray] = {}

    def keep(name):
        return lambda _module, _inputs, out: seen.__setitem__(name, out.numpy())

    net.expand_bn.register_forward_hook(keep("expand_bn"))
    for i, norm in enumerate(net.layers_bn):
        norm.register_forward_hook(keep(f"bn{i}"))
    with torch.no_grad():
        out = net(torch.from_numpy(input_of(golden(), case)))
    assert_close(out.numpy(), golden()[f"{case}.out"])
    for name, values in seen.items():
        want = golden().get(f"{case}.{name}_sub")
        if want is not None:  # every Nth channel of the first frames
            _, channels, frames = want.shape
            assert_close(values[:, :: values.shape[1] // channels, :frames], want)


@pytest.mark.golden
@pytest.mark.torch
@each_case("case", FILE, r"(\w+)\.optimized1f_out")
def test_one_frame_with_strides_is_the_first_frame_of_many(case):
    torch = pytest.importorskip("torch")
    from kinema.models.videopose3d.network import VideoPose3D

    net = VideoPose3D.from_tensors(torch_tensors(f"videopose3d/manifest_{case}.json"), causal=is_causal(case))
    clips = torch.from_numpy(input_of(golden(), case))[:, : net.sizes.receptive_field]
    with torch.no_grad():
        assert_close(net.single(clips).numpy(), golden()[f"{case}.optimized1f_out"])


@pytest.mark.golden
@each_case("case", FILE, r"(\w+)\.receptive_field")
def test_sizes_are_those_that_the_authors_code_reports(case):
    shapes = {key: value.shape for key, value in seeded_tensors(f"videopose3d/manifest_{case}.json").items()}
    sizes = sizes_of(shapes)
    assert sizes.receptive_field == golden()[f"{case}.receptive_field"]
    assert sizes.pads == tuple(golden()[f"{case}.pad"])
    assert sizes.shifts(is_causal(case))[1:] == tuple(golden()[f"{case}.causal_shift"])[1:]
    assert sizes.dense == ("dense" in case)


@pytest.mark.parametrize("widths", [(3,), (3, 3), (1, 3), (3, 5), (3, 5, 3), (5, 3, 3)])
@pytest.mark.parametrize("dense", [False, True])
def test_sizes_are_read_from_the_shapes(widths, dense):
    if dense and (len(set(widths)) > 1 or len(widths) == 1):
        pytest.skip("unequal widths of dense filters cannot be told from those of filters with holes")
    sizes = VideoPose3DSizes(17, 17, 8, widths, dense)
    assert sizes_of(expected_shapes(sizes)) == sizes


def test_pieces_of_a_long_clip_are_lifted_as_the_whole(monkeypatch):
    sizes = VideoPose3DSizes(5, 4, 8, (3, 3))
    net = NumpyVideoPose3D(random_tensors(sizes))
    clip = np.random.default_rng(1).normal(size=(60, 5, 2))
    whole = net(clip)
    monkeypatch.setattr("kinema.models.videopose3d.numpy_run.PIECE", 7)
    np.testing.assert_array_equal(net(clip), whole)


def test_a_causal_network_does_not_see_the_future():
    sizes = VideoPose3DSizes(5, 4, 8, (3, 3))
    net = NumpyVideoPose3D(random_tensors(sizes), causal=True)
    clip = np.random.default_rng(1).normal(size=(30, 5, 2))
    changed = clip.copy()
    changed[20:] += 1
    moved = np.abs(net(changed) - net(clip)).max(axis=(1, 2)) > 1e-6
    assert np.flatnonzero(moved)[0] == 20 - (sizes.receptive_field - 1)  # the first window that holds frame 20


def test_other_files_are_refused():
    shapes = expected_shapes(VideoPose3DSizes(17, 17, 8, (3, 3)))
    with pytest.raises(InputError, match="no filters 'expand_conv' and 'shrink'"):
        sizes_of({"encoder.0.weight": (4, 4)})
    with pytest.raises(InputError, match=r"'layers_bn.1.bias' is missing"):
        sizes_of({key: shape for key, shape in shapes.items() if key != "layers_bn.1.bias"})
    with pytest.raises(InputError, match=r"'other' has shape \(1,\), which no VideoPose3D has"):
        sizes_of({**shapes, "other": (1,)})
    with pytest.raises(InputError, match="impossible shapes"):
        sizes_of({**shapes, "expand_conv.weight": (8, 34, 2)})


def test_clips_that_do_not_fit_are_refused():
    net = NumpyVideoPose3D(random_tensors(VideoPose3DSizes(5, 4, 8, (3, 3))), name="w.bin")
    with pytest.raises(InputError, match=r"w\.bin needs 9 frames, found 8; pad the clip"):
        net(np.zeros((8, 5, 2)))
    with pytest.raises(InputError, match=r"w\.bin lifts 5 joints of x and y per frame, found \(17, 2\)"):
        net(np.zeros((20, 17, 2)))
    broken = random_tensors(VideoPose3DSizes(5, 4, 8, (3, 3)))
    broken["shrink.bias"][0] = np.nan
    with pytest.raises(InputError, match=r"not finite in 'shrink\.bias'"):
        NumpyVideoPose3D(broken)
