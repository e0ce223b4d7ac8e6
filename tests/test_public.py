"""The public face: what `kinema` offers, that it loads late, and that each name does what it says."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import kinema
from kinema.errors import UsageError
from tests.contracts.samples import walk


def test_every_name_is_there_and_says_what_it_is():
    assert sorted(kinema.__all__) == dir(kinema)
    for name in set(kinema.__all__) - {"__version__"}:
        thing = getattr(kinema, name)
        assert callable(thing), name
        assert inspect.getdoc(thing), name
    with pytest.raises(AttributeError, match="no attribute 'magic'"):
        _ = kinema.magic


def test_importing_kinema_loads_nothing_heavy():
    code = "import sys, kinema; print([m for m in ('numpy', 'scipy', 'cv2', 'av', 'torch') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_package_says_that_it_is_typed():
    assert (Path(kinema.__file__).parent / "py.typed").is_file()


@pytest.fixture(scope="module")
def motion():
    return walk()


def test_from_file_to_file(motion, tmp_path):
    path = motion.save(tmp_path / "walk.pkl")
    assert path == tmp_path / "walk.pkl"
    again = kinema.load(path)
    np.testing.assert_array_equal(again.people[0].pose, motion.people[0].pose)
    assert kinema.Motion.load(path).num_frames == motion.num_frames
    assert kinema.save(again, tmp_path / "walk.npz").is_file()
    assert kinema.export(path, tmp_path / "walk.bvh").paths[0].suffix == ".bvh"
    report = kinema.convert(path, tmp_path / "again.trc")
    assert any("provenance" in note for note in report.notes)


def test_judging_and_mending(motion, tmp_path):
    path = motion.save(tmp_path / "walk.pkl")
    assert kinema.validate(motion).verdict == kinema.validate(path).verdict
    assert kinema.diagnose(path).to_dict()["people"][0]["id"] == 1
    smooth = kinema.refine(motion, "savgol", strength=0.6)
    assert smooth.provenance[-1].arguments["method"] == "savgol"
    assert set(kinema.stabilize(motion).people[0].data["stabilize"]) == {"camera", "world"}
    assert kinema.evaluate(motion, path).total["mpjpe_mm"] == pytest.approx(0, abs=1e-9)
    assert kinema.evaluate(smooth, motion).total["mpjpe_mm"] > 0


def test_one_word_for_every_choice():
    assert {row.name for row in kinema.refiners()} >= {"whittaker", "smoothnet", "mixer"}
    assert {row.name for row in kinema.formats()} >= {"kinema-pkl", "bvh", "amass"}
    assert [row.name for row in kinema.stages()][:6] == ["track", "segment", "apart", "camera", "select", "lift"]
    assert {row.name for row in kinema.estimators()} >= {"keypoints", "pare", "nlf"}
    with pytest.raises(UsageError, match="unknown setting 'tall'"):
        kinema.run("clip.mp4", tall=1.8)
    with pytest.raises(UsageError, match="not both"):
        kinema.run("clip.mp4", options=kinema.RunOptions(), height=1.8)


def test_motions_can_be_cut_and_joined(motion):
    first, second = motion.slice(end=0.5), motion.slice(start=0.5)
    assert first.num_frames + second.num_frames == motion.num_frames
    joined = kinema.Motion.concatenate([first, second])
    np.testing.assert_allclose(joined.times, motion.times, atol=1e-9)
    np.testing.assert_array_equal(joined.people[0].pose, motion.people[0].pose)
