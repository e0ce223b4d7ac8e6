"""Surfaces exported as they are: arrays, PLY meshes, USD and GLB, read with other libraries."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest

from kinema.body import load_body
from kinema.errors import InputError, UsageError
from kinema.formats import save_motion
from kinema.formats.report import WriteReport
from kinema.formats.surfaces import surface_tracks
from kinema.motion import Motion
from kinema.person import LOCATED, Person
from kinema.storage.stored import StoredArray
from kinema.synthetic import procedural_motion, studio_camera
from tests.helpers.gltf_reader import Gltf

BODY = load_body()
FLIP = np.array([1.0, -1.0, -1.0])


@pytest.fixture
def posed(tmp_path) -> Motion:
    """Somebody with a pose in the camera's frame and in the world, and a surface that lies 3 cm beside the body."""
    motion = procedural_motion(BODY, "on-the-spot", fps=10, camera=studio_camera(160, 120))
    person = motion.people[0].select(np.arange(3, 8))
    surface = BODY.vertices(person.pose, person.betas, person.transl) + np.float32(0.03)
    np.save(tmp_path / "surface.npy", surface)
    np.save(tmp_path / "spread.npy", np.full(surface.shape[:2], 0.02, np.float32))
    person = person.replace(
        vertices=StoredArray(tmp_path / "surface.npy"),
        vertex_uncertainty=StoredArray(tmp_path / "spread.npy"),
        data={LOCATED: person.joints + 0.03},
    )
    return motion.replace(people=(person,), body_model="free")


@pytest.fixture
def bare(posed) -> Motion:
    """The surface alone, without a pose or a camera in the world."""
    (person,) = posed.people
    kept = {name: getattr(person, name) for name in ("vertices", "vertex_uncertainty", "data")}
    camera = posed.camera.replace(rotation=None, translation=None)
    return posed.replace(people=(Person(7, person.frames, **kept),), camera=camera)


def expected(motion: Motion) -> np.ndarray:
    """The stored surface in the y-up frame of the camera."""
    return np.load(motion.people[0].vertices.path) * FLIP


def test_arrays_of_a_surface_without_a_pose(bare, tmp_path):
    """Vertices, joints, uncertainties and triangles are there, to single precision."""
    with np.load(save_motion(bare, tmp_path / "s.npz", format="mesh-npz"), allow_pickle=False) as file:
        assert str(file["frame"]) == "camera"
        assert file["people"].tolist() == [7]
        np.testing.assert_allclose(file["person_7_vertices"], expected(bare), atol=1e-6)
        np.testing.assert_allclose(file["person_7_joints"], bare.people[0].data[LOCATED] * FLIP)
        assert (file["person_7_uncertainty"] == np.float32(0.02)).all()
        np.testing.assert_array_equal(file["person_7_faces"], BODY.faces)
        np.testing.assert_allclose(file["person_7_times"], bare.times[3:8])
        np.testing.assert_array_equal(file["person_7_frames"], np.arange(3, 8))


def test_ply_meshes_open_elsewhere(bare, tmp_path):
    trimesh = pytest.importorskip("trimesh")
    with zipfile.ZipFile(save_motion(bare, tmp_path / "s.zip", format="ply")) as archive:
        assert archive.namelist() == [f"person_7/{frame:06}.ply" for frame in range(3, 8)]
        mesh = trimesh.load(io.BytesIO(archive.read("person_7/000005.ply")), file_type="ply", process=False)
    np.testing.assert_allclose(mesh.vertices, expected(bare)[2], atol=1e-6)
    np.testing.assert_array_equal(mesh.faces, BODY.faces)


def test_usd_has_the_surface_at_every_time(bare, tmp_path):
    pytest.importorskip("pxr")
    from pxr import Usd, UsdGeom

    stage = Usd.Stage.Open(str(save_motion(bare, tmp_path / "s.usda")))
    mesh = UsdGeom.Mesh(stage.GetPrimAtPath("/motion/person_7"))
    codes = mesh.GetPointsAttr().GetTimeSamples()
    np.testing.assert_allclose(np.array(codes) / stage.GetTimeCodesPerSecond(), bare.times[3:8], atol=1e-6)
    np.testing.assert_allclose(np.array(mesh.GetPointsAttr().Get(codes[4])), expected(bare)[4], atol=1e-5)
    low, high = np.array(mesh.GetExtentAttr().Get(codes[4]))
    np.testing.assert_allclose(low, expected(bare)[4].min(axis=0), atol=1e-5)
    assert (high > low).all()
    assert len(mesh.GetFaceVertexCountsAttr().Get()) == len(BODY.faces)


def shown(file, moment: float) -> list[str]:
    """Names of the meshes that a GLB shows at a time."""
    nodes = [i for i, node in enumerate(file.file.nodes) if node.mesh is not None]
    return [file.file.nodes[i].name for i in nodes if np.linalg.det(file.local(i, moment)[:3, :3]) > 0.5]


def test_a_glb_shows_the_surface_of_every_frame_alone(bare, tmp_path, gltf_validator):
    """From each frame to the next, hidden before the first and, a frame's time later, after the last; exact."""
    path = save_motion(bare, tmp_path / "s.glb")
    file = Gltf(path)
    assert gltf_validator(path)["numErrors"] == 0
    for row, frame in enumerate(range(3, 8)):
        name = f"person_7_{frame:06}"
        for moment in (bare.times[frame] + 1e-3, bare.times[frame] + 0.099):
            assert shown(file, moment - bare.times[0]) == [name]
        mesh = file.file.meshes[file.file.nodes[file.nodes[name]].mesh].primitives[0]
        np.testing.assert_allclose(file.array(mesh.attributes.POSITION), expected(bare)[row], atol=1e-6)
        np.testing.assert_array_equal(file.array(mesh.indices).reshape(-1, 3), BODY.faces)
    for moment in (bare.times[2] + 0.05, bare.times[8] + 0.05):
        assert shown(file, moment - bare.times[0]) == []
    assert {node.name for node in file.file.nodes} >= {"person_7", "camera"}


