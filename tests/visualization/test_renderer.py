"""The renderer against analytic results, against a ray tracer, and against kinema.geometry.camera."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kinema.errors import ShapeError
from kinema.geometry.camera import project, unproject
from kinema.geometry.meshes import corners_of, vertex_normals
from kinema.visualization.raster import Box, spans
from kinema.visualization.renderer import Light, Mesh, MeshRenderer, to_linear, to_srgb

WIDTH, HEIGHT = 320, 240
K = np.array([[300.0, 0, 155.0], [0, 310.0, 122.0], [0, 0, 1]])
RENDERER = MeshRenderer(WIDTH, HEIGHT)
trimesh = pytest.importorskip("trimesh", reason="its icosphere is the ball of these tests")
BALL = trimesh.creation.icosphere(subdivisions=5)
# The icosphere's flat faces lie at most this far inside the sphere, as a fraction of the radius.
SAGITTA = 1 - np.linalg.norm(BALL.triangles_center, axis=1).min()


def ball(center=(0.1, -0.05, 3.0), radius=0.4, color=(0.8, 0.5, 0.3), normals=True) -> Mesh:
    vertices = BALL.vertices * radius + np.asarray(center)
    return Mesh(vertices, np.asarray(BALL.faces), color, BALL.vertices if normals else None)


def plate(depth: float, left=-1.0, right=1.0, top=-1.0, bottom=1.0, color=(1.0, 1.0, 1.0)) -> Mesh:
    """A rectangle that faces the camera."""
    corners = np.array([[left, top, depth], [right, top, depth], [right, bottom, depth], [left, bottom, depth]])
    return Mesh(corners, np.array([[0, 1, 2], [0, 2, 3]])[:, ::-1], color)


def rays(width=WIDTH, height=HEIGHT, distortion=None) -> np.ndarray:
    u, v = np.meshgrid(np.arange(width), np.arange(height))
    return unproject(np.stack([u, v], axis=-1), K, distortion)


def sphere_depth(points: np.ndarray, center, radius) -> np.ndarray:
    """Depth z at which the rays (x, y, 1) first meet a sphere, inf where they miss it."""
    d = np.concatenate([points, np.ones((*points.shape[:-1], 1))], axis=-1)
    a, b = np.sum(d * d, axis=-1), d @ np.asarray(center)
    root = b**2 - a * (np.dot(center, center) - radius**2)
    return np.where(root >= 0, (b - np.sqrt(np.maximum(root, 0))) / a, np.inf)


def test_sphere_silhouette_and_depth_match_the_analytic_ones():
    center, radius = (0.1, -0.05, 3.0), 0.4
    rendering = RENDERER.render([ball(center, radius)], K)
    fine = 8
    offsets = (np.arange(fine) + 0.5) / fine - 0.5
    u = (np.arange(WIDTH)[:, None] + offsets).ravel()
    v = (np.arange(HEIGHT)[:, None] + offsets).ravel()
    dense = np.isfinite(sphere_depth(unproject(np.stack(np.meshgrid(u, v), axis=-1), K), center, radius))
    truth = dense.reshape(HEIGHT, fine, WIDTH, fine).mean(axis=(1, 3))
    alpha = rendering.full("alpha")
    # The faces lie inside the sphere: the area is smaller by about twice the sagitta.
    assert alpha.sum() == pytest.approx(truth.sum(), rel=2 * SAGITTA + 5e-4)
    # Four lines per row of pixels: at worst one of them is decided differently, plus the sagitta in pixels.
    assert np.abs(alpha - truth).max() <= 0.25 + 60 * SAGITTA
    assert np.abs(alpha - truth).mean() < 1e-3

    depth, expected = rendering.full("depth"), sphere_depth(rays(), center, radius)
    inner = truth == 1
    error = np.abs(depth[inner] - expected[inner])
    assert np.median(error) < radius * SAGITTA
    assert np.percentile(error, 95) < 1e-3
    assert np.all(np.isinf(depth[alpha == 0]))
    assert alpha[truth == 0].max() < 1 / 16  # between the samples


def test_vertices_land_where_the_camera_projects_them():
    spots = np.array([[0.0, 0, 2], [0.5, 0.3, 3], [-0.8, -0.5, 2.5], [0.55, -0.6, 2.2]])
    tetra = trimesh.creation.icosphere(subdivisions=1, radius=0.02)
    for spot in spots:
        rendering = RENDERER.render([Mesh(tetra.vertices + spot, np.asarray(tetra.faces))], K)
        alpha = rendering.full("alpha")
        v, u = np.indices(alpha.shape)
        found = np.array([(u * alpha).sum(), (v * alpha).sum()]) / alpha.sum()
        assert np.abs(found - project(spot, K)).max() < 0.1  # pixels; a small ball's silhouette is centred to 0.05


@pytest.mark.parametrize("distortion", [[-0.28, 0.09, 0.001, -0.002], [0.12, -0.05, 0.0, 0.0, 0.01]])
def test_lens_distortion_bends_the_rendering_as_it_bends_points(distortion):
    distortion = np.array(distortion)
    center, radius = (0.7, 0.45, 2.4), 0.35
    rendering = RENDERER.render([ball(center, radius)], K, distortion)
    expected = sphere_depth(rays(distortion=distortion), center, radius)
    hit = rendering.full("alpha") > 0.5
    assert hit.sum() > 1000
    assert np.mean(hit != np.isfinite(expected)) < 5e-4  # one silhouette pixel in a hundred may round differently
    both = hit & np.isfinite(expected)
    assert np.median(np.abs(rendering.full("depth")[both] - expected[both])) < 1e-3


def test_points_far_outside_the_image_do_not_fold_back_into_it():
    barrel = np.array([-0.4, 0.0, 0.0, 0.0])
    outside = ball(center=(3.5, 0.0, 1.0), radius=0.3)  # seventy degrees off the axis
    assert RENDERER.render([outside], K, barrel).full("alpha").max() == 0


def test_visible_faces_agree_with_a_ray_tracer():
    scene = pytest.importorskip("embreex.rtcore_scene")
    construction = pytest.importorskip("embreex.mesh_construction")
    knot = trimesh.creation.torus(0.5, 0.2, major_sections=90, minor_sections=40)
    turn = trimesh.transformations.rotation_matrix(1.1, [1, 0.3, 0.2])[:3, :3]
    vertices = knot.vertices @ turn.T + [0.05, 0.1, 2.2]
    rendering = RENDERER.render([Mesh(vertices, np.asarray(knot.faces))], K)
    embree = scene.EmbreeScene()
    construction.TriangleMesh(embree, vertices.astype(np.float32), knot.faces.astype(np.int32))
    points = rays().reshape(-1, 2)
    directions = np.column_stack([points, np.ones(len(points))]).astype(np.float32)
    distance = embree.run(np.zeros_like(directions), directions, query="DISTANCE").reshape(HEIGHT, WIDTH)
    traced, rasterized = distance < 1e30, np.isfinite(rendering.full("depth"))
    core = traced & (rendering.full("alpha") == 1)
    assert np.mean((rendering.full("alpha") > 0.5) != traced) < 1e-3
    assert np.all(rasterized[core])
    assert np.percentile(np.abs(rendering.full("depth") - distance)[core], 99.5) < 1e-4


def test_nearer_meshes_hide_farther_ones_in_any_order():
    near, far = ball((0.0, 0, 2.0), 0.2, (1, 0, 0)), ball((0.1, 0, 3.0), 0.5, (0, 0, 1))
    one, two = RENDERER.render([near, far], K), RENDERER.render([far, near], K)
    np.testing.assert_allclose(one.full("color"), two.full("color"), atol=1e-6)
    np.testing.assert_allclose(one.full("alpha"), two.full("alpha"), atol=1e-6)
    u, v = project(np.array([0.0, 0, 2.0]), K).round().astype(int)
    assert one.full("mesh")[v, u] == 0
    assert two.full("mesh")[v, u] == 1
    assert one.full("color")[v, u, 2] == 0
    u, v = project(np.array([0.45, 0, 2.85]), K).round().astype(int)
    assert one.full("mesh")[v, u] == 1


def test_meshes_that_cut_each_other_are_resolved_at_each_pixel():
    left_near = Mesh(np.array([[-1.0, -1, 2], [1, -1, 3], [1, 1, 3], [-1, 1, 2]]), np.array([[0, 2, 1], [0, 3, 2]]))
    right_near = Mesh(np.array([[-1.0, -1, 3], [1, -1, 2], [1, 1, 2], [-1, 1, 3]]), np.array([[0, 2, 1], [0, 3, 2]]))
    mesh = RENDERER.render([left_near, right_near], K).full("mesh")
    assert np.all(mesh[120, 60:154] == 0)
    assert np.all(mesh[120, 158:240] == 1)


def test_one_triangle_covers_its_area():
    triangle = Mesh(np.array([[-0.3, -0.2, 2.0], [0.1, 0.4, 2.0], [0.5, -0.3, 2.0]]), np.array([[0, 1, 2]]))
    (a, b, c), alpha = project(triangle.vertices, K), RENDERER.render([triangle], K).full("alpha")
    area = 0.5 * abs(np.linalg.det(np.stack([b - a, c - a])))
    assert alpha.sum() == pytest.approx(area, rel=5e-3)


@given(st.integers(0, 10_000))
def test_triangles_that_share_edges_leave_no_holes_and_do_not_overlap(seed):
    rng = np.random.default_rng(seed)
    inner = rng.uniform(2, 38, (30, 2))
    if seed % 2:
        inner = inner.round()  # corners exactly on pixel centres: the case of ties
    points = np.concatenate([[[0, 0], [40, 0], [0, 40], [40, 40]], np.unique(inner, axis=0)])
    from scipy.spatial import Delaunay

    faces = Delaunay(points).simplices
    box = Box(0, 0, 40, 40)
    index = spans(corners_of(points, faces), box).pixels(box)
    count = np.bincount(index, minlength=1600)
    assert np.all(count == 1)


def test_light_comes_from_its_direction():
    towards = np.array([-1.0, -1.0, -1.0])
    only_key = Light(key=tuple(towards), key_strength=0.9, fill_strength=0, sky=0.05, ground=0.05)
    center = np.array([0.0, 0.0, 3.0])
    rendering = MeshRenderer(WIDTH, HEIGHT, light=only_key).render([ball(center, 0.5, (1, 1, 1))], K)
    linear = to_linear(rendering.full("color")[..., 0])
    hit = rendering.full("alpha") == 1
    v, u = np.nonzero(hit)
    depth = rendering.full("depth")[v, u]
    points = np.column_stack([unproject(np.column_stack([u, v]), K) * depth[:, None], depth])
    normals = (points - center) / np.linalg.norm(points - center, axis=1, keepdims=True)
    expected = 0.05 + 0.9 * np.maximum(normals @ towards / np.sqrt(3), 0)
    # Lighting is computed at vertices and interpolated in sRGB: within 1 % of full light.
    assert np.abs(linear[v, u] - expected).max() < 0.02
    assert np.abs(linear[v, u] - expected).mean() < 0.003


def test_normals_of_a_mesh_point_outwards():
    normals = vertex_normals(BALL.vertices, np.asarray(BALL.faces))
    assert np.sum(normals * BALL.vertices, axis=1).min() > 0.999
    shaded = RENDERER.render([ball(normals=False)], K).full("color")
    np.testing.assert_allclose(shaded, RENDERER.render([ball()], K).full("color"), atol=0.01)


def test_vertex_colours_are_interpolated_with_perspective():
    # A floor-like plate that recedes: half-way in depth is not half-way in the image.
    corners = np.array([[-1.0, 0.5, 2], [1, 0.5, 2], [1, 0.5, 8], [-1, 0.5, 8]])
    red = np.array([[0.0, 0, 0], [0, 0, 0], [1, 0, 0], [1, 0, 0]])
    flat = Light(key_strength=0, fill_strength=0, sky=1, ground=1)
    normals = np.tile([0.0, -1, 0], (4, 1))
    mesh = Mesh(corners, np.array([[0, 1, 2], [0, 2, 3]]), red, normals)
    rendering = MeshRenderer(WIDTH, HEIGHT, light=flat).render([mesh], K)
    u, v = project(np.array([0.0, 0.5, 5.0]), K)
    row = round(float(v))
    depth = 0.5 * K[1, 1] / (row - K[1, 2])
    assert rendering.full("depth")[row, int(u)] == pytest.approx(depth, rel=1e-4)
    assert rendering.full("color")[row, int(u), 0] == pytest.approx((depth - 2) / 6, abs=0.005)


def test_back_faces_are_not_drawn():
    front = plate(2.0)
    back = Mesh(front.vertices, front.faces[:, ::-1])
    assert RENDERER.render([front], K).alpha.sum() > 1000
    assert RENDERER.render([back], K).alpha.sum() == 0


@pytest.mark.parametrize("center", [(0, 0, -2.0), (0, 0, 0.0), (9, 0, 2.0), (0, -9, 2.0), (-9, 9, 2.0)])
def test_meshes_out_of_view_are_not_drawn(center):
    rendering = RENDERER.render([ball(center, 0.3)], K)
    assert rendering.full("alpha").sum() == 0
    image = np.full((HEIGHT, WIDTH, 3), 77, np.uint8)
    np.testing.assert_array_equal(rendering.over(image), image)


def test_a_mesh_across_the_camera_plane_shows_the_part_in_front():
    vertices = BALL.vertices * [0.3, 0.3, 2.0] + [0.4, 0.4, 0.0]
    rendering = RENDERER.render([Mesh(vertices, np.asarray(BALL.faces))], K)
    assert 0 < rendering.full("alpha").sum() < WIDTH * HEIGHT
    assert np.all(rendering.full("depth") > RENDERER.near)
    assert np.all(np.isfinite(rendering.color))


@pytest.mark.parametrize("center", [(-1.0, 0, 2.0), (1.1, 0.9, 2.0), (0, -0.8, 2.0)])
def test_a_cropped_mesh_looks_as_in_a_larger_image(center):
    margin = 200
    wide = MeshRenderer(WIDTH + 2 * margin, HEIGHT + 2 * margin)
    shifted = K + np.array([[0, 0, margin], [0, 0, margin], [0, 0, 0]])
    mesh = ball(center, 0.4)
    whole, part = wide.render([mesh], shifted), RENDERER.render([mesh], K)
    inner = (slice(margin, margin + HEIGHT), slice(margin, margin + WIDTH))
    assert part.full("alpha").sum() > 100
    np.testing.assert_allclose(part.full("alpha"), whole.full("alpha")[inner], atol=0.26)
    assert np.mean(np.abs(part.full("alpha") - whole.full("alpha")[inner]) > 1e-3) < 1e-3
    solid = part.full("alpha") == 1
    np.testing.assert_allclose(part.full("color")[solid], whole.full("color")[inner][solid], atol=2e-3)


def test_over_blends_by_opacity_and_leaves_the_rest_unchanged():
    image = np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3)).astype(np.uint8)
    before = image.copy()
    rendering = RENDERER.render([ball()], K)
    half, full = rendering.over(image, 0.5), rendering.over(image, 1.0)
    np.testing.assert_array_equal(image, before)
    alpha = rendering.full("alpha")
    np.testing.assert_array_equal(half[alpha == 0], image[alpha == 0])
    solid = alpha == 1
    np.testing.assert_allclose(full[solid], rendering.full("color")[solid] * 255, atol=0.51)
    np.testing.assert_allclose(half[solid], 0.5 * image[solid] + 0.5 * full[solid], atol=1.1)


def test_srgb_and_linear_are_inverse():
    values = np.linspace(0, 1, 101)
    np.testing.assert_allclose(to_srgb(to_linear(values)), values, atol=1e-12)
    assert to_linear(np.array(0.5)) == pytest.approx(0.2140, abs=1e-4)


@pytest.mark.parametrize(
    ("vertices", "faces", "color"),
    [
        (np.zeros((3, 2)), np.array([[0, 1, 2]]), (1, 1, 1)),
        (np.full((3, 3), np.nan), np.array([[0, 1, 2]]), (1, 1, 1)),
        (np.zeros((3, 3)), np.array([[0, 1, 3]]), (1, 1, 1)),
        (np.zeros((3, 3)), np.array([[0.0, 1, 2]]), (1, 1, 1)),
        (np.zeros((3, 3)), np.array([[0, 1, 2]]), np.ones((2, 3))),
    ],
)
def test_invalid_meshes_are_refused(vertices, faces, color):
    with pytest.raises(ShapeError):
        Mesh(vertices, faces, color)


def test_no_meshes_and_no_size():
    assert RENDERER.render([], K).full("color").shape == (HEIGHT, WIDTH, 3)
    with pytest.raises(ShapeError):
        MeshRenderer(0, 5)
