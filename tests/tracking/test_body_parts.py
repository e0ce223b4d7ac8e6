"""Body parts come from the names of a joint set."""

import pytest

from kinema.skeleton import COCO17, JOINT_SETS, JointSet
from kinema.tracking.body_parts import body_parts


@pytest.mark.parametrize("name", JOINT_SETS)
def test_every_set_has_a_body(name):
    joints = JOINT_SETS[name]
    parts = body_parts(joints)
    assert len(parts.body) >= 12
    assert [joints.joints[i] for i in parts.torso] == ["left_shoulder", "right_shoulder", "left_hip", "right_hip"]
    assert [joints.joints[i] for i in parts.thighs] == ["left_hip", "left_knee", "right_hip", "right_knee"]


def test_what_a_set_lacks_is_empty():
    assert list(body_parts(COCO17).ears) == [3, 4]
    assert not len(body_parts(JOINT_SETS["h36m17"]).ears)
    face = body_parts(JointSet("face", ("left_eye", "right_eye")))
    assert list(face.body) == [0, 1]
    assert not len(face.torso)
