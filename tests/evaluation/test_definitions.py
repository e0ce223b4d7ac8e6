"""A result is compared by the joints of the truth's definition."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from kinema.body.definitions import DEFINITIONS, joint_regressor
from kinema.commands.evaluate import tables
from kinema.errors import UsageError
from kinema.evaluation.joints import redefined
from kinema.evaluation.motion import evaluate_motion
from kinema.evaluation.truth import Truth, TruthPerson
from kinema.skeleton import LIMBS12
from kinema.synthetic import procedural_motion


@pytest.fixture(scope="module")
def motion(body):
    return procedural_motion(body, "on-the-spot", seed=1, fps=10).slice(0.0, 1.5)


def known(motion, body, definition: str) -> Truth:
    """The motion's own joints by a definition, as a truth."""
    (person,) = motion.people
    regressor = joint_regressor(body, definition)
    joints = regressor.posed(body, person.pose, person.betas, person.transl)
    columns = [regressor.names.index(name) for name in LIMBS12]
    return Truth(definition, motion.times, (TruthPerson("one", LIMBS12, joints=joints[:, columns]),))


@pytest.mark.parametrize("name", DEFINITIONS)
def test_by_the_truths_own_definition_nothing_is_off(motion, body, name):
    truth = known(motion, body, name)
    scores = evaluate_motion(motion, truth, definition=name)
    assert scores.definition == name
    assert scores.total["mpjpe_mm"] < 0.01


def test_by_another_definition_they_differ_by_centimetres(motion, body):
    truth = known(motion, body, "halpe")
    assert 10 < evaluate_motion(motion, truth).total["mpjpe_mm"] < 50
    named = evaluate_motion(motion, truth, definition="opensim")
    assert any("as OpenSim's models define them" in note for note in named.notes)
    assert "opensim joints" in str(tables([named])[0].title)


def test_the_world_is_redefined_too_and_smpl_changes_nothing(motion, body):
    (before,) = motion.people
    (after,) = redefined(motion, "halpe").people
    assert redefined(motion, "smpl") is motion
    moved = np.linalg.norm(after.joints_world - before.joints_world, axis=-1).mean(axis=0)
    rotation, shift = motion.camera.rotation, motion.camera.translation
    np.testing.assert_allclose(after.joints_world @ rotation.T + shift, after.joints, atol=1e-4)
    assert moved.max() > 0.02


def test_a_body_that_is_not_at_hand_is_one_sentence(motion):
    with pytest.raises(UsageError, match="lie on the skin of the smpl-neutral, which is not at hand; set `body_model`"):
        redefined(dataclasses.replace(motion, body_model="smpl-neutral"), "coco")
