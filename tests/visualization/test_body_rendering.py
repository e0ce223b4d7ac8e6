"""Renderings of a body against a plain one: each face in turn, in double precision, each sample on its own."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from kinema.body import load_body
from kinema.geometry.camera import project
from kinema.geometry.meshes import Topology, vertex_normals
from kinema.synthetic import procedural_motion, studio_camera
from kinema.video import Frame
from kinema.visualization.overlay import drawn
from kinema.visualization.renderer import Light, Mesh, MeshRenderer, to_linear, to_srgb

BODY = load_body()
SIZE = (200, 150)
MOTION = procedural_motion(BODY, "on-the-spot", fps=2, camera=studio_camera(*SIZE))
K = MOTION.camera.intrinsics
LEVEL = 1 / 255


def posed(row: int, by=(0.0, 0.0, 0.0)) -> np.ndarray:
    person = MOTION.people[0]
    rows = slice(row, row + 1)
    return BODY.vertices(person.pose[rows], person.betas[rows], person.transl[rows])[0].astype(np.float64) + by


def inside(corners: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Barycentric coordinates (3, ...) of points in a triangle (3,2)."""
    (ax, ay), (bx, by), (cx, cy) = corners
    area = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay)
    one = ((bx - u) * (cy - v) - (cx - u) * (by - v)) / area
    two = ((cx - u) * (ay - v) - (ax - u) * (cy - v)) / area
    return np.stack([one, two, 1 - one - two])


