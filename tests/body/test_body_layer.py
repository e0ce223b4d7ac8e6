"""The layer's laws, on the free body and on a file with pose blend shapes."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from kinema.body import BodyModel, load_body
from kinema.body import model as model_module
from kinema.errors import ShapeError, UsageError

STILL = np.zeros((1, 3))
REST = np.zeros((1, 72))


@pytest.fixture(params=["free", "file"])
def body(request) -> BodyModel:
    if request.param == "free":
        return load_body()
    return request.getfixturevalue("file_body")


def random_motion(rng: np.random.Generator, frames: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return rng.normal(0, 0.5, (frames, 72)), rng.normal(0, 1, (frames, 10)), rng.normal(0, 2, (frames, 3))


def test_zero_pose_gives_the_template(body: BodyModel) -> None:
    vertices = body.vertices(REST, np.zeros(10), STILL, dtype=np.float64)
    np.testing.assert_allclose(vertices[0], body.v_template, atol=1e-12)
    np.testing.assert_allclose(body.joints(REST, np.zeros(10), STILL)[0], body.J_template, atol=1e-12)


def test_betas_are_linear(body: BodyModel, rng) -> None:
    a, b = rng.normal(size=10), rng.normal(size=10)
    both = body.shaped(2 * a + b) - body.v_template
    alone = 2 * (body.shaped(a) - body.v_template) + body.shaped(b) - body.v_template
    np.testing.assert_allclose(both, alone, atol=1e-12)
    np.testing.assert_allclose(body.J_regressor @ body.shaped(a), body.rest_joints(a), atol=1e-12)


def test_the_root_turns_about_its_own_joint(body: BodyModel, rng) -> None:
    pose, betas, transl = random_motion(rng, 3)
    turn = Rotation.from_rotvec([0.4, -1.1, 0.7])
    turned = pose.copy()
    turned[:, :3] = (turn * Rotation.from_rotvec(pose[:, :3])).as_rotvec()
    before = body.vertices(pose, betas, transl, dtype=np.float64)
    after = body.vertices(turned, betas, transl, dtype=np.float64)
    root = body.rest_joints(betas)[:, :1] + transl[:, None]
    np.testing.assert_allclose(after - root, (before - root) @ turn.as_matrix().T, atol=1e-9)
    np.testing.assert_allclose(body.joints(turned, betas, transl)[:, 0], root[:, 0], atol=1e-12)


def test_translation_is_added_last(body: BodyModel, rng) -> None:
    pose, betas, transl = random_motion(rng, 2)
    moved = body.vertices(pose, betas, transl, dtype=np.float64)
    still = body.vertices(pose, betas, np.zeros((2, 3)), dtype=np.float64)
    np.testing.assert_allclose(moved, still + transl[:, None], atol=1e-9)


def test_bones_keep_their_length(body: BodyModel, rng) -> None:
    pose, betas, transl = random_motion(rng, 4)
    posed, rest = body.joints(pose, betas, transl), body.rest_joints(betas)
    parents = body.parents[1:]
    for joints in (posed, rest):
        assert joints.shape == (4, 24, 3)
    bone = np.linalg.norm(posed[:, 1:] - posed[:, parents], axis=-1)
    np.testing.assert_allclose(bone, np.linalg.norm(rest[:, 1:] - rest[:, parents], axis=-1), atol=1e-12)


def test_plain_skinning_is_the_definition(body: BodyModel, rng) -> None:
    """Both fast paths against the formula written out: sum over joints of weight * transform * vertex."""
    pose, betas, transl = random_motion(rng, 3)
    for shape in (betas, betas[0]):
        rotation, place = body.chain(pose, shape, transl)
        rest = np.broadcast_to(body.rest_joints(shape), (3, 24, 3))
        vertices = np.broadcast_to(body.shaped(shape), (3, body.num_vertices, 3)).copy()
        if body.posedirs is not None:
            local = Rotation.from_rotvec(pose.reshape(-1, 3)).as_matrix().reshape(3, 24, 3, 3)
            vertices += np.einsum("vkp,fp->fvk", body.posedirs, (local[:, 1:] - np.eye(3)).reshape(3, -1))
        expected = np.zeros_like(vertices)
        for j in range(24):
            moved = (vertices - rest[:, j : j + 1]) @ rotation[:, j].transpose(0, 2, 1) + place[:, j : j + 1]
            expected += body.weights[:, j : j + 1] * moved
        found = body.vertices(pose, shape, transl, dtype=np.float64)
        np.testing.assert_allclose(found, expected, atol=1e-9)
        single = body.vertices(pose, shape, transl)
        assert single.dtype == np.float32
        np.testing.assert_allclose(single, expected, atol=1e-5)


def test_chunks_do_not_show(body: BodyModel, rng, monkeypatch) -> None:
    pose, betas, transl = random_motion(rng, 5)
    whole = [body.vertices(pose, shape, transl) for shape in (betas, betas[0])]
    monkeypatch.setattr(model_module, "CHUNK_FLOATS", 2 * 12 * body.num_vertices)
    for expected, shape in zip(whole, (betas, betas[0]), strict=True):
        np.testing.assert_allclose(body.vertices(pose, shape, transl), expected, atol=1e-6)


def test_no_frames_give_no_frames(body: BodyModel) -> None:
    none = np.zeros((0, 72))
    assert body.joints(none, np.zeros(10), np.zeros((0, 3))).shape == (0, 24, 3)
    assert body.vertices(none, np.zeros((0, 10)), np.zeros((0, 3))).shape == (0, body.num_vertices, 3)


@pytest.mark.parametrize(
    ("pose", "betas", "transl", "message"),
    [
        (np.zeros((2, 69)), np.zeros(10), np.zeros((2, 3)), "pose must be"),
        (np.zeros((2, 72)), np.zeros(9), np.zeros((2, 3)), "betas must be"),
        (np.zeros((2, 72)), np.zeros(10), np.zeros((3, 3)), "transl must be"),
    ],
)
def test_wrong_shapes_are_named(free: BodyModel, pose, betas, transl, message) -> None:
    with pytest.raises(UsageError, match=message):
        free.joints(pose, betas, transl)


def test_an_inconsistent_body_cannot_exist(free: BodyModel) -> None:
    with pytest.raises(ShapeError, match="weights has shape"):
        dataclasses.replace(free, weights=free.weights[:-1])
    with pytest.raises(ShapeError, match="faces refer to vertices outside"):
        dataclasses.replace(free, faces=free.faces + 1)
    with pytest.raises(ShapeError, match="earlier joint"):
        dataclasses.replace(free, parents=np.zeros(24, dtype=int) - 1)


def test_arrays_are_read_only(free: BodyModel) -> None:
    with pytest.raises(ValueError, match="read-only"):
        free.v_template[0] = 0


def test_the_free_body_is_read_once() -> None:
    assert load_body() is load_body(None)


def test_a_file_gives_its_own_name(neutral_file: Path) -> None:
    assert load_body(neutral_file).name == neutral_file.name
