"""P-STMO's first stage and its refine module against the recorded outputs of its authors' code, and their refusals."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from kinema.errors import InputError
from kinema.models.pstmo.masked.sizes import MaskedSizes, expected_shapes, sizes_of
from kinema.models.pstmo.refine.numpy_run import NumpyRefine, back_projected
from kinema.models.pstmo.refine.numpy_run import expected_shapes as refine_shapes
from tests.helpers.goldens import cases, each_case, goldens, input_of, recording, seeded_tensors, torch_tensors
from tests.helpers.recorded_refiners import assert_close

FILE = "pstmo/golden.npz"


@functools.cache
def golden() -> dict[str, np.ndarray]:
    return recording(FILE)


def manifest_of(case: str) -> str:
    """The manifest of a case: two cases may differ in their masks alone, and the second's name is then longer."""
    names = [path.name for path in (goldens() / "pstmo").glob("manifest_*.json")]
    fitting = [name for name in names if case.startswith(name[len("manifest_") : -len(".json")])]
    return f"pstmo/{max(fitting, key=len)}"


@pytest.mark.golden
@pytest.mark.torch
@each_case("case", FILE, r"(\w+)\.spatial_mask")
def test_the_first_stage_fills_in_what_the_authors_model_does(case):
    torch = pytest.importorskip("torch")
    from kinema.models.pstmo.masked.network import MaskedPSTMO
    from kinema.training.lifters.losses import filling_loss

    net = MaskedPSTMO.from_tensors(torch_tensors(manifest_of(case)))
    windows = torch.from_numpy(input_of(golden(), case)[..., 0].transpose(0, 2, 3, 1).copy())
    frames, joints = (torch.from_numpy(golden()[f"{case}.{name}"]) for name in ("mask", "spatial_mask"))
    with torch.no_grad():
        filled = net(windows, frames, joints)
    want = golden()[f"{case}.out"][..., 0].transpose(0, 2, 3, 1)  # (B, T, J, 2): every so many-th frame, or all
    step = -(-windows.shape[1] // want.shape[1])
    assert_close(filled.poses[:, ::step].numpy(), want)
    seen = int((~frames).sum())
    assert filled.order.tolist() == sorted(filled.order[:seen].tolist()) + sorted(filled.order[seen:].tolist())
    np.testing.assert_allclose(float(filling_loss(filled, windows)), golden()[f"{case}.loss"], rtol=1e-5)


@pytest.mark.golden
@each_case("case", FILE, r"(\w+)\.x1\.input_seed")
def test_the_refine_module_computes_what_the_authors_does(case):
    lifted, projected = (input_of(golden(), f"{case}.{name}") for name in ("x", "x1"))
    assert_close(NumpyRefine(seeded_tensors(manifest_of(case)))(lifted, projected), golden()[f"{case}.out"])


@pytest.mark.golden
@pytest.mark.torch
@each_case("case", FILE, r"(\w+)\.x1\.input_seed")
def test_the_refine_module_in_torch(case):
    torch = pytest.importorskip("torch")
    from kinema.models.pstmo.refine.network import Refine

    net = Refine.from_tensors(torch_tensors(manifest_of(case)))
    with torch.no_grad():
        out = net(*(torch.from_numpy(input_of(golden(), f"{case}.{name}")) for name in ("x", "x1")))
    assert_close(out.numpy(), golden()[f"{case}.out"])


@pytest.mark.golden
def test_joints_are_projected_back_as_the_authors_do():
    (case,) = cases(golden(), r"(\w+)\.uvd\.input_seed")
    uvd, truth = (input_of(golden(), f"{case}.{name}")[:, 0] for name in ("uvd", "gt"))
    truth[:, 0, 2] += 4.5  # as the recording's README says
    found = back_projected(uvd[..., :2], uvd[..., 2], truth[:, 0, 2], golden()[f"{case}.cam"])
    assert_close(found, golden()[f"{case}.out"][:, 0])


@pytest.mark.golden
@pytest.mark.torch
def test_joints_are_projected_back_in_torch():
    torch = pytest.importorskip("torch")
    from kinema.models.pstmo.refine.network import back_projected as in_torch

    (case,) = cases(golden(), r"(\w+)\.uvd\.input_seed")
    uvd, truth = (torch.from_numpy(input_of(golden(), f"{case}.{name}")[:, 0]) for name in ("uvd", "gt"))
    found = in_torch(uvd[..., :2], uvd[..., 2], truth[:, 0, 2] + 4.5, torch.from_numpy(golden()[f"{case}.cam"]))
    assert_close(found.numpy(), golden()[f"{case}.out"][:, 0])


def test_sizes_of_the_first_stage_are_read_from_the_shapes():
    sizes = MaskedSizes(
        27, 5, width=32, inner=48, spatial=24, layers=4, decoder_width=16, decoder_inner=40, decoder_layers=3
    )
    shapes = expected_shapes(sizes)
    assert sizes_of(shapes) == sizes
    with pytest.raises(InputError, match="not a checkpoint of P-STMO's first stage: it has no 'encoder_to_decoder'"):
        sizes_of({"encoder.fc_1.weight": (4, 4, 1)})
    with pytest.raises(InputError, match="'mask_token' is missing"):
        sizes_of({key: shape for key, shape in shapes.items() if key != "mask_token"})


def test_other_files_are_no_refine_module():
    tensors = {key: np.zeros(shape) for key, shape in refine_shapes(3, 8).items()}
    with pytest.raises(InputError, match="x is not a P-STMO refine checkpoint"):
        NumpyRefine({"encoder.fc_1.weight": np.zeros((2, 2))}, name="x")
    with pytest.raises(InputError, match="which no P-STMO refine has"):
        NumpyRefine({**tensors, "other": np.zeros(3)}, name="x")
    with pytest.raises(InputError, match="not finite in 'post_refine"):
        NumpyRefine({**tensors, "post_refine.0.bias": np.full(8, np.nan)})
    with pytest.raises(InputError, match="x refines 3 joints, found"):
        NumpyRefine(tensors, name="x")(np.zeros((1, 4, 3)), np.zeros((1, 4, 3)))
