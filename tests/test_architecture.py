"""docs/architecture.md shows the house as it is, and its "How to add" works as it is written."""

from __future__ import annotations

import argparse
import json
import re
import sys
import types
from pathlib import Path

import numpy as np
import pytest

import kinema
from kinema.keypoints import open_source
from kinema.registry import Registry
from kinema.weights import catalogue
from tests.contracts.samples import walk
from tests.helpers.fakes import write_clip
from tests.test_house import LAYERS

PAGE = Path(__file__).resolve().parent.parent / "docs" / "architecture.md"
TEXT = PAGE.read_text(encoding="utf-8")
HOW_TO_ADD = TEXT.split("\n## How to add\n")[1].split("\n## ")[0]


def test_the_table_of_packages_lists_the_layers():
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \| .+ \|$", TEXT, flags=re.M)
    shown = [{name for layer, name in rows if int(layer) == number} for number in range(1, len(LAYERS) + 1)]
    assert shown == [set(layer) for layer in LAYERS], "update the table of packages in docs/architecture.md"
    layers = [int(layer) for layer, _ in rows]
    assert layers == sorted(layers)
    assert len(rows) == sum(map(len, LAYERS))


@pytest.fixture(scope="module")
def added():
    """What the code blocks of "How to add" define, executed in order as one module of another package."""
    module = types.ModuleType("my_package")
    sys.modules["my_package"] = module
    before = {id(registry): tuple(registry._rows) for registry in registries()}
    for code in re.findall(r"```python\n(.*?)```", HOW_TO_ADD, flags=re.S):
        exec(compile(code, str(PAGE), "exec"), vars(module))
    yield module
    del sys.modules["my_package"]
    for registry in registries():
        for name in set(registry._rows) - set(before[id(registry)]):
            registry.unregister(name)


def registries() -> list[Registry]:
    from kinema.estimation.registry import ESTIMATORS
    from kinema.formats import FORMATS
    from kinema.keypoints import SOURCES
    from kinema.keypoints.detectors import DETECTORS
    from kinema.pipeline.registry import STAGES
    from kinema.refinement import REFINERS
    from kinema.tracking.registry import TRACKERS

    return [STAGES, TRACKERS, SOURCES, DETECTORS, ESTIMATORS, REFINERS, FORMATS]


def test_every_group_of_entry_points_is_named():
    for registry in registries():
        assert f"`{registry.group}`" in HOW_TO_ADD
    assert f"`{catalogue.MODELS}`" in HOW_TO_ADD


@pytest.fixture(scope="module")
def motion():
    return walk()


def test_a_stage(added, motion):
    measured = added.SPEED(motion)
    assert measured.people[0].data["speed"].shape == (len(motion.people[0]),)
    assert measured.provenance[-1].name == "speed"
    assert measured.provenance[-1].arguments == {"joint": 0}
    assert added.SPEED in kinema.stages()


def test_a_refiner(added, motion):
    held = kinema.refine(motion, "mean-position", strength=0.5)
    expected = 0.5 * np.ptp(motion.people[0].transl, axis=0)
    np.testing.assert_allclose(np.ptp(held.people[0].transl, axis=0), expected)
    assert held.people[0].transl_world is None
    old, new = motion.people[0], held.people[0]
    np.testing.assert_allclose(new.joints - old.joints, np.tile((new.transl - old.transl)[:, None], (1, 24, 1)))


def test_a_run_of_what_was_added(added, tmp_path):
    result = kinema.run(
        write_clip(tmp_path / "clip.mp4"), tmp_path / "out", tracker="centre", estimator="upright",
        refine="mean-position", upright_distance=6.0, mean_strength=0.2, overlay=False,
    )  # fmt: skip
    names = [record.name for record in result.motion.provenance]
    assert names == ["track-centre", "stand", "hold-position", "world"]
    assert [*result.record["seconds"]][:4] == names
    assert result.motion.people[0].transl[:, 2] == pytest.approx(6.0)
    assert result.motion.provenance[2].arguments == {"strength": 0.2}


def test_a_keypoint_source(added, tmp_path):
    assert added.SOURCE in kinema.keypoint_sources()
    assert isinstance(open_source("centre").estimator, added.CentreNetwork)
    clip = write_clip(tmp_path / "clip.mp4", frames=40, size=(320, 240))
    result = kinema.run(clip, tmp_path / "out", keypoints="centre", estimator="upright", overlay=False)
    (person,) = result.motion.people
    assert person.keypoint_set == "coco17"
    np.testing.assert_allclose(person.keypoints[..., 0], 160, atol=2)
    assert result.motion.provenance[0].arguments["keypoints"] == "centre"


def test_a_format(added, motion, tmp_path):
    report = kinema.export(motion, tmp_path / "walk.paths")
    assert np.shape(json.loads(report.paths[0].read_text())["1"]) == motion.people[0].transl.shape


def test_weights(added, monkeypatch):
    class Point:
        name, value = "mine", "my_package"

        def load(self):
            return added

    monkeypatch.setattr(catalogue, "entry_points", lambda group: [Point()] if group == catalogue.MODELS else [])
    catalogue.entries.cache_clear()
    assert catalogue.find("my-network").file == "my_network.onnx"
    catalogue.entries.cache_clear()


def test_a_command(added, motion, tmp_path, capsys):
    parser = argparse.ArgumentParser(description=added.DESCRIPTION, epilog=added.EXAMPLES)
    added.configure(parser)
    path = motion.save(tmp_path / "walk.pkl")
    assert added.run(parser.parse_args([str(path)])) == 0
    assert re.fullmatch(r"person 1: \d\.\d\d m/s\n", capsys.readouterr().out)
