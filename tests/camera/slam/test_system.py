"""The whole system with an operator that knows the truth: what is left is the graph, the solver and the fill-in.

The scene is the corner of a room, seen by a camera that travels and turns. In place of the networks stands an oracle:
features are one number a frame, so that it can tell from their products which two frames are compared.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from kinema.camera.slam.fields_of_view import best_fov, misfit  # noqa: E402
from kinema.camera.slam.filling import Filler  # noqa: E402
from kinema.camera.slam.frontend import Frontend, MotionFilter, optimised  # noqa: E402
from kinema.camera.slam.poses import exp, rotations  # noqa: E402
from kinema.camera.slam.projection import pixels, rays, reprojected  # noqa: E402
from kinema.camera.slam.settings import FULL, SEARCHING  # noqa: E402
from kinema.camera.slam.shots import from_first  # noqa: E402
from kinema.geometry.rotations import geodesic_angle  # noqa: E402
from kinema.models.droid.facts import SHRINK  # noqa: E402
from kinema.models.droid.network import Updated  # noqa: E402

pytestmark = pytest.mark.torch

HIGH, WIDE = 16, 22
FOV = 57.0
WALLS = torch.tensor([[0.25, 0.05, 0.2], [-0.2, 0.1, 0.25]])
"""Points X of a wall have n @ X = 1."""


def lens_of(fov: float):
    focal = WIDE / (2 * np.tan(np.radians(fov) / 2))
    return torch.tensor([focal, focal, (WIDE - 1) / 2, (HIGH - 1) / 2], dtype=torch.float32)


class Oracle:
    """What `DroidRun` does, of true poses (N,7) and disparities (N,h,w)."""

    device = "cpu"

    def __init__(self, poses) -> None:
        self.poses = poses
        ray, turn = rays(HIGH, WIDE, lens_of(FOV)), rotations(poses)
        facing = torch.einsum("wk,nik->nwi", WALLS, turn)  # the walls' normals in the cameras
        away = 1 + torch.einsum("nwi,ni->nw", facing, poses[:, :3])
        self.disparities = (torch.einsum("nwi,hvi->nwhv", facing, ray) / away[..., None, None]).amax(1)
        assert float(self.disparities.min()) > 0.02

    def features(self, picture):
        return torch.full((128, HIGH, WIDE), self._number(picture) / 64)

    def context(self, picture):
        return torch.zeros(128, HIGH, WIDE), self.features(picture)

    def look(self, state, contexts, compared, motion, group, *, upmask=False):
        first = contexts[:, 0, 0, 0][group] * 64
        second = compared.amax(dim=(1, 2, 3)) / (8 * first) * 64**2
        start, end = ((each.round().long() - 1) for each in (first, second))
        truth, valid = reprojected(self.poses, self.disparities, lens_of(FOV), start, end)
        guess = pixels(HIGH, WIDE) + motion[:, :2].permute(0, 2, 3, 1)
        return Updated(
            state, truth - guess, valid[..., None].float().expand(-1, -1, -1, 2),
            torch.full((len(contexts), HIGH, WIDE), 1e-4), torch.zeros(len(contexts), 576, HIGH, WIDE),
        )  # fmt: skip

    @staticmethod
    def _number(picture) -> int:
        return int(picture[0, 0, 0])


def picture(frame: int) -> np.ndarray:
    return np.full((HIGH * SHRINK, WIDE * SHRINK, 3), frame + 1, np.uint8)


@pytest.fixture(scope="module")
def oracle() -> Oracle:
    time = torch.linspace(0, 1, 28)[:, None]
    small = torch.cat([1.6 * time, 0.15 * torch.sin(5 * time), 0.5 * time**2], 1)
    turn = torch.cat([0.1 * torch.sin(3 * time), -0.35 * time, 0.06 * torch.sin(4 * time)], 1)
    return Oracle(exp(torch.cat([small, turn], 1)))


def candidates(oracle, frames, moved=0.25) -> list:
    moved = MotionFilter(oracle, moved)  # of smaller pictures than the system is made for
    nobody = np.zeros((HIGH * SHRINK, WIDE * SHRINK), bool)
    return [each for frame in frames if (each := moved(frame, picture(frame), nobody)) is not None]


@pytest.mark.slow
def test_a_path_that_travels_and_turns(oracle):
    """Within 1 % of its length and 0.2 degrees once its unit is known, and every frame has a pose. What is left is the
    solver's damping and the half precision in which products are kept."""
    settings = dataclasses.replace(FULL, redundant=0.3, steps=(4, 6), looks=4)
    frames = range(len(oracle.poses))
    with torch.inference_mode():
        frontend = Frontend(oracle, (HIGH, WIDE), lens_of(FOV), settings)
        chosen = candidates(oracle, frames)
        assert 10 < len(chosen) < len(frames)
        for each in chosen:
            frontend(each)
        keys = frontend.finish()
        for steps in settings.steps:
            error, fine = optimised(oracle, keys, steps, settings, fine=(0, 3))
        filler = Filler(oracle, keys)
        poses = np.zeros((len(frames), 7))
        poses[keys.times] = keys.poses
        others = [frame for frame in frames if frame not in keys.times]
        for start in range(0, len(others), 16):
            some = others[start : start + 16]
            poses[some] = filler(some, [picture(frame) for frame in some])
    assert error < 0.02
    assert fine[3].shape == (HIGH * SHRINK, WIDE * SHRINK)
    turns, places = from_first(poses)
    true_turns, true_places = from_first(oracle.poses.double().numpy())
    scale = (places * true_places).sum() / (places**2).sum()
    length = np.linalg.norm(np.diff(true_places, axis=0), axis=1).sum()
    assert np.linalg.norm(scale * places - true_places, axis=1).max() < 0.01 * length
    assert np.degrees(geodesic_angle(turns, true_turns)).max() < 0.2
    depth = keys.disparities / scale / oracle.disparities[keys.times]
    assert float((depth - 1).abs().median()) < 0.02


@pytest.mark.slow
def test_the_field_of_view_that_fits_best_is_the_true_one(oracle):
    settings = dataclasses.replace(SEARCHING, redundant=1.0, steps=(4, 6), looks=4)
    pictures = candidates(oracle, range(0, len(oracle.poses), 2), 1.0)
    steps = []

    def error(fov: int) -> float:
        return misfit(oracle, pictures, (HIGH, WIDE), lens_of(fov), settings, lambda: steps.append(1))

    tried: dict[int, float] = {}
    with torch.inference_mode():
        assert best_fov(error, tried) == FOV
    assert sorted(tried) == [50, 53, 54, 55, 56, 57, 60, 65, 70]
    assert len(steps) == 9 * len(pictures)
