"""USD files, read with Pixar's own library."""

from __future__ import annotations

import numpy as np
import pytest

from kinema.formats import save_motion
from kinema.formats.report import WriteReport
from tests.helpers.exchange_motions import uneven

pxr = pytest.importorskip("pxr", reason="usd-core is not installed")
from pxr import Usd, UsdGeom, UsdSkel, Vt  # noqa: E402


class Scene:
    """A stage whose skeletons are posed and whose meshes are skinned by UsdSkel."""

    def __init__(self, path):
        self.stage = Usd.Stage.Open(str(path))
        self.cache = UsdSkel.Cache()

    def _skeleton(self, person):
        root = UsdSkel.Root(self.stage.GetPrimAtPath(f"/motion/{person}"))
        self.cache.Populate(root, Usd.PrimDefaultPredicate)
        return self.cache.GetSkelQuery(UsdSkel.Skeleton(self.stage.GetPrimAtPath(f"/motion/{person}/skeleton")))

    def code(self, seconds):
        return Usd.TimeCode(seconds * self.stage.GetTimeCodesPerSecond())

    def joints(self, person, seconds):
        matrices = self._skeleton(person).ComputeJointSkelTransforms(self.code(seconds))
        return np.array([matrix.ExtractTranslation() for matrix in matrices])

    def vertices(self, person, seconds):
        skeleton = self._skeleton(person)
        mesh = self.stage.GetPrimAtPath(f"/motion/{person}/body")
        transforms = skeleton.ComputeSkinningTransforms(self.code(seconds))
        points = Vt.Vec3fArray(UsdGeom.Mesh(mesh).GetPointsAttr().Get())
        assert self.cache.GetSkinningQuery(mesh).ComputeSkinnedPoints(transforms, points, self.code(seconds))
        return np.array(points)


def test_joints_and_skin_are_exact(walk, body, tmp_path):
    scene, person = Scene(save_motion(walk, tmp_path / "walk.usda")), walk.people[0]
    for row in (0, 17, 59):
        moment = float(walk.times[row])
        # The precision of seven digits per number, over a chain of nine joints.
        np.testing.assert_allclose(scene.joints("person_1", moment), person.joints_world[row], atol=1e-5)
        rows = slice(row, row + 1)
        skin = body.vertices(person.pose_world[rows], person.betas[rows], person.transl_world[rows])[0]
        np.testing.assert_allclose(scene.vertices("person_1", moment), skin, atol=1e-5)


def test_units_axes_and_rate_are_stored(walk, tmp_path):
    stage = Scene(save_motion(walk, tmp_path / "walk.usda")).stage
    assert UsdGeom.GetStageUpAxis(stage) == "Y"
    assert UsdGeom.GetStageMetersPerUnit(stage) == 1
    assert stage.GetTimeCodesPerSecond() == pytest.approx(30)
    assert (stage.GetStartTimeCode(), stage.GetEndTimeCode()) == pytest.approx((0, 59))
    assert stage.GetDefaultPrim().GetPath() == "/motion"
    samples = UsdSkel.Animation(stage.GetPrimAtPath("/motion/person_1/animation")).GetRotationsAttr().GetTimeSamples()
    np.testing.assert_allclose(samples, np.arange(60), atol=1e-6)


def test_pixars_validators_find_nothing(pair, tmp_path):
    validation = pytest.importorskip("pxr.UsdValidation", reason="this usd-core has no UsdValidation")
    validators = validation.ValidationRegistry().GetOrLoadAllValidators()
    assert len(validators) > 10
    stage = Usd.Stage.Open(str(save_motion(pair, tmp_path / "pair.usda")))
    found = validation.ValidationContext(validators).Validate(stage)
    assert [error.GetErrorAsString() for error in found] == []


def test_uneven_times_are_true(walk, tmp_path):
    motion = uneven(walk)
    scene = Scene(save_motion(motion, tmp_path / "walk.usda"))
    for row in (7, 20, len(motion.times) - 1):
        found = scene.joints("person_1", float(motion.times[row]))
        np.testing.assert_allclose(found, motion.people[0].joints_world[row], atol=1e-5)


def test_people_are_invisible_while_away(pair, tmp_path):
    report = WriteReport()
    scene = Scene(save_motion(pair, tmp_path / "pair.usda", report=report))
    late, lying = (UsdGeom.Imageable(scene.stage.GetPrimAtPath(f"/motion/person_{p.id}")) for p in pair)
    seconds = pair.times - pair.times[0]
    shown = [late.ComputeVisibility(scene.code(float(seconds[f]) + 1e-4)) for f in (20, 38, 50, 65, 75, 89)]
    assert shown == ["inherited", "inherited", "invisible", "invisible", "inherited", "inherited"]
    assert lying.ComputeVisibility(scene.code(1.5)) == "inherited"
    person = pair.people[0]
    for row in (0, 40):
        found = scene.joints("person_4", float(seconds[person.frames[row]]))
        np.testing.assert_allclose(found, person.joints_world[row], atol=1e-5)
    assert any("invisible while away" in note for note in report.notes)
