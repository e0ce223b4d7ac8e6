"""A tracker, an estimator, a refiner, a format and a stage from other packages are used like built-in ones."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

import kinema
from kinema.__main__ import main
from kinema.errors import InputError, UsageError
from kinema.estimation.registry import ESTIMATORS
from kinema.formats import FORMATS
from kinema.keypoints import SOURCES
from kinema.pipeline.registry import STAGES
from kinema.refinement import REFINERS
from kinema.registry import Registry
from kinema.tracking.registry import TRACKERS
from tests.helpers import toys
from tests.helpers.coloured_people import SOURCE, ColouredPeople
from tests.helpers.fakes import write_clip, write_images

ROWS = (
    (TRACKERS, toys.TRACKER), (ESTIMATORS, toys.ESTIMATOR), (REFINERS, toys.REFINER), (FORMATS, toys.FORMAT),
    (STAGES, toys.STAGE),
)  # fmt: skip


@pytest.fixture
def registered():
    for registry, row in ROWS:
        registry.register(row)
    yield
    for registry, row in ROWS:
        registry.unregister(row.name)


@pytest.mark.usefixtures("registered")
def test_registered_rows_make_a_run(tmp_path):
    clip = write_clip(tmp_path / "clip.mp4")
    result = kinema.run(
        clip, tmp_path / "out", tracker="toy-tracker", estimator="toy-estimator", refine="toy-refiner", toy_people=2,
        toy_depth=5.0, overlay=False,
    )  # fmt: skip
    motion = result.motion
    assert [record.name for record in motion.provenance] == ["toy-track", "toy-stand", "toy-freeze", "world"]
    assert [person.id for person in motion] == [1, 2]
    assert motion.people[0].transl[:, 2] == pytest.approx(5.0)
    assert motion.provenance[1].arguments == {"depth": 5.0}
    names = [*result.record["seconds"]]
    assert names[:4] == ["toy-track", "toy-stand", "toy-freeze", "world"]
    again = kinema.run(
        clip, tmp_path / "out", tracker="toy-tracker", estimator="toy-estimator", refine="toy-refiner", toy_people=2,
        toy_depth=5.0, overlay=False,
    )  # fmt: skip
    assert again.repeated
    written = kinema.export(motion, tmp_path / "walk.toy")
    assert written.paths == [tmp_path / "walk.toy"]
    assert kinema.load(tmp_path / "walk.toy").people[1].transl.tolist() == motion.people[1].transl.tolist()
    with pytest.raises(InputError, match=r"Kinema reads .*\.bvh, .*\.toy$"):
        kinema.load(clip)
    assert kinema.stages()[-1](motion).data["toy_count"] == 2
    frozen = kinema.refine(motion, "toy-refiner")
    assert np.ptp(frozen.people[0].transl, axis=0).max() == 0
    for listed in (kinema.trackers(), kinema.estimators(), kinema.refiners(), kinema.formats(), kinema.stages()):
        assert listed[-1].name.startswith("toy-")


@pytest.mark.usefixtures("registered")
def test_registered_rows_are_on_the_command_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_clip(tmp_path / "clip.mp4")
    command = ["run", "clip.mp4", "--tracker", "toy-tracker", "--estimator", "toy-estimator", "--no-overlay"]
    assert main([*command, "--toy-depth", "4", "--refine", "toy-refiner"]) == 0
    printed = capsys.readouterr()
    assert "pretending to follow" in printed.err
    (folder,) = (tmp_path / "outputs").glob("clip_*")
    assert json.loads((folder / "run.json").read_text())["arguments"]["added"]["toy-stand"] == {"depth": 4.0}
    assert main(["refine", str(folder / "smpl_output.pkl"), "--method", "toy-refiner", "--out", "frozen.pkl"]) == 0
    # They stood still already, so their place in the world is still right.
    assert kinema.load("frozen.pkl").provenance[-1].name == "toy-freeze"
    assert main(["convert", "frozen.pkl", "walk.toy"]) == 0
    assert json.loads(Path("walk.toy").read_text())["fps"] == pytest.approx(30, rel=0.01)
    assert main(["convert", "walk.toy", "again.pkl"]) == 0
    assert kinema.load("again.pkl").people[0].transl.tolist() == kinema.load("frozen.pkl").people[0].transl.tolist()


def test_a_keypoint_source_of_another_joint_set_makes_a_run(tmp_path):
    """From coloured figures, seen by no network, to a body: tracking and fit take whatever joint set a source has."""
    people = ColouredPeople({"red": lambda i: (150 + 2 * i, 180), "blue": lambda i: (480, 190)}, 40)
    clip = write_images(tmp_path / "figures.mp4", (frame.image for frame in people))
    SOURCES.register(SOURCE)
    try:
        result = kinema.run(
            clip, tmp_path / "out", keypoints=SOURCE.name, static_camera=True, overlay=False, filter="none"
        )
        again = ["run", str(clip), "--keypoints", SOURCE.name, "--out", str(tmp_path / "out"), "--filter", "none"]
        assert main([*again, "--static-camera", "--no-overlay", "--quiet"]) == 0
        assert len(list((tmp_path / "out").glob("*/run.json"))) == 1
        assert kinema.keypoint_sources()[-1] is SOURCE
    finally:
        SOURCES.unregister(SOURCE.name)
    assert len(result.motion.people) == 2
    assert result.motion.provenance[0].arguments["keypoints"] == SOURCE.name
    for person in result.motion:
        assert person.keypoint_set == "coco17"
        assert person.joints_world.shape == (len(person), 24, 3)
        assert person.data["fit_prior"] == "lifted"


def test_an_installed_package_adds_rows(tmp_path):
    """As an entry point: another package, found by its metadata, used without an import."""
    site = tmp_path / "site"
    info = site / "toy_kinema-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-kinema\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[kinema.trackers]\ntoy = tests.helpers.toys:TRACKER\n"
        "[kinema.estimators]\ntoy = tests.helpers.toys:ESTIMATOR\nbroken = tests.helpers.no_such_module:X\n"
    )
    write_clip(tmp_path / "clip.mp4")
    root = Path(__file__).resolve().parents[2]
    paths = [str(site), str(root), str(Path(kinema.__file__).parent.parent)]
    done = subprocess.run(
        [
            sys.executable, "-m", "kinema", "run", "clip.mp4", "--tracker", "toy-tracker", "--estimator",
            "toy-estimator", "--toy-people", "3", "--no-overlay", "--json", "--quiet",
        ],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (record,) = json.loads(done.stdout)
    assert [person["id"] for person in record["people"]] == [1, 2, 3]
    assert "the estimator 'broken' of an installed package cannot be used" in done.stderr


def test_a_name_belongs_to_one_row():
    registry = Registry("toy", group="kinema.no_such_group", rows=(toys.REFINER,), aliases={"other": "toy-refiner"})
    assert registry.register(toys.REFINER) is toys.REFINER
    assert registry.find("other") is toys.REFINER
    for name in ("toy-refiner", "other"):
        clash = kinema.refiners()[0].__class__(name, "another", toys.REFINER.stage)
        with pytest.raises(UsageError, match=f"there is already a toy called '{name}'"):
            registry.register(clash)
    with pytest.raises(
        UsageError, match=r"unknown toy 'toyrefiner' \(did you mean toy-refiner\?\); known: toy-refiner"
    ):
        registry.find("toyrefiner")
    with pytest.raises(UsageError, match="unknown toy 'magic'; known: toy-refiner"):
        registry.find("magic")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert registry.names() == ("toy-refiner",)
