"""LightTrack's pose network against the recorded outputs of its authors' code, in torch and without it; its joints."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from kinema.errors import InputError, UsageError
from kinema.models.lighttrack.facts import EDGES, JOINTS, adjacency
from kinema.models.lighttrack.joints import confidence15, graphs_of, posetrack15
from kinema.models.lighttrack.numpy_run import SGCN, distances
from kinema.models.lighttrack.sizes import expected_shapes
from kinema.skeleton import BLAZEPOSE33, COCO17, H36M17, HALPE26, OPENPOSE25, JointSet
from tests.helpers.goldens import each_case, recording, seeded_tensors, torch_tensors

FILE = "lighttrack/golden.npz"
MANIFEST = "lighttrack/manifest_sgcn.json"
each_side = each_case("side", FILE, r"feature_(\w+)")
FIFTEEN = JointSet("fifteen", JOINTS)


@functools.cache
def golden() -> dict[str, np.ndarray]:
    return recording(FILE)


@functools.cache
def network() -> SGCN:
    return SGCN(seeded_tensors(MANIFEST))


def graphs(side: str) -> np.ndarray:
    """(N, 15, 2) from the authors' order (N, 2, 1, 15, 1)."""
    return golden()[f"data_{side}"][:, :, 0, :, 0].transpose(0, 2, 1)


