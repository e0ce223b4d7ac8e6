"""Surfaces that a network located, drawn without a body fitted to them."""

from __future__ import annotations

import numpy as np
import pytest

from kinema.body import load_body
from kinema.errors import InputError
from kinema.motion import Motion
from kinema.person import Person
from kinema.storage.stored import StoredArray
from kinema.synthetic import procedural_motion, studio_camera
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


def test_in_the_world_and_for_another_body_there_is_none(both):
    assert not PosedPeople(both[1], BODY, world=True).at(5)
    assert not PosedPeople(both[1].replace(body_model="SMPL_NEUTRAL.pkl"), BODY).at(5)


def test_a_file_of_other_vertices(both):
    np.save(both[1].people[0].vertices.path, np.zeros((5, 10, 3), np.float32))
    with pytest.raises(InputError, match=r"has vertices \(5, 10, 3\), not those of the body free"):
        PosedPeople(both[1], BODY)
