"""Blender imports exported files, with the joints at the right positions in its world."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from kinema.formats import save_motion
from kinema.formats.report import WriteReport
from kinema.skeleton import SMPL24
from tests.formats.test_exported_camera import PIXELS, filmed, seen
from tests.helpers.exchange_motions import uneven
from tests.visualization.test_overlay import source_video

pytestmark = pytest.mark.slow

MILLIMETRE = 1e-3
MEASURE = Path(__file__).parents[1] / "helpers" / "blender_measure.py"


def measured(blender, tmp_path, moments, *paths):
    """The results of `blender_measure.py` for the files at moments (seconds), by file name."""
    out = tmp_path / "measured.json"
    done = blender.run(MEASURE, out, json.dumps(dict.fromkeys(map(str, paths), moments)))
    assert done.returncode == 0, done.stdout + done.stderr
    return {Path(path).name: found for path, found in json.loads(out.read_text()).items()}


def joints(bones):
    """(moments,24,3) joints of one armature."""
    return np.array([bones[name] for name in SMPL24.joints]).transpose(1, 0, 2)


def in_blender(positions):
    """Positions in Blender's z-up world: Kinema's y is its z, Kinema's z its -y."""
    return np.stack([positions[..., 0], -positions[..., 2], positions[..., 1]], axis=-1)


def test_every_format_has_joints_and_skin_in_place(walk, body, tmp_path, blender):
    rows = [0, 1, 30, 45]
    paths = [save_motion(walk, tmp_path / f"walk.{suffix}") for suffix in ("bvh", "glb", "usda")]
    paths.append(save_motion(walk, tmp_path / "walk.fbx", blender=blender.program))
    person = walk.people[0]
    expected = in_blender(person.joints_world[rows])
    skins = body.vertices(person.pose_world[rows], person.betas[rows], person.transl_world[rows])
    for name, found in measured(blender, tmp_path, [row / 30 for row in rows], *paths).items():
        assert found["rate"] == pytest.approx(30)
        (bones,) = found["armatures"].values()
        np.testing.assert_allclose(joints(bones), expected, atol=MILLIMETRE / 10, err_msg=name)
        for boxes in found["meshes"].values():
            skin = in_blender(skins.astype(np.float64))
            boxes_expected = np.stack([skin.min(axis=1), skin.max(axis=1)], axis=1)
            np.testing.assert_allclose(boxes, boxes_expected, atol=MILLIMETRE / 10, err_msg=name)
        assert bool(found["meshes"]) == (name != "walk.bvh")


def test_two_people_at_2997_and_uneven_times(pair, walk, tmp_path, blender):
    report = WriteReport()
    save_motion(pair, tmp_path / "pair.bvh", report=report)
    save_motion(pair, tmp_path / "pair.glb", report=report)
    pair_found = measured(
        blender, tmp_path, [0.0, 20 / 29.97], *(path for path in report.paths if path.suffix != ".json")
    )
    late, lying = pair.people
    (bones,) = pair_found["pair_4.bvh"]["armatures"].values()
    assert pair_found["pair_4.bvh"]["rate"] == pytest.approx(29.97, abs=1e-4)
    np.testing.assert_allclose(joints(bones), in_blender(late.joints_world[[0, 20]]), atol=MILLIMETRE)
    bones = pair_found["pair.glb"]["armatures"]["person_7"]
    np.testing.assert_allclose(joints(bones), in_blender(lying.joints_world[[0, 20]]), atol=MILLIMETRE)
    motion = uneven(walk)
    moments = [float(motion.times[row]) for row in (3, 20, 37)]
    found = measured(blender, tmp_path, moments, save_motion(motion, tmp_path / "uneven.glb"))["uneven.glb"]
    expected = in_blender(motion.people[0].joints_world[[3, 20, 37]])
    np.testing.assert_allclose(joints(found["armatures"]["person_1"]), expected, atol=MILLIMETRE)


def test_through_the_exported_camera_the_joints_are_where_the_video_has_them(walk, tmp_path, blender):
    """By Blender's own projection, for every format that it reads a camera from; and by the script, with any lens."""
    rows = [0, 17, 41, 59]
    square = filmed(walk, moving=True)
    lens = np.array(square.camera.intrinsics)
    lens[1, 1] = lens[0, 0]
    square = square.replace(camera=square.camera.replace(intrinsics=lens))
    odd = filmed(walk, moving=True, off=(23.0, -41.0))
    still = filmed(walk, moving=False, off=(-8.0, 5.0))
    clip = source_video(tmp_path / "clip.mp4", walk.times[:10], size=(64, 36)).path
    later = odd.replace(times=odd.times + 0.5)
    files = {
        "square.glb": (square, {}),
        "square.fbx": (square, {"blender": blender.program}),
        "square.usda": (square, {}),
        "odd.py": (later, {"format": "blender", "footage": clip}),
        "still.py": (still, {"format": "blender"}),
    }
    paths = [save_motion(motion, tmp_path / name, **options) for name, (motion, options) in files.items()]
    found = measured(blender, tmp_path, [row / 30 for row in rows], *paths)
    for name, (motion, _) in files.items():
        pixels = np.array([found[name]["pixels"][joint] for joint in SMPL24.joints]).transpose(1, 0, 2)
        own = np.array([seen(motion, row) for row in rows])
        np.testing.assert_allclose(pixels, own, atol=PIXELS, err_msg=name)
        assert found[name]["camera"]["name"] == "camera"
        assert "Cube" not in {thing for _, thing in found[name]["names"]}
    assert found["odd.py"]["camera"] == {"name": "camera", "footage": [str(clip), 0, 15, 60], "frames": 60}
    assert found["odd.py"]["rate"] == pytest.approx(30)
    assert found["still.py"]["camera"]["footage"] is None


def test_the_script_saves_a_blend_file(walk, tmp_path, blender):
    script = save_motion(filmed(walk, moving=True), tmp_path / "walk.py", format="blender")
    done = blender.run(script, tmp_path / "walk.blend")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "walk.blend").stat().st_size > 100_000
