"""Points that a network sees in other places than the body has them, found from outlines."""

from __future__ import annotations

import numpy as np
import pytest

from kinema.estimation import FitOptions, fit_body, fitting
from kinema.geometry.camera import project
from kinema.person import Person
from kinema.skeleton import SMPL24
from tests.estimation.test_outline import outlined
from tests.helpers.fit_scenes import Scene, make_scene

ANALYTIC = FitOptions(prior="analytic")
FRAMES = [4, 9, 14, 19, 24, 29, 34, 39]


def seen_elsewhere(body, scene: Scene, offsets: dict[str, tuple[float, float, float]]) -> Scene:
    """Points in 2D are where they would be if they lay elsewhere: metres, in the rest pose's axes."""
    (person,) = scene.seen.people
    pose, betas, transl = scene.truth.require("pose", "betas", "transl")
    turned, _ = body.chain(pose, betas, transl)
    points = body.points("blazepose33")
    places = body.posed_points("blazepose33", pose, betas, transl)
    for name, offset in offsets.items():
        k = points.names.index(name)
        places[:, k] += turned[:, points.joint[k]] @ np.array(offset)
    pixels = project(places, scene.seen.camera.intrinsics)
    return Scene(scene.truth, scene.seen.replace(people=(person.replace(keypoints=pixels),)))


def off(scene: Scene, fitted: Person, part: str) -> float:
    """Mean distance of a left and a right joint from where they are, in the image, metres at the person."""
    camera = scene.seen.camera.intrinsics
    both = SMPL24.indices((f"left_{part}", f"right_{part}"))
    pixels = [project(each.joints[:, both], camera) for each in (fitted, scene.truth)]
    metres = scene.truth.joints[:, 0, 2] / camera[0, 0]
    return float((np.linalg.norm(pixels[0] - pixels[1], axis=-1).mean(1) * metres).mean())


@pytest.mark.parametrize("part", ["knee", "elbow"])
def test_limbs_seen_beside_themselves_are_found(body, part):
    """A network that sees knees 3 cm outside the legs, or elbows above the arms. Eight outlines count for an offset
    about four times what its prior does, where they see it well: half of the error goes at least (two thirds of the
    knees' here, four fifths of the elbows')."""
    out = (0.03, 0.0, 0.0) if part == "knee" else (0.0, 0.03, 0.0)
    offsets = {f"left_{part}": out, f"right_{part}": (-out[0], *out[1:])}
    scene = seen_elsewhere(body, make_scene(body, frames=44), offsets)
    alone = fit_body(scene.seen, body, ANALYTIC).people[0]
    both = fit_body(outlined(body, scene, FRAMES), body, ANALYTIC).people[0]
    assert off(scene, both, part) < 0.5 * off(scene, alone, part)


def test_points_that_are_right_stay(body):
    """Exact keypoints and true outlines: within half a centimetre, the size of a cell of the outline's grid."""
    scene = make_scene(body, frames=44)
    both = fit_body(outlined(body, scene, FRAMES), body, ANALYTIC).people[0]
    assert max(off(scene, both, part) for part in ("ankle", "knee", "elbow", "wrist")) < 0.005


@pytest.mark.parametrize("name", ["left_hip", "right_shoulder", "left_index", "right_big_toe"])
def test_the_trunk_fingers_and_toes_have_no_offsets(body, name, monkeypatch):
    """Whatever the outline says."""
    found = []
    learned = fitting.point_offsets

    def kept(*arguments):
        found.append((arguments[2], learned(*arguments)))
        return found[-1][1]

    monkeypatch.setattr(fitting, "point_offsets", kept)
    scene = seen_elsewhere(body, make_scene(body, frames=12), {name: (0.0, 0.03, 0.0)})
    fit_body(outlined(body, scene, [3, 9]), body, ANALYTIC)
    ((names, offsets),) = found
    assert not offsets[names.index(name)].any()
    assert np.abs(offsets).max() < 0.03
    assert offsets[names.index("left_ankle")].any()