def test_in_a_glb_a_person_who_was_away_is_hidden(bare, tmp_path):
    """Two frames, then nothing for a second, then the last frame of the clip, which stays."""
    last = len(bare.times) - 1
    (person,) = bare.people
    moved = Person(7, np.array([3, 4, last]), vertices=StoredArray(person.vertices.path, np.array([0, 1, 4])))
    file = Gltf(save_motion(bare.replace(people=(moved,)), tmp_path / "s.glb"))
    times = bare.times - bare.times[0]
    assert shown(file, times[4] + 0.05) == ["person_7_000004"]
    assert shown(file, times[4] + 0.15) == []
    assert shown(file, times[last] + 1) == [f"person_7_{last:06}"]


def test_a_glb_of_surfaces_opens_elsewhere(posed, tmp_path):
    """In trimesh; located surfaces in place of the skinned body only if they are asked for."""
    trimesh = pytest.importorskip("trimesh")
    scene = trimesh.load(save_motion(posed, tmp_path / "s.glb", surface="fitted"), process=False)
    (person,) = posed.people
    own = BODY.vertices(person.pose_world, person.betas, person.transl_world)
    np.testing.assert_allclose(scene.geometry["person_1_000005"].vertices, own[2], atol=1e-5)
    assert len(scene.geometry) == 5
    assert len(Gltf(save_motion(posed, tmp_path / "b.glb")).file.skins) == 1


def test_a_glb_that_would_be_too_large_says_so_before_it_is_made(bare, tmp_path, monkeypatch):
    import kinema.formats.glb_asset as asset

    monkeypatch.setattr(asset, "_MAX_SIZE", 5 * 12 * BODY.num_vertices - 1)
    with pytest.raises(UsageError, match="cannot be larger than 4 GB; export a shorter time range or one person"):
        save_motion(bare, tmp_path / "s.glb")
    assert not (tmp_path / "s.glb").exists()


def test_without_the_body_there_are_points_alone(bare, tmp_path):
    """SMPL's surface can be exported without SMPL; a note says that its triangles are missing."""
    pytest.importorskip("pxr")
    from pxr import Usd

    report = WriteReport()
    theirs = bare.replace(body_model="SMPL_NEUTRAL.pkl")
    stage = Usd.Stage.Open(str(save_motion(theirs, tmp_path / "s.usda", report=report)))
    assert stage.GetPrimAtPath("/motion/person_7").GetTypeName() == "Points"
    assert any("no triangles" in note and "body_model" in note for note in report.notes)
    with zipfile.ZipFile(save_motion(theirs, tmp_path / "s.zip", format="ply")) as archive:
        assert b"element face 0\n" in archive.read("person_7/000003.ply")
    file = Gltf(save_motion(theirs, tmp_path / "s.glb"))
    assert {mesh.primitives[0].mode for mesh in file.file.meshes} == {0}
    assert {mesh.primitives[0].indices for mesh in file.file.meshes} == {None}


def test_in_the_world_both_surfaces_are_where_the_body_is(posed, tmp_path):
    """The located one comes to the world by the camera; the fitted one is the posed body's."""
    with np.load(save_motion(posed, tmp_path / "a.npz", format="mesh-npz")) as file:
        assert str(file["frame"]) == "world"
        located = file["person_1_vertices"]
    with np.load(save_motion(posed, tmp_path / "b.npz", format="mesh-npz", surface="fitted")) as file:
        fitted = file["person_1_vertices"]
        assert "person_1_uncertainty" not in file.files
    camera, (person,) = posed.camera, posed.people
    seen = np.load(person.vertices.path).astype(float)
    np.testing.assert_allclose(located @ camera.rotation.T + camera.translation, seen, atol=1e-5)
    own = BODY.vertices(person.pose_world, person.betas, person.transl_world)
    np.testing.assert_allclose(fitted, own, atol=1e-5)


def test_who_has_no_surface(posed, bare, tmp_path):
    (person,) = posed.people
    nobody = posed.replace(people=(person.replace(vertices=None, vertex_uncertainty=None),))
    with pytest.raises(UsageError, match="a surface that a network located; leave out `surface`"):
        save_motion(nobody, tmp_path / "s.zip", format="ply", surface="located")
    with pytest.raises(UsageError, match="nobody in this motion has a surface or a pose"):
        save_motion(bare.replace(people=()), tmp_path / "s.zip", format="ply")
    with pytest.raises(UsageError, match="`surface` must be one of located, fitted, found 'other'"):
        surface_tracks(posed, None, WriteReport(), "other")
    with pytest.raises(UsageError, match=r"export their surfaces as they are \(glb, usd, ply, mesh\)"):
        save_motion(bare, tmp_path / "s.bvh")
    bare.people[0].vertices.path.unlink()
    with pytest.raises(InputError, match="does not exist any more"):
        save_motion(bare, tmp_path / "s.zip", format="ply")
    np.save(bare.people[0].vertices.path, np.zeros((5, 3), np.float32))
    with pytest.raises(InputError, match=r"has \(5, 3\), not the vertices of 5 frames"):
        save_motion(bare, tmp_path / "s.zip", format="ply")
    assert not (tmp_path / "s.zip").exists()
