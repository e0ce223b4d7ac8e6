"""`kinema stage`: the stages of a run one by one, on files, give what the run gives; a stopped one goes on."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace

import numpy as np
import pytest

import kinema
from kinema.__main__ import main
from kinema.errors import InputError, UsageError
from kinema.estimation.registry import ESTIMATORS
from kinema.pipeline.one_stage import run_stage
from kinema.pipeline.registry import STAGES, stages_alone
from kinema.stage import Stage
from kinema.tracking.registry import TRACKERS
from tests.helpers import nlf_samples, toys
from tests.helpers.fakes import write_clip
from tests.helpers.tiny_estimator import TINY


@pytest.fixture
def clip(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rows = ((ESTIMATORS, TINY), (TRACKERS, toys.TRACKER))
    for registry, row in rows:
        registry.register(row)
    yield write_clip(tmp_path / "clip.mp4", frames=12)
    for registry, row in rows:
        registry.unregister(row.name)


def test_one_by_one_they_give_what_a_run_gives(clip, tmp_path, capsys):
    """Of the seconds from 0.1 on, which the stages after the first learn from the motion."""
    settings = ["--tiny-gain", "0.7"]
    assert main(["stage", "toy-track", "clip.mp4", "--toy-people", "2", "--time-range", "0.1-", "--out", "1.pkl"]) == 0
    assert main(["stage", "tiny-raise", "1.pkl", "--video", "clip.mp4", *settings, "--out", "2.pkl"]) == 0
    assert main(["stage", "world", "2.pkl", "--out", "3.pkl"]) == 0
    assert "person 1: 9 frames, person 2: 9 frames\n3.pkl" in capsys.readouterr().out
    whole = kinema.run(
        clip, tmp_path / "out", tracker="toy-tracker", estimator="tiny", toy_people=2, tiny_gain=0.7,
        time_range="0.1-", filter="none", overlay=False, static_camera=True,
    ).motion  # fmt: skip
    alone = kinema.load("3.pkl")
    np.testing.assert_allclose(alone.times, whole.times)
    for one, other in zip(alone, whole, strict=True):
        np.testing.assert_allclose(one.joints, other.joints, atol=1e-9)
        np.testing.assert_allclose(one.joints_world, other.joints_world, atol=1e-6)
    assert [record.name for record in alone.provenance] == ["toy-track", "tiny-raise", "world"]


def test_the_video_of_a_run_is_known(clip, tmp_path):
    """And the default name of the result is next to the file."""
    result = kinema.run(clip, tmp_path / "out", tracker="toy-tracker", estimator="tiny", overlay=False)
    assert main(["stage", "tiny-raise", str(result.folder), "--tiny-gain", "0.5", "--quiet"]) == 0
    again = kinema.load(result.folder / "smpl_output_tiny-raise.pkl")
    assert again.provenance[-1].arguments == {"gain": 0.5}


@pytest.mark.golden
@pytest.mark.torch
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_nlf_alone_and_its_fit_alone(clip, tmp_path, monkeypatch):
    """What it locates lies beside the file, and goes along with it to another folder."""
    pytest.importorskip("torch")
    nlf_samples.write_program(tmp_path / "nlf.torchscript", tensors=nlf_samples.narrow_network(monkeypatch))
    body = ["--body-model", str(nlf_samples.write_small_body(tmp_path / "small.npz"))]
    located = ["--video", "clip.mp4", "--nlf", "nlf.torchscript", "--threads", "1", *body]
    assert main(["stage", "toy-track", "clip.mp4", "--time-range", "-0.15", "--out", "a/1.pkl"]) == 0
    assert main(["stage", "localize", "a/1.pkl", *located, "--out", "a/2.pkl"]) == 0
    shutil.move("a", "b")
    person = kinema.load("b/2.pkl").people[0]
    assert person.pose is None
    assert person.vertices.open().shape == (len(person), 766, 3)
    assert main(["stage", "fit-tracks", "b/2.pkl", "--out", "b/3.pkl", *body]) == 0
    fitted = kinema.load("b/3.pkl").people[0]
    assert fitted.pose.shape == (len(person), 72)
    assert np.ptp(fitted.betas, axis=0).max() == 0


@dataclass(frozen=True)
class SlowOptions:
    """None."""


def test_a_stopped_stage_goes_on_and_a_finished_one_is_not_repeated(clip, monkeypatch):
    """It is stopped after its third frame: of twelve it sees nine the second time, and none the third."""
    seen: list[int] = []

    def slowly(motion, context, options):
        first = int((context.partial.load() or {"first": 0})["first"])
        for frame in range(first, motion.num_frames):
            if len(seen) == 3:
                seen.append(-1)
                raise KeyboardInterrupt
            seen.append(frame)
            context.partial.save({"first": np.array(frame + 1)})
        pose = np.zeros((motion.num_frames, 72))
        return motion.replace(people=tuple(person.replace(pose=pose) for person in motion))

    slow = Stage("slow", "taking its time", SlowOptions, slowly, fills=("pose",))
    STAGES.register(slow)
    try:
        run_stage(toys.TRACKER.stage, clip, "1.pkl")
        with pytest.raises(KeyboardInterrupt):
            run_stage(slow, "1.pkl", "2.pkl")
        assert seen == [0, 1, 2, -1]
        run_stage(slow, "1.pkl", "2.pkl")
        assert seen == [0, 1, 2, -1, *range(3, 12)]
        run_stage(slow, "1.pkl", "2.pkl")
        assert len(seen) == 13
    finally:
        STAGES.unregister("slow")


def test_what_a_stage_lacks_is_one_sentence(clip, tmp_path):
    run_stage(toys.TRACKER.stage, clip, "1.pkl")
    stages = stages_alone()
    with pytest.raises(UsageError, match="the stage tiny-raise reads the video; name it with `video`"):
        run_stage(stages["tiny-raise"], "1.pkl", "2.pkl")
    write_clip(tmp_path / "other.mp4", frames=12, size=(128, 80))
    with pytest.raises(InputError, match=r"other\.mp4 has images of 128x80 pixels and 1\.pkl is of a video of"):
        run_stage(stages["tiny-raise"], "1.pkl", "2.pkl", video="other.mp4")
    with pytest.raises(InputError, match=r"the stage world filled .* of nobody: 1\.pkl lacks what it works from"):
        run_stage(stages["world"], "1.pkl", "2.pkl")
    with pytest.raises(InputError, match=r"the stage fit-tracks filled pose, betas, transl of nobody"):
        run_stage(stages["fit-tracks"], "1.pkl", "2.pkl")
    assert not (tmp_path / "2.pkl").exists()
    # An estimator's stage gets what the estimator fixes: of a motion that PARE has regressed, PARE's prior.
    assert stages["fit"] in ESTIMATORS.find("pare").stages


def test_a_stage_that_is_not_needed_leaves_the_motion_as_it_is(clip, capsys):
    """So that one script does for clips of still and of moving cameras."""
    assert main(["stage", "toy-track", "clip.mp4", "--out", "1.pkl"]) == 0
    assert main(["stage", "camera", "1.pkl", "--video", "clip.mp4", "--out", "2.pkl"]) == 0
    assert "note: the stage camera has nothing to do here; 2.pkl is the motion as it was" in capsys.readouterr().err
    one, other = kinema.load("1.pkl"), kinema.load("2.pkl")
    np.testing.assert_array_equal(one.people[0].boxes, other.people[0].boxes)
    assert [record.name for record in other.provenance] == ["toy-track"]


def test_the_estimator_is_the_one_that_the_motion_came_through(clip):
    from kinema.pipeline.one_stage import _past

    run_stage(toys.TRACKER.stage, clip, "1.pkl")
    motion = kinema.load("1.pkl")
    fit = stages_alone()["fit"]
    assert _past(fit, motion) == {"estimator": "keypoints"}
    assert _past(fit, motion.recorded("regress", {}, {})) == {"estimator": "pare"}
    assert _past(stages_alone()["world"], motion) == {}
    assert _past(replace(fit, name="another"), None) == {}