def plain(vertices: np.ndarray, color: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Colour (H,W,3) sRGB at the pixels' centres and covered fraction (H,W) of 4 x 16 samples."""
    width, height = SIZE
    light = Light().irradiance(vertex_normals(vertices, BODY.faces))[:, None]
    shade = to_srgb(to_linear(np.broadcast_to(color, vertices.shape)) * light)
    pixels, depth = project(vertices, K), vertices[:, 2]
    picture, nearest = np.zeros((height, width, 3)), np.zeros((height, width))
    samples = np.zeros((height, 4, width, 16), dtype=bool)
    lines, steps = ((np.arange(n) + 0.5) / n - 0.5 for n in (4, 16))
    for face in BODY.faces:
        (ax, ay), (bx, by), (cx, cy) = corners = pixels[face]
        if (bx - ax) * (cy - ay) >= (cx - ax) * (by - ay):
            continue
        left, top = np.maximum(np.floor(corners.min(axis=0)).astype(int), 0)
        right, bottom = np.minimum(np.ceil(corners.max(axis=0)).astype(int) + 1, SIZE)
        if left >= right or top >= bottom:
            continue
        u, v = np.meshgrid(np.arange(left, right, dtype=float), np.arange(top, bottom, dtype=float))
        weights = inside(corners, u, v) / depth[face][:, None, None]
        near = weights.sum(axis=0)
        part = slice(top, bottom), slice(left, right)
        won = (weights.min(axis=0) >= 0) & (near > nearest[part])
        nearest[part][won] = near[won]
        picture[part][won] = (np.einsum("khw,kc->hwc", weights, shade[face]) / near[..., None])[won]
        fine = inside(corners, u[:, None, :, None] + steps, v[:, None, :, None] + lines[:, None, None])
        samples[top:bottom, :, left:right] |= fine.min(axis=0) >= 0
    return picture, samples.mean(axis=(1, 3))


@pytest.mark.parametrize("row", [0, 3])
@pytest.mark.parametrize("color", ["plain", "bright", "vertices"])
def test_a_body_looks_as_drawn_plainly(row, color):
    """plain: one shade is interpolated; bright: light is clipped, so three channels are; vertices: a colour each."""
    rng = np.random.default_rng(0)
    mixed = rng.uniform(0, 1, (len(BODY.weights), 3))
    colors = {"plain": (0.9, 0.62, 0.0), "bright": (1.0, 0.98, 0.95), "vertices": mixed}
    vertices, paint = posed(row), np.asarray(colors[color])
    rendering = MeshRenderer(*SIZE).render([Mesh(vertices, BODY.faces, paint)], K)
    picture, covered = plain(vertices, paint)
    alpha = rendering.full("alpha")
    assert alpha.sum() > 800
    # The renderer measures lengths along the same four lines, of which the samples see whole sixteenths: an edge is off
    # by half of one, and a pixel may have both sides of a finger.
    assert np.abs(alpha - covered).max() <= 1 / 16
    assert np.abs(alpha - covered).sum() < 0.02 * np.sum((covered > 0) & (covered < 1))
    solid = (alpha == 1) & (covered == 1)
    difference = np.abs(rendering.full("color") - picture)[solid].max(axis=1)
    # Where two faces meet at one depth either may win, which colours of neighbouring vertices show.
    assert np.mean(difference > LEVEL / 10) < 2e-3
    if color != "vertices":
        assert difference.max() < LEVEL


@pytest.mark.parametrize("apart", [0.2, 1.2])
def test_parts_are_the_whole(apart):
    """People who stand apart and people who overlap: the same picture as from the whole rendering."""
    width, height = 400, 150
    camera = studio_camera(width, height).intrinsics
    meshes = [
        Mesh(posed(0, (-apart, 0, 0)), BODY.faces, (0.9, 0.6, 0)),
        Mesh(posed(2, (apart, 0, 0.5)), BODY.faces, (0, 0.6, 0.5)),
        Mesh(posed(2, (0, 0, -50)), BODY.faces),
    ]
    renderer = MeshRenderer(width, height)
    image = np.random.default_rng(1).integers(0, 256, (height, width, 3)).astype(np.uint8)
    whole, parts = renderer.render(meshes, camera), renderer.parts(meshes, camera)
    assert len(parts) == (2 if apart > 1 else 1)
    expected, found = whole.over(image, 0.7), image.copy()
    for part in parts:
        part.onto(found, 0.7)
    np.testing.assert_array_equal(found, expected)
    assert (expected != image).any()
    assert {int(i) for part in parts for i in np.unique(part.mesh)} == {-1, 0, 1}


def test_normals_of_many_poses_are_those_of_each():
    topology = Topology(BODY.faces, len(BODY.weights))
    for row in (0, 3):
        # Single precision, of sums of differences.
        np.testing.assert_allclose(topology.normals(posed(row)), vertex_normals(posed(row), BODY.faces), atol=2e-6)
    lonely = Topology(np.array([[0, 1, 2]]), 4).normals(np.eye(4, 3))
    np.testing.assert_allclose(lonely[:3], np.full((3, 3), 3**-0.5), rtol=1e-6)
    np.testing.assert_array_equal(lonely[3], 0)


def test_an_outline_runs_around_the_faces_that_are_asked_for():
    """Two triangles of a square, each alone and both: their common edge is in neither direction of both together."""
    topology = Topology(np.array([[0, 1, 2], [0, 2, 3]]), 4)

    def outline(*faces: bool) -> set[tuple[int, int]]:
        edges, more = topology.outline(np.array(faces))
        return {(int(a), int(b)) if n > 0 else (int(b), int(a)) for (a, b), n in zip(edges.T, more, strict=True)}

    assert outline(True, False) == {(0, 1), (1, 2), (2, 0)}
    assert outline(False, True) == {(0, 2), (2, 3), (3, 0)}
    assert outline(True, True) == {(0, 1), (1, 2), (2, 3), (3, 0)}
    assert outline(False, False) == set()


class Marked:
    """A view that paints the frame's number; the first frame is finished after the second."""

    width = height = 2

    def __init__(self) -> None:
        self.second = threading.Event()

    def prepare(self, frame):
        return [frame]

    def draw(self, frame, image, bodies):
        if frame == 1:
            self.second.set()
        if frame == 0:
            assert self.second.wait(20)
        assert bodies == [frame]
        image[:] = frame
        return image


class Clip:
    width = height = 2

    def __iter__(self):
        return (Frame(i, i / 10, np.zeros((2, 2, 3), np.uint8)) for i in range(9))


def test_frames_come_in_order_whichever_is_drawn_first():
    found = [(time, int(image[0, 0, 0])) for time, image in drawn([Marked()], Clip())]
    assert found == [(i / 10, i) for i in range(9)]
