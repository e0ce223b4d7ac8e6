"""The graph of keyframes, which frames are compared, and the poses in between, against the recorded outputs."""

from __future__ import annotations

import numpy as np
import pytest

from tests.helpers.goldens import each_case, recording, torch_tensors

torch = pytest.importorskip("torch")

from kinema.camera.slam.filling import between  # noqa: E402
from kinema.camera.slam.graph import FactorGraph  # noqa: E402
from kinema.camera.slam.keyframes import Keyframes  # noqa: E402
from kinema.camera.slam.proximity import nearby, neighbours  # noqa: E402
from kinema.models.droid.network import DroidNet  # noqa: E402
from kinema.models.droid.torch_run import DroidRun  # noqa: E402

pytestmark = pytest.mark.torch

FILE = "droid/golden.npz"

TOLERANCE = 5e-3
"""Of what two looks and six rounds leave, as the recording states it."""

NEARNESS = {"prox": (2, 1, 16.0), "prox2": (2, 3, 3.0)}
"""Radius, distance from other edges and threshold of the recorded edges, as their README has them."""


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    return recording(FILE)


def pairs(golden, name: str) -> list[tuple[int, int]]:
    return list(zip(golden[f"{name}_ii"].tolist(), golden[f"{name}_jj"].tolist(), strict=True))


@pytest.mark.golden
@pytest.mark.slow
def test_two_looks_at_masked_keyframes(golden):
    pictures = golden["images_u8"]
    run = DroidRun(DroidNet.from_tensors(torch_tensors("droid/manifest.json")), pictures.shape[2:], device="cpu")
    frames = Keyframes(*golden["disps"].shape[1:], torch.from_numpy(golden["intrinsics8"]), stored=torch.float32)
    with torch.inference_mode():
        for time, bgr in enumerate(pictures):
            rgb = np.ascontiguousarray(bgr.transpose(1, 2, 0)[..., ::-1])
            mask = torch.from_numpy(golden["ba_mask"][time])
            frames.append(time, run.features(rgb), *run.context(rgb), mask)
        graph = FactorGraph(run, frames)
        graph.add(neighbours(len(pictures), 3))
        assert graph.pairs() == pairs(golden, "fg")
        for _ in range(2):
            graph.update(first=1, rounds=3)
    edges = {(each.start, each.end): each for each in graph.active}
    edges = [edges[pair] for pair in pairs(golden, "fg")]
    np.testing.assert_allclose(frames.poses, golden["fg_poses"], atol=TOLERANCE)
    np.testing.assert_allclose(frames.disparities, golden["fg_disps"], atol=TOLERANCE)
    weight, target = (torch.stack([getattr(each, name) for each in edges])[::5] for name in ("weight", "target"))
    np.testing.assert_allclose(weight, golden["fg_weight"], atol=TOLERANCE)
    np.testing.assert_allclose(target, golden["fg_target"], atol=TOLERANCE)
    hidden = torch.from_numpy(golden["ba_mask"])[[each.start for each in edges[::5]]]
    assert hidden.any()
    assert (weight[hidden] == 0).all()


@pytest.mark.golden
@each_case("name", FILE, r"(prox\d?)_ii")
def test_which_frames_are_compared(golden, name):
    radius, apart, threshold = NEARNESS[name]
    found = nearby(golden["distance"], (), radius=radius, apart=apart, threshold=threshold, most=10**6)
    assert found == pairs(golden, name)


def test_edges_that_exist_keep_others_away():
    distance = np.abs(np.subtract.outer(np.arange(12.0), np.arange(12.0)))
    options = {"radius": 1, "apart": 3, "threshold": 20.0, "most": 10**6}
    free = nearby(distance, (), **options)
    i, j = next(pair for pair in free if pair[0] - pair[1] > 5)
    beside = nearby(distance, [(i, j)], **options)
    assert all(abs(a - i) + abs(b - j) > 3 or b >= a - 2 for a, b in beside if a > b)
    few = nearby(distance, (), **{**options, "most": 30})
    assert few == free[: len(few)]
    assert len(few) <= 46 < len(free)  # the frames just before are always compared


def test_a_part_of_the_distances_gives_edges_of_that_part():
    distance = np.full((3, 6), 5.0)
    found = nearby(distance, (), rows_from=9, columns_from=6, radius=2, apart=1, threshold=16.0, most=100)
    assert {max(pair) for pair in found} == {9, 10, 11}
    assert {min(pair) for pair in found} <= set(range(6, 11))
    assert len(set(found)) == len(found)


@pytest.mark.golden
def test_poses_between_keyframes(golden):
    times, poses = torch.from_numpy(golden["fill_tstamps"]), torch.from_numpy(golden["poses"])
    wanted = torch.arange(len(golden["fill_poses"]), dtype=times.dtype)
    found, before, after = between(poses[: len(times)], times, wanted)
    np.testing.assert_allclose(found, golden["fill_poses"], atol=1e-5)
    assert (times[before] <= wanted).all()
    assert ((times[after] > wanted) | (after == len(times) - 1)).all()


class NoNetwork:
    """In place of a network that is not asked."""


def graph_of(count: int) -> FactorGraph:
    frames = Keyframes(4, 5, torch.tensor([5.0, 5.0, 2.0, 1.5]))
    for time in range(count):
        frames.append(10 * time, *(torch.full((128, 4, 5), float(time)) for _ in range(3)), torch.zeros(4, 5) > 0)
        frames.poses[-1, 0], frames.disparities[-1] = time, time + 1
    return FactorGraph(NoNetwork(), frames, most=6)


def test_a_keyframe_goes_with_its_edges():
    graph = graph_of(20)  # more than there is room for at first
    graph.add([(17, 18), (18, 19), (19, 17), (2, 3)])
    graph.retire(lambda edge: edge.start == 2)
    graph.remove_frame(18)
    frames = graph.frames
    assert graph.pairs() == [(18, 17), (2, 3)]
    assert frames.times == [*range(0, 180, 10), 190]
    assert frames.poses[:, 0].tolist() == [*range(18), 19]
    assert [float(each.mean()) for each in frames.features] == [*range(18), 19]
    assert frames.disparities[:, 0, 0].tolist() == [*range(1, 19), 20]


def test_the_oldest_edges_make_room_and_are_not_added_again():
    graph = graph_of(6)
    graph.add([(0, 1), (1, 0), (1, 2), (2, 1)])
    for age, edge in enumerate(graph.active):
        edge.age = 10 - age
    graph.add([(3, 4), (4, 3), (4, 5), (5, 4), (0, 1)], make_room=True)
    assert [(each.start, each.end) for each in graph.inactive] == [(0, 1), (1, 0)]
    assert len(graph.active) == graph.most
    graph.forget(1)
    graph.add([(0, 1)])
    assert len(graph.active) == graph.most
    assert not graph.inactive
    assert len(graph.pairs()) == 8


def test_the_mean_disparity_becomes_one_and_nothing_else_changes():
    graph = graph_of(5)
    frames = graph.frames
    product = frames.poses[:, :1] * frames.disparities.mean()
    frames.normalise()
    assert float(frames.disparities.mean()) == pytest.approx(1)
    torch.testing.assert_close(frames.poses[:, :1], product)
