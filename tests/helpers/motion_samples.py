"""Motions with known contents for testing files: random fields, a stand-in body, hypothesis strategies."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from kinema.geometry.camera import Camera
from kinema.geometry.rotations import axis_angle_to_matrix, geodesic_angle
from kinema.motion import Motion
from kinema.person import Person
from kinema.provenance import StageRecord
from kinema.skeleton import JOINT_SETS

FIELDS = (
    "boxes", "confidence", "observed", "keypoints", "keypoint_confidence", "keypoints3d", "pose", "betas", "transl",
    "joints", "reprojection_error", "pose_world", "transl_world", "joints_world", "contacts",
)  # fmt: skip
REST_PELVIS = np.array([0.01, -0.21, 0.03])


def rotations_apart(a: np.ndarray, b: np.ndarray) -> float:
    """The largest angle (radians) between the rotations in two axis-angle arrays of equal size."""
    return float(np.max(geodesic_angle(*(axis_angle_to_matrix(pose.reshape(-1, 3)) for pose in (a, b)))))


class StandInBody:
    """The methods of a body that the writers need: points and vertices that move rigidly with the pelvis."""

    name = "stand-in"

    def __init__(self, num_vertices: int = 7) -> None:
        rng = np.random.default_rng(5)
        self.v_template = rng.normal(size=(num_vertices, 3))
        self._points = rng.normal(size=(49, 3)) * 0.4

    def rest_joints(self, betas):
        return np.broadcast_to(REST_PELVIS, (*np.shape(betas)[:-1], 24, 3)) + np.arange(24)[:, None] * 0.01

    def posed_points(self, name, pose, betas, transl):
        assert name == "spin49"
        return self._points + np.asarray(transl)[:, None]

    def vertices(self, pose, betas, transl):
        return (self.v_template + np.asarray(transl)[:, None]).astype(np.float32)


def make_person(id=1, frames=range(5), fields=FIELDS, keypoint_set="blazepose33", seed=0) -> Person:
    """A person about four metres in front of the camera, with the named fields filled."""
    rng = np.random.default_rng(seed)
    frames = np.asarray(list(frames), dtype=np.int64)
    n, k = len(frames), len(JOINT_SETS[keypoint_set])
    transl = rng.normal(size=(n, 3)) * 0.2 + [0, 0, 4]
    joints = rng.normal(size=(n, 24, 3)) * 0.4 + transl[:, None]
    joints[:, 0] = transl + REST_PELVIS
    corner = rng.uniform(10, 300, size=(n, 2))
    values = {
        "boxes": np.hstack([corner, corner + rng.uniform(50, 300, size=(n, 2))]),
        "confidence": rng.uniform(size=n),
        "observed": rng.uniform(size=n) > 0.3,
        "keypoints": rng.uniform(0, 700, size=(n, k, 2)),
        "keypoint_confidence": rng.uniform(size=(n, k)),
        "keypoints3d": rng.normal(size=(n, k, 3)),
        "pose": rng.normal(size=(n, 72)) * 0.4,
        "betas": rng.normal(size=(n, 10)),
        "transl": transl,
        "joints": joints,
        "reprojection_error": rng.uniform(0, 9, size=n),
        "pose_world": rng.normal(size=(n, 72)) * 0.4,
        "transl_world": transl + 1,
        "joints_world": joints + 1,
        "contacts": rng.uniform(size=(n, 4)) > 0.5,
    }
    if n and "keypoints" in fields:
        values["keypoints"][0, 0] = np.nan  # unseen points are allowed
    needs_set = any(name.startswith("keypoint") for name in fields)
    return Person(
        id=id, frames=frames, keypoint_set=keypoint_set if needs_set else None, **{n: values[n] for n in fields}
    )


def make_camera(num_frames=5, moving=False, distortion=True) -> Camera:
    rotation, translation = np.eye(3), np.array([0.1, 1.2, -0.3])
    if moving:
        rotation, translation = np.repeat(rotation[None], num_frames, 0), np.repeat(translation[None], num_frames, 0)
    return Camera(
        width=640, height=480, intrinsics=np.array([[500.0, 0, 319.5], [0, 510.0, 239.5], [0, 0, 1]]),
        distortion=np.array([0.01, -0.002, 1e-4, -2e-4]) if distortion else None,
        rotation=rotation, translation=translation, moving=moving, focal_source="metadata", fov_uncertainty=3.5,
    )  # fmt: skip


def make_motion(num_frames=5, people=None, fps=29.97, with_camera=True, **changes) -> Motion:
    values = {
        "times": np.arange(num_frames) / fps + 0.033,
        "width": 640,
        "height": 480,
        "people": (make_person(frames=range(num_frames)),) if people is None else people,
        "camera": make_camera(num_frames) if with_camera else None,
        "source": "clip – ünï.mp4",
        "body_model": None,
        "provenance": (
            StageRecord("tracking", "0.1", {"a": [1, 2.5, None], "b": {"c": "d"}}, {"w.tflite": "ab" * 32}),
        ),
    }
    return Motion(**{**values, **changes})


@st.composite
def motions(draw) -> Motion:
    """Motions of 0 to 3 people with any subset of the fields filled."""
    num_frames = draw(st.integers(1, 7))
    people = []
    for number in range(draw(st.integers(0, 3))):
        frames = sorted(draw(st.sets(st.integers(0, num_frames - 1), max_size=num_frames)))
        fields = draw(st.sets(st.sampled_from(FIELDS)))
        keypoint_set = draw(st.sampled_from(["blazepose33", "coco17", "h36m17"]))
        people.append(make_person(number * 3 + 1, frames, tuple(fields), keypoint_set, seed=number))
    camera = draw(st.sampled_from([None, "static", "moving", "plain"]))
    changes = {}
    if camera == "plain":
        changes["camera"] = make_camera(distortion=False).replace(rotation=None, translation=None, moving=None)
    elif camera is not None:
        changes["camera"] = make_camera(num_frames, moving=camera == "moving")
    changes["source"] = draw(st.sampled_from([None, "a.mp4"]))
    changes["body_model"] = draw(st.sampled_from([None, "SMPL_NEUTRAL.pkl"]))
    if draw(st.booleans()):
        changes["provenance"] = ()
    if num_frames > 1:
        cuts = draw(st.sets(st.integers(1, num_frames - 1), max_size=2))
        changes["cuts"] = np.array(sorted(cuts), dtype=int)
    return make_motion(num_frames, tuple(people), with_camera=False, **changes)


def assert_same_motion(a: Motion, b: Motion) -> None:
    """Equal in every field, to the last bit."""
    assert (a.width, a.height, a.source, a.body_model) == (b.width, b.height, b.source, b.body_model)
    np.testing.assert_array_equal(a.times, b.times)
    np.testing.assert_array_equal(a.cuts, b.cuts)
    assert a.provenance == b.provenance
    assert (a.camera is None) == (b.camera is None)
    if a.camera is not None:
        for name in a.camera.__dataclass_fields__:
            np.testing.assert_equal(getattr(a.camera, name), getattr(b.camera, name), err_msg=name)
    assert [p.id for p in a] == [p.id for p in b]
    for one, other in zip(a, b, strict=True):
        assert one.filled == other.filled
        assert one.keypoint_set == other.keypoint_set
        np.testing.assert_array_equal(one.frames, other.frames)
        for name in one.filled:
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name), err_msg=name)
