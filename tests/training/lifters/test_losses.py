"""The losses of lifters against the recorded values of the authors' code, and by construction."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from kinema.models.pstmo.network import PSTMO  # noqa: E402
from kinema.skeleton import H36M17  # noqa: E402
from kinema.training.lifters.losses import (  # noqa: E402
    bone_length_error,
    lifting_terms,
    position_error,
    projected,
    trajectory_error,
    weighted_position_error,
)
from kinema.training.lifters.videopose3d import PARENTS  # noqa: E402
from tests.helpers.goldens import cases, each_case, input_of, recording, torch_tensors  # noqa: E402

pytestmark = pytest.mark.torch

METRICS = "videopose3d/golden_metrics_cameras.npz"
RELATIVE = 1e-5
"""Float32 sums in another order."""


@pytest.mark.golden
def test_position_errors_are_the_published_ones():
    golden = recording(METRICS)
    found, true, weights = (torch.from_numpy(golden[f"met.{name}"]) for name in ("pred", "target", "w"))
    np.testing.assert_allclose(float(position_error(found, true)), golden["met.mpjpe"], rtol=RELATIVE)
    weighted = weighted_position_error(found, true, weights)
    np.testing.assert_allclose(float(weighted), golden["met.weighted_mpjpe"], rtol=RELATIVE)


@pytest.mark.golden
@each_case("camera", METRICS, r"cam\.(S\d+\.\d)\.intrinsic")
def test_projection_is_the_published_one(camera):
    golden = recording(METRICS)
    points, lens = (torch.from_numpy(golden[f"cam.{camera}.{name}"]) for name in ("camera", "intrinsic"))
    lenses = lens.expand(len(points), -1)
    for name, distorted in (("proj", True), ("proj_linear", False)):
        found = projected(points, lenses, distorted=distorted).numpy()
        np.testing.assert_allclose(found, golden[f"cam.{camera}.{name}"], rtol=0, atol=1e-5)


@pytest.mark.golden
def test_p_stmos_terms_are_the_published_ones():
    golden = recording("pstmo/golden.npz")
    joints = input_of(golden, "loss.gt")
    joints[:, :, 0] = 0
    frames = joints.shape[1]
    networks = cases(golden, r"(\w+)\.out_vte")
    (case,) = [name for name in networks if golden[f"{name}.input_shape"][2] == frames]
    net = PSTMO.from_tensors(torch_tensors(f"pstmo/manifest_{case}.json"))
    windows = input_of(golden, case)[: len(joints), ..., 0].transpose(0, 2, 3, 1).copy()
    with torch.no_grad():
        every, middle = lifting_terms(net(torch.from_numpy(windows)), torch.from_numpy(joints))
    np.testing.assert_allclose(float(every), golden["loss.vte_term"], rtol=RELATIVE)
    np.testing.assert_allclose(float(middle), golden["loss.single_term"], rtol=RELATIVE)


def test_what_is_far_away_may_be_less_exact():
    true = torch.tensor([0.0, 0.0, 4.0]).expand(2, 3, 1, 3)
    found = true + torch.tensor([0.3, 0.0, 0.4])
    assert float(trajectory_error(found, true)) == pytest.approx(0.5 / 4)
    assert float(trajectory_error(2 * found, 2 * true)) == pytest.approx(1.0 / 8)


def test_bones_are_compared_by_their_mean_lengths():
    assert PARENTS[17] == H36M17.parents
    joints = torch.from_numpy(np.random.default_rng(0).normal(size=(6, 4, 17, 3)))
    assert float(bone_length_error(torch.cat([joints, joints.flip(0)]), PARENTS[17], 6)) == pytest.approx(0, abs=1e-12)
    larger = bone_length_error(torch.cat([joints, 1.1 * joints]), PARENTS[17], 6)
    parents = list(H36M17.parents[1:])
    mean = (joints[:, :, 1:] - joints[:, :, parents]).norm(dim=-1).mean()
    assert float(larger) == pytest.approx(0.1 * float(mean))