def random_tensors(seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    shapes = expected_shapes()
    return {key: np.abs(rng.normal(size=shape)).astype(np.float32) + 0.1 for key, shape in shapes.items()}


@pytest.mark.golden
@each_side
def test_without_torch_it_computes_what_the_authors_compute(side):
    # Single precision of sums over some thousand products; the features are of size one.
    np.testing.assert_allclose(network().features(graphs(side)), golden()[f"feature_{side}"], rtol=0, atol=1e-5)


@pytest.mark.golden
@pytest.mark.torch
@each_side
def test_the_torch_module_loads_strictly_and_computes_the_same(side):
    torch = pytest.importorskip("torch")
    from kinema.models.lighttrack.network import SGCN as Module

    for prefix in ("", "module."):
        net = Module.from_tensors({prefix + key: value for key, value in torch_tensors(MANIFEST).items()})
        with torch.no_grad():
            found = net(torch.from_numpy(golden()[f"data_{side}"].astype(np.float32))).numpy()
        np.testing.assert_allclose(found, golden()[f"feature_{side}"], rtol=0, atol=1e-5)


@pytest.mark.golden
def test_distances_of_the_same_and_of_other_people():
    a, b = (network().features(graphs(side)) for side in "ab")
    apart = distances(a, b)
    np.testing.assert_allclose(np.diag(apart), golden()["distance"], rtol=0, atol=1e-5)
    np.testing.assert_allclose(np.diag(apart[::-1]), golden()["distance_mismatched"], rtol=0, atol=1e-5)


@pytest.mark.golden
@each_side
def test_keypoints_become_whole_pixels_from_the_corner_of_the_box(side):
    corner = golden()[f"bbox_{side}_xywh"][:, :2]
    boxes = np.hstack([corner, corner + golden()[f"bbox_{side}_xywh"][:, 2:]])
    np.testing.assert_array_equal(graphs_of(golden()[f"keypoints_{side}"], boxes, FIFTEEN), graphs(side))


@pytest.mark.golden
def test_the_graph_is_the_published_one():
    np.testing.assert_allclose(adjacency(), recording("lighttrack/adjacency.npz")["A"], rtol=0, atol=1e-7)


def test_the_graph_is_whole():
    parts = adjacency()
    np.testing.assert_allclose(parts.sum(axis=(0, 1)), 1.0, atol=1e-6)
    linked = parts.sum(axis=0) > 0
    assert {(a, b) for a, b in np.argwhere(linked) if a < b} == {tuple(sorted(edge)) for edge in EDGES}


def test_the_prefix_of_parallel_training_is_accepted():
    own = random_tensors()
    poses = np.random.default_rng(1).uniform(0, 200, (3, 15, 2))
    plain, prefixed = SGCN(own), SGCN({f"module.{key}": value for key, value in own.items()})
    np.testing.assert_array_equal(plain.features(poses), prefixed.features(poses))


def test_other_files_are_refused():
    own = random_tensors()
    with pytest.raises(InputError, match=r"w\.pt is not a LightTrack SGCN checkpoint: it has no graph layers"):
        SGCN({"encoder.weight": np.zeros((2, 2))}, name="w.pt")
    with pytest.raises(InputError, match=r"'fcn\.bias' is missing"):
        SGCN({key: value for key, value in own.items() if key != "fcn.bias"})
    with pytest.raises(InputError, match=r"'A' has shape \(3, 17, 17\), expected \(3, 15, 15\)"):
        SGCN({**own, "A": np.zeros((3, 17, 17))})
    with pytest.raises(InputError, match=r"not finite in 'fcn\.weight'"):
        SGCN({**own, "fcn.weight": np.full((128, 64, 1, 1), np.nan)})


def test_a_file_is_opened_and_a_missing_one_named(tmp_path):
    np.savez(tmp_path / "sgcn.npz", **random_tensors())
    poses = np.random.default_rng(1).uniform(0, 200, (2, 15, 2))
    np.testing.assert_array_equal(
        SGCN.open(tmp_path / "sgcn.npz").features(poses), SGCN(random_tensors()).features(poses)
    )
    with pytest.raises(InputError, match=r"nowhere\.pt"):
        SGCN.open(tmp_path / "nowhere.pt")
    (tmp_path / "short.pt").write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(InputError, match=r"short\.pt"):
        SGCN.open(tmp_path / "short.pt")


@pytest.mark.parametrize("joints", [COCO17, BLAZEPOSE33, HALPE26, OPENPOSE25], ids=lambda each: each.name)
def test_any_set_with_limbs_gives_the_fifteen_joints(joints):
    rng = np.random.default_rng(0)
    points, confidence = rng.uniform(0, 100, (4, len(joints), 2)), rng.uniform(0, 1, (4, len(joints)))
    out, sure = posetrack15(points, joints), confidence15(confidence, joints)
    assert np.isfinite(out).all()
    for place, name in enumerate(JOINTS):
        if name in joints:
            np.testing.assert_array_equal(out[:, place], points[:, joints.index(name)])
            np.testing.assert_array_equal(sure[:, place], confidence[:, joints.index(name)])
    shoulders = joints.indices(("left_shoulder", "right_shoulder"))
    if "neck" not in joints:
        np.testing.assert_allclose(out[:, JOINTS.index("neck")], points[:, shoulders].mean(axis=1))


def test_the_top_of_a_head_is_above_it():
    """Of a standing person: neck at 100, ears at 76 (y points down)."""
    points = np.zeros((1, 17, 2))
    points[0, COCO17.indices(("left_shoulder", "right_shoulder"))] = [[60, 100], [40, 100]]
    points[0, COCO17.indices(("left_ear", "right_ear"))] = [[55, 76], [45, 76]]
    np.testing.assert_allclose(posetrack15(points, COCO17)[0, JOINTS.index("head_top")], [50, 64])
    points[0, COCO17.indices(("left_ear", "right_ear"))] = np.nan
    points[0, COCO17.index("nose")] = [50, 80]
    np.testing.assert_allclose(posetrack15(points, COCO17)[0, JOINTS.index("head_top")], [50, 70])


def test_a_set_without_limbs_is_refused():
    posetrack15(np.zeros((1, 17, 2)), H36M17)
    with pytest.raises(UsageError, match="joint set few has no joint 'right_ankle'"):
        posetrack15(np.zeros((1, 1, 2)), JointSet("few", ("nose",)))
