"""What every stage and every refiner promises, whoever wrote it: run over all that are registered."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from kinema.body import load_body
from kinema.errors import UsageError
from kinema.models.videopose3d.sizes import VideoPose3DSizes
from kinema.motion import Motion
from kinema.person import PERSON_FIELDS
from kinema.pipeline.registry import STAGES
from kinema.refinement.registry import REFINERS
from kinema.stage import Stage
from tests.contracts.samples import CASES, fingerprint, walk
from tests.helpers.lifters import random_tensors

NEEDS_FILES = {"synsp": "SynSP has no weights that may be shipped"}
"""What cannot be run without a file that only a user has, and why."""


def _subjects() -> list:
    subjects = [pytest.param(stage, {}, id=f"stage {stage.name}") for stage in STAGES if not stage.video]
    subjects += [
        pytest.param(
            refiner.stage, {"method": refiner.name}, id=f"refiner {refiner.name}",
            marks=[pytest.mark.skip(reason=NEEDS_FILES[refiner.name])] if refiner.name in NEEDS_FILES else [],
        )
        for refiner in REFINERS
        if refiner.stage not in STAGES or refiner.stage.options().method != refiner.name  # else it is run as a stage
    ]  # fmt: skip
    return subjects


SUBJECTS = _subjects()


@pytest.fixture(scope="module")
def whole() -> Motion:
    return walk()


@pytest.fixture(scope="module", autouse=True)
def smoothnet(tmp_path_factory):
    """Weights that let SmoothNet run: of eight frames, each answer the mean of what it sees; and a small lifter's."""
    path = tmp_path_factory.mktemp("weights") / "mean_8.npz"
    rows, columns = np.full((8, 8), 1 / 8, np.float32), np.zeros(8, np.float32)
    np.savez(
        path,
        **{"encoder.0.weight": rows, "encoder.0.bias": columns, "decoder.weight": np.eye(8, dtype=np.float32)},
        **{"decoder.bias": columns},
    )
    np.savez(path.with_name("coco.npz"), **random_tensors(VideoPose3DSizes(17, 17, 8, (3, 3))))
    return path


def _options(stage: Stage, settings: dict, checkpoint) -> object:
    fields = {field.name for field in dataclasses.fields(stage.options)}
    given = dict(settings) if "method" in fields else {}
    network = given.get("method") in ("smoothnet", "video2pkl") or (not given and stage.name == "refine")
    if network and "checkpoint" in fields:
        given["checkpoint"] = checkpoint
    if stage.name == "lift":
        given = {"method": "videopose3d", "checkpoint": checkpoint.with_name("coco.npz")}
    return stage.options(**given)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(("stage", "settings"), SUBJECTS)
def test_a_stage_keeps_its_word(stage, settings, case, whole, smoothnet):
    """It fills what it says, changes nothing else, leaves its input alone and is in the provenance once."""
    motion = CASES[case](whole)
    body = load_body() if stage.body or stage.optional_body else None
    options = _options(stage, settings, smoothnet)
    before = fingerprint(motion)
    result = stage(motion, body, options)
    assert fingerprint(motion) == before
    assert [record.name for record in result.provenance] == [*(r.name for r in motion.provenance), stage.name]
    arguments = result.provenance[-1].arguments
    assert {field.name for field in dataclasses.fields(options)} <= set(arguments)
    if body is not None:
        assert result.provenance[-1].weights[body.name] == body.sha256
    assert [person.id for person in result] == [person.id for person in motion]
    may_change = {*stage.fills, *stage.clears}
    for old, new in zip(motion, result, strict=True):
        np.testing.assert_array_equal(new.frames, old.frames)
        for name in PERSON_FIELDS:
            was, now = getattr(old, name), getattr(new, name)
            if name not in may_change:
                assert (was is None) == (now is None), name
                if was is not None:
                    np.testing.assert_array_equal(now, was, err_msg=name)
        cleared = [name for name in stage.clears if name not in stage.fills]
        assert all(getattr(new, name) is None for name in cleared)
    if case == "as it should be":
        filled = set(result.people[0].filled) | ({"camera"} if result.camera is not None else set())
        assert set(stage.fills) <= filled


@pytest.mark.parametrize(("stage", "settings"), SUBJECTS)
def test_what_is_required_is_named(stage, settings, whole, smoothnet):
    body = load_body() if stage.body or stage.optional_body else None
    for name in stage.requires:
        without = whole.replace(people=tuple(person.replace(**{name: None}) for person in whole))
        with pytest.raises(UsageError, match=rf"has no .*{name}"):
            stage(without, body, _options(stage, settings, smoothnet))
    if stage.body:
        with pytest.raises(UsageError, match="needs a body"):
            stage(whole, None, _options(stage, settings, smoothnet))


@pytest.mark.parametrize("stage", [pytest.param(stage, id=stage.name) for stage in STAGES])
def test_a_stage_says_what_it_is(stage):
    assert stage.title
    assert dataclasses.is_dataclass(stage.options)
    assert stage.options.__dataclass_params__.frozen
    assert stage.options() == stage.options()
    assert stage.options.__doc__


@pytest.mark.parametrize("stage", [pytest.param(stage, id=stage.name) for stage in STAGES if stage.video])
def test_a_stage_that_reads_the_video_asks_for_one(stage, whole):
    with pytest.raises(UsageError, match="needs a video"):
        stage(whole if stage.requires else None, load_body())
