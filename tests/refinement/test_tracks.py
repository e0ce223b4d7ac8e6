"""The stage that fits tracks: whatever a motion has of a person, ids and frames kept, moving cameras, other bodies."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kinema.body import BodyModel, load_body
from kinema.errors import UsageError
from kinema.geometry.camera_path import CameraPath, path_data
from kinema.geometry.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from kinema.motion import Motion
from kinema.person import LOCATED, Person
from kinema.refinement import refine
from kinema.refinement.options import TrackFitOptions
from kinema.refinement.stage import fit_tracks
from kinema.refinement.track_points import spread_out
from kinema.skeleton import SMPL24
from kinema.stage import Context
from kinema.storage.stored import StoredArray
from kinema.synthetic import procedural_motion, studio_camera
from tests.helpers.goldens import smpl_maker

FRAMES = 40
PLAIN = TrackFitOptions(smooth=False, rescale=False)


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return load_body()


@pytest.fixture(scope="module")
def truth(body: BodyModel) -> Motion:
    whole = procedural_motion(body, "demo", fps=30, camera=studio_camera(640, 480))
    person = whole.people[0].select(np.arange(FRAMES))
    betas = np.tile(np.random.default_rng(1).normal(0, 0.8, 10), (FRAMES, 1))
    person = person.replace(id=7, betas=betas, joints=body.joints(person.pose, betas, person.transl))
    camera = whole.camera.replace(rotation=None, translation=None)
    return whole.replace(times=whole.times[:FRAMES], people=(person,), camera=camera)


def located(
    body: BodyModel, motion: Motion, folder: Path, noise: float = 0.0, spread: np.ndarray | None = None
) -> Motion:
    """The motion as a network leaves it: vertices in a file, joints and uncertainties, no pose."""
    rng, people = np.random.default_rng(2), []
    for person in motion:
        surface = body.vertices(person.pose, person.betas, person.transl, dtype=np.float64)
        surface += rng.normal(size=surface.shape) * noise
        joints = person.joints + rng.normal(size=person.joints.shape) * noise
        paths = folder / f"v{person.id}.npy", folder / f"u{person.id}.npy"
        np.save(paths[0], surface.astype(np.float32))
        np.save(paths[1], np.full(surface.shape[:2], 0.01, np.float32) if spread is None else spread)
        people.append(
            Person(
                person.id, person.frames, joints=joints, joint_uncertainty=np.full(joints.shape[:2], 0.01),
                vertices=StoredArray(paths[0]), vertex_uncertainty=StoredArray(paths[1]), data={LOCATED: joints},
            )
        )  # fmt: skip
    return motion.replace(people=tuple(people), body_model=body.name)


def off(body: BodyModel, person: Person, true: Person) -> np.ndarray:
    """(F,) metres."""
    found = body.vertices(person.pose, person.betas, person.transl)
    return np.linalg.norm(found - body.vertices(true.pose, true.betas, true.transl), axis=-1).mean(axis=1)


def test_vertices_give_the_body_back(body, truth, tmp_path):
    context = Context(body=body)
    fitted = fit_tracks(located(body, truth, tmp_path), context=context, options=PLAIN)
    (person,), (true,) = fitted.people, truth.people
    assert person.id == 7
    assert off(body, person, true).max() < 2e-4
    np.testing.assert_allclose(person.joints, true.joints, atol=5e-4)
    assert np.ptp(person.betas, axis=0).max() == 0
    assert context.facts["distance_left"] < 2e-4
    assert not context.notes


def test_smoothed_hardly_anything_is_lost(body, truth, tmp_path):
    """The robust filter gives movement that is clear of noise back, at the ends, too."""
    (person,) = fit_tracks(located(body, truth, tmp_path), body).people
    assert off(body, person, truth.people[0]).max() < 0.002


def test_noise_is_averaged(body, truth, tmp_path):
    (person,) = fit_tracks(located(body, truth, tmp_path, noise=0.02), body, PLAIN).people
    assert off(body, person, truth.people[0]).max() < 0.0067


def test_uncertain_points_count_less(body, truth, tmp_path):
    """An arm whose points are 30 cm off, and said to be uncertain by that, hardly moves the rest."""
    arm = np.isin(body.weights.argmax(axis=1), [19, 21, 23])
    spread = np.tile(np.where(arm, 0.3, 0.01), (FRAMES, 1)).astype(np.float32)
    motion = located(body, truth, tmp_path, spread=spread)
    path = motion.people[0].vertices.path
    np.save(path, np.load(path) + np.where(arm, 0.3, 0)[None, :, None].astype(np.float32))
    (person,), (true,) = fit_tracks(motion, body, PLAIN).people, truth.people
    found, wanted = (body.vertices(p.pose, p.betas, p.transl)[:, ~arm] for p in (person, true))
    assert np.linalg.norm(found - wanted, axis=-1).mean() < 0.004


def test_a_pose_of_its_own_is_enough(body, truth):
    """As of PARE: one shape in place of one a frame."""
    rng = np.random.default_rng(3)
    (true,) = truth.people
    guessed = true.replace(betas=true.betas + rng.normal(0, 0.5, true.betas.shape), joints=None)
    (person,) = fit_tracks(truth.replace(people=(guessed,)), body, PLAIN).people
    assert np.ptp(person.betas, axis=0).max() == 0
    assert off(body, person, true).mean() < off(body, guessed, true).mean()


def test_joints_alone_are_enough(body, truth):
    """The limbs' ends come back within a centimetre; the twist of a limb is a guess."""
    (true,) = truth.people
    bare = Person(true.id, true.frames, joints=true.joints)
    (person,) = fit_tracks(truth.replace(people=(bare,), body_model=None), body, PLAIN).people
    assert np.linalg.norm(person.joints - true.joints, axis=-1).mean() < 0.012


