"""Surfaces that a network located, drawn without a body fitted to them."""

from __future__ import annotations

import av
import numpy as np
import pytest

from kinema.body import load_body
from kinema.errors import InputError, UsageError
from kinema.motion import Motion
from kinema.person import Person
from kinema.storage.stored import StoredArray
from kinema.synthetic import procedural_motion, studio_camera
from kinema.visualization.motion_blur import Blurred
from kinema.visualization.options import OverlayOptions
from kinema.visualization.overlay import _views, drawn, write_overlay
from kinema.visualization.paper import Paper
from kinema.visualization.posing import PosedPeople
from kinema.visualization.views import CameraView

BODY = load_body()
SIZE = (160, 120)


@pytest.fixture
def both(tmp_path) -> tuple[Motion, Motion]:
    """Somebody with a pose, and the same one as a surface alone."""
    motion = procedural_motion(BODY, "on-the-spot", fps=10, camera=studio_camera(*SIZE))
    person = motion.people[0].select(np.arange(3, 8))
    np.save(tmp_path / "surface.npy", BODY.vertices(person.pose, person.betas, person.transl))
    bare = Person(person.id, person.frames, boxes=person.boxes, vertices=StoredArray(tmp_path / "surface.npy"))
    return motion.replace(people=(person,)), motion.replace(people=(bare,), body_model="free")


def test_a_surface_is_drawn_as_its_body_is(both):
    paper = np.full((SIZE[1], SIZE[0], 3), 200, np.uint8)
    views = [CameraView(motion, BODY, SIZE) for motion in both]
    posed, located = (view.draw(5, paper.copy(), view.prepare(5)) for view in views)
    np.testing.assert_array_equal(located, posed)
    assert (located != paper).any()
    assert not views[1].prepare(0)


def test_without_a_place_in_the_world_and_for_another_body_there_is_none(both):
    camera = both[1].camera.replace(rotation=None, translation=None)
    assert not PosedPeople(both[1].replace(camera=camera), BODY, world=True).at(5)
    assert not PosedPeople(both[1].replace(body_model="SMPL_NEUTRAL.pkl"), BODY).at(5)


def test_located_surfaces_in_place_of_the_bodies(both, tmp_path):
    """The surface is that of the file, in the camera's frame and, by the camera, in the world."""
    motion, bare = both
    beside = np.load(bare.people[0].vertices.path) + np.float32(0.1)
    np.save(tmp_path / "beside.npy", beside)
    (person,) = motion.people
    motion = motion.replace(people=(person.replace(vertices=StoredArray(tmp_path / "beside.npy")),), body_model="free")
    seen = PosedPeople(motion, BODY, located=True).at(5)[0].vertices
    np.testing.assert_allclose(seen, beside[2], atol=1e-6)
    placed = PosedPeople(motion, BODY, world=True, located=True).at(5)[0].vertices
    camera = motion.camera
    np.testing.assert_allclose(placed @ camera.rotation.T + camera.translation, beside[2], atol=1e-5)
    fitted = PosedPeople(motion, BODY).at(5)[0].vertices
    assert np.abs(fitted - beside[2]).min() > 0.05


def test_both_side_by_side(both, tmp_path):
    """Two panels; who has no located surface is told so."""
    motion, bare = both
    (person,) = motion.people
    np.save(tmp_path / "beside.npy", np.load(bare.people[0].vertices.path) + np.float32(0.1))
    with_both = motion.replace(
        people=(person.replace(vertices=StoredArray(tmp_path / "beside.npy")),), body_model="free"
    )
    short = with_both.slice(0.3, 0.8)
    report = write_overlay(
        short.replace(people=(short.people[0].replace(vertices=None),)), BODY, None, tmp_path / "o.mp4",
        OverlayOptions(view="side", surface="both"),
    )  # fmt: skip
    assert any("nobody has a located surface" in warning for warning in report.warnings)
    report = write_overlay(short, BODY, None, tmp_path / "o.mp4", OverlayOptions(view="side", surface="both"))
    with av.open(str(report.path)) as video:
        assert video.streams.video[0].width == 2 * SIZE[0]
    short = with_both.slice(0.3, 0.4)
    single = [CameraView(short, BODY, SIZE, located=located) for located in (False, True)]
    (_, first), *_ = drawn(_views(short, BODY, SIZE, OverlayOptions(surface="both"), None), Paper(short, *SIZE))
    for view, panel in zip(single, np.split(first, 2, axis=1), strict=True):
        alone = next(iter(Paper(short, *SIZE))).image
        np.testing.assert_array_equal(panel, view.draw(0, alone, view.prepare(0)))
    with pytest.raises(UsageError, match="located surfaces are known at the video's own frames only"):
        OverlayOptions(surface="located", fps_factor=2)


def test_motion_blur_smears_what_moves_alone(both):
    """Of a body that stands still the picture stays as it is; of one that moves it is the mean over the shutter's time,
    so its edges are softer and the background stays."""
    motion, _ = both
    (person,) = motion.people
    still = person.replace(**{name: np.repeat(getattr(person, name)[:1], 5, axis=0) for name in ("pose", "transl")})
    moving = still.replace(transl=still.transl + np.arange(5)[:, None] * [0.3, 0, 0])
    for who in (still, moving):
        sharp = CameraView(motion.replace(people=(who,)), BODY, SIZE, labels=False)
        soft = Blurred(sharp, sharp.people, motion, 0.5)
        paper = np.full((SIZE[1], SIZE[0], 3), 200, np.uint8)
        pictures = [view.draw(5, paper.copy(), view.prepare(5)).astype(int) for view in (sharp, soft)]
        if who is still:
            assert np.abs(pictures[0] - pictures[1]).max() <= 1
            continue
        covered = [(picture != 200).any(axis=2).sum() for picture in pictures]
        assert covered[1] > 1.1 * covered[0]
        assert (pictures[1][:, :5] == 200).all()
    assert soft.prepare(7)[0].step is None  # the last frame


def test_a_file_of_other_vertices(both):
    np.save(both[1].people[0].vertices.path, np.zeros((5, 10, 3), np.float32))
    with pytest.raises(InputError, match=r"has vertices \(5, 10, 3\), not those of the body free"):
        PosedPeople(both[1], BODY)
