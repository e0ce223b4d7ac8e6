"""Named points of a body: the joint sets that detectors use, and the feet's contact points.

A point is a weighted mean of joints and landmarks (`recipe`), hence of vertices, so it follows shape and
pose. For fitting it is also attached rigidly to one joint, at an offset that is linear in the
betas: exact in the rest pose, and up to the stretch of the skin elsewhere.

The recipes are the same for every body; the landmarks come from the free body's file, or are found on the
user's SMPL file (`kinema.body.landmarks`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse

from kinema.errors import UsageError
from kinema.skeleton import BLAZEPOSE_OWN, CONTACT_POINTS, JOINT_SETS, OTHER_NAMES, SMPL24, mirrored

if TYPE_CHECKING:
    from kinema.body.model import BodyModel


@dataclass(frozen=True, eq=False)
class SurfacePoints:
    """The K points of a set that a body knows, in the set's order.

    names (K). rows (K,) int: each point's index in the set. weights (K,V) sparse, rows sum to 1: points =
    weights @ vertices, for any shape and pose. joint (K,) int: the joint that each point is attached to.
    offset_template (K,3), offset_shapedirs (K,3,10): the point minus that joint in the rest pose, metres, for
    betas: offset_template + offset_shapedirs @ betas.
    """

    names: tuple[str, ...]
    rows: np.ndarray
    weights: scipy.sparse.csr_matrix
    joint: np.ndarray
    offset_template: np.ndarray
    offset_shapedirs: np.ndarray


Mixture = Mapping[str, float]

# Names are SMPL24's joints and the landmarks; only the left side is listed, the right one mirrors it.
# No vertices for LSP, MPII and Human3.6M are published under terms that allow shipping them;
# the positions below follow those datasets' annotation rules.
_LEFT_AND_MIDDLE: dict[str, Mixture] = {
    # BlazePose: joint centres for limbs, surface points for the face, knuckles for the hand.
    "left_heel": {"left_heel": 1.0},
    # OpenPose
    "mid_hip": {"left_hip": 0.5, "right_hip": 0.5},
    # LSP: hips slightly lateral to the joint; the neck between the collarbones; top of the head.
    "left_hip_lsp": {"left_hip": 1.15, "right_hip": -0.15},
    "neck_lsp": {"neck": 0.5, "left_shoulder": 0.25, "right_shoulder": 0.25},
    "head_top_lsp": {"head_top": 1.0},
    # MPII: pelvis between the hips and SMPL's pelvis; thorax between the shoulders at the top of the breastbone.
    "pelvis_mpii": {"pelvis": 0.3, "left_hip": 0.35, "right_hip": 0.35},
    "thorax_mpii": {"neck": 0.3, "left_shoulder": 0.35, "right_shoulder": 0.35},
    # Human3.6M: spine halfway between hips and thorax; jaw between the base of the skull and the nose; mid-head.
    "spine_h36m": {"spine2": 1.0},
    "jaw_h36m": {"head": 0.6, "nose": 0.4},
    "head_h36m": {"head": 0.4, "head_top": 0.6},
}
_SUFFIXES = {"_lsp": "", "_coco": "", BLAZEPOSE_OWN: ""}

# The meaning of a name in a set where it differs from other sets. Elsewhere:
# limbs are SMPL's joint centres, COCO's and OpenPose's hips included, as in SMPLify-X's map from SMPL to OpenPose
# (COCO's annotators mark a hip where they guess the joint under the clothes; network predictions scatter around it
# by more than the two definitions differ). Eyes, nose, ears, heels and toes lie on the skin. OpenPose's neck is
# SMPL's joint, as there.
_SET_DEFINITIONS: dict[str, dict[str, str]] = {
    # Halpe's neck is annotated as LSP's is, between the collarbones and so a few centimetres below SMPL's joint.
    "halpe26": {"neck": "neck_lsp"},
    "fused59": {"neck": "neck_lsp"},
    # Human3.6M's root is the midpoint of its hips (they lie 133 mm to its left and right, level with it: the bone
    # offsets in 3d-pose-baseline), not SMPL's joint above them. Its hips are wider apart than SMPL's; LSP's, also
    # annotated from outside, lie between the two. SPIN's 49 joints contain
    # the spine, jaw and head of this skeleton (mmhuman3d notes that the spine is close to SMPL's spine2); its
    # thorax is the base of the neck to which the shoulders attach, MPII's.
    "h36m17": {
        "pelvis": "mid_hip", "left_hip": "left_hip_lsp", "right_hip": "right_hip_lsp", "spine": "spine_h36m",
        "thorax": "thorax_mpii", "neck_nose": "jaw_h36m", "head_top": "head_h36m",
    },
    "contacts": {name: f"{name}_sole" for name in CONTACT_POINTS},
}  # fmt: skip


def definition(name: str, set_name: str) -> str:
    """The meaning of a name in a set: points of two sets with the same definition are the same point of the body."""
    return _SET_DEFINITIONS.get(set_name, {}).get(name, name)


def recipe(name: str, set_name: str = "") -> Mixture:
    """The joints and landmarks that define a point of the set, with weights that sum to 1."""
    name = definition(name, set_name)
    if name in _LEFT_AND_MIDDLE:
        return _LEFT_AND_MIDDLE[name]
    if mirrored(name) in _LEFT_AND_MIDDLE:
        return {mirrored(part): share for part, share in _LEFT_AND_MIDDLE[mirrored(name)].items()}
    for suffix, other in _SUFFIXES.items():
        if name.endswith(suffix):
            return {name.removesuffix(suffix) + other: 1.0}
    return {name: 1.0}


# The joint that a point is attached to, if it is neither a joint itself nor the main joint of its skin.
_ATTACHED_TO = {
    # The knuckles end the palm and move with the wrist; SMPL's hand joint bends the fingers beyond them.
    **{f"{side}_{part}": f"{side}_wrist" for side in ("left", "right") for part in ("index", "pinky", "thumb")},
    # Between the hips or the shoulders: the bone that carries both.
    **dict.fromkeys(("mid_hip", "pelvis_mpii", "left_hip_lsp", "right_hip_lsp"), "pelvis"),
    **dict.fromkeys(("neck_lsp", "thorax_mpii"), "spine3"),
}

POINT_SETS: dict[str, tuple[str, ...]] = {
    **{name: joints.joints for name, joints in JOINT_SETS.items()},
    "contacts": CONTACT_POINTS,
}


def surface_points(body: BodyModel, set_name: str) -> SurfacePoints:
    """The points of a set that a body knows: those for which it has every part of the recipe.

    Raises UsageError for an unknown set or a body without landmarks.
    """
    set_name = OTHER_NAMES.get(set_name, set_name)
    if set_name not in POINT_SETS:
        raise UsageError(f"unknown point set {set_name!r}; known: {', '.join(POINT_SETS)}")
    if body.landmark_weights is None:
        raise UsageError(f"body model {body.name} has no landmarks; load it with kinema.body.load_body")
    sources = scipy.sparse.vstack([body.J_regressor, body.landmark_weights]).tocsr()
    index = {name: i for i, name in enumerate((*SMPL24.joints, *body.landmark_names))}
    recipes = {name: recipe(name, set_name) for name in POINT_SETS[set_name]}
    names = tuple(name for name, parts in recipes.items() if all(part in index for part in parts))
    mixing = scipy.sparse.lil_matrix((len(names), len(index)))
    joint = np.zeros(len(names), dtype=int)
    for k, name in enumerate(names):
        parts = recipes[name]
        for part, share in parts.items():
            mixing[k, index[part]] = share
        joint[k] = _carrier(body, definition(name, set_name), max(parts, key=lambda part: parts[part]), index, sources)
    weights = (mixing.tocsr() @ sources).tocsr()
    template = weights @ body.v_template
    dirs = (weights @ body.shapedirs.reshape(body.num_vertices, -1)).reshape(len(names), 3, -1)
    rows = np.array([POINT_SETS[set_name].index(name) for name in names], dtype=int)
    return SurfacePoints(names, rows, weights, joint, template - body.J_template[joint], dirs - body.J_shapedirs[joint])


def _carrier(body: BodyModel, name: str, part: str, index: Mapping[str, int], sources: scipy.sparse.csr_matrix) -> int:
    """The joint a point moves with: from the table, else its main part if a joint, else its skin's main joint."""
    joint = _ATTACHED_TO.get(name, part)
    if joint in SMPL24:
        return SMPL24.index(joint)
    return int(np.argmax(np.asarray(sources[index[part]] @ body.weights).ravel()))