def test_gaps_ids_and_people_of_whom_nothing_is_known(body, truth, tmp_path):
    keep = np.ones(FRAMES, bool)
    keep[[8, 9]] = keep[15:30] = False
    (true,) = truth.people
    whole = truth.replace(people=(true.select(keep), true.replace(id=2)))
    motion = located(body, whole, tmp_path)
    motion = motion.replace(people=(*motion.people, Person(5, np.arange(4)), Person(9, np.arange(0), joints=None)))
    fitted = fit_tracks(motion, body)
    assert [person.id for person in fitted] == [7, 2, 5, 9]
    np.testing.assert_array_equal(fitted.people[0].frames, np.flatnonzero(keep))
    assert off(body, fitted.people[0], true.select(keep)).mean() < 0.004
    assert fitted.people[2].pose is None


def test_a_shaking_camera_is_not_smoothed_over(body, truth, tmp_path):
    """With its path the points are filtered where they are in the room; without, the shaking is taken for movement."""
    rng = np.random.default_rng(4)
    turn = axis_angle_to_matrix(rng.normal(0, 0.02, (FRAMES, 3)))
    centre = rng.normal(0, 0.02, (FRAMES, 3))
    (true,) = truth.people
    rest = body.rest_joints(true.betas)[:, 0]
    pose = true.pose.copy()
    pose[:, :3] = matrix_to_axis_angle(turn @ axis_angle_to_matrix(pose[:, :3]))
    pelvis = np.squeeze(turn @ (true.transl + rest - centre)[..., None], -1)
    seen = true.replace(pose=pose, transl=pelvis - rest, joints=body.joints(pose, true.betas, pelvis - rest))
    motion = located(body, truth.replace(people=(seen,)), tmp_path)
    path = CameraPath(turn, centre, truth.camera.intrinsics, metric=True)
    lost = []
    for data in ({}, path_data(path), path_data(path.replace(metric=False))):
        (person,) = fit_tracks(motion.replace(data=data), body).people
        lost.append(off(body, person, seen).mean())
    assert lost[1] < 0.001
    assert lost[1] < lost[2] < lost[0]


def test_world_alone_is_fitted_there(body, truth):
    """Motion capture has no camera about which anything could be scaled."""
    (true,) = truth.people
    world = true.replace(pose=None, transl=None, joints=None)
    (person,) = fit_tracks(truth.replace(people=(world,), camera=None), body).people
    assert person.pose is None
    assert np.linalg.norm(person.joints_world - true.joints_world, axis=-1).mean() < 0.05


def test_another_bodys_vertices(body, truth, tmp_path):
    """Vertices of an SMPL file cannot be compared with the free body's: their joints are fitted, and a note says so."""
    motion = located(body, truth, tmp_path).replace(body_model="SMPL_NEUTRAL.pkl")
    context = Context(body=body)
    fitted = fit_tracks(motion, context=context, options=PLAIN)
    assert fitted.body_model == "free"
    assert "the body free stands in for SMPL_NEUTRAL.pkl" in context.notes[0]
    assert np.linalg.norm(fitted.people[0].joints - truth.people[0].joints, axis=-1).mean() < 0.012


def test_vertices_that_do_not_fit(body, truth, tmp_path):
    motion = located(body, truth, tmp_path)
    np.save(motion.people[0].vertices.path, np.zeros((FRAMES, 50, 3), np.float32))
    with pytest.raises(UsageError, match=r"are \(40, 50, 3\), not those of the body free"):
        fit_tracks(motion, body)


def test_by_its_name(body, truth):
    fitted = refine(truth, body, "track-fit", smooth=False)
    assert off(body, fitted.people[0], truth.people[0]).max() < 1e-3
    assert fitted.provenance[-1].name == "fit-tracks"


@pytest.mark.golden
def test_a_body_with_pose_blend_shapes(truth, tmp_path):
    """An SMPL file of the user's: vertices within 1 mm. The steps do not know that bulges change with the pose."""
    maker = smpl_maker()
    path = tmp_path / "SMPL_NEUTRAL.pkl"
    maker.write(path, maker.model("neutral"))
    smpl = load_body(path)
    assert smpl.posedirs is not None
    rng = np.random.default_rng(3)
    pose, transl = rng.normal(size=(6, 72)) * 0.25, rng.normal(size=(6, 3)) + [0, 0, 4]
    betas = np.tile(rng.normal(size=10), (6, 1))
    person = Person(1, np.arange(6), pose=pose, betas=betas, transl=transl, joints=smpl.joints(pose, betas, transl))
    motion = located(smpl, truth.replace(people=(person,), body_model=smpl.name), tmp_path)
    (found,) = fit_tracks(motion, smpl, PLAIN).people
    assert off(smpl, found, person).max() < 0.001


def test_every_part_of_the_body_keeps_some_vertices(body):
    kept = spread_out(body)
    owners = body.weights.argmax(axis=1)
    counts = np.bincount(owners[kept], minlength=len(SMPL24))
    assert (counts[np.unique(owners)] >= 5).all()
    assert len(kept) < 1400
