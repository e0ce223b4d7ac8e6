"""The chain of stages: what it reads from the video, what it reports, and where it ends."""

from __future__ import annotations

import dataclasses
import pickle
import sys
from types import SimpleNamespace

import numpy as np
import pytest

import kinema
from kinema.body import load_body
from kinema.errors import InputError, UsageError, WeightsError
from kinema.geometry.camera import camera_from_fov
from kinema.motion import Motion
from kinema.person import Person
from kinema.pipeline import RunOptions, RunWatcher
from kinema.pipeline.stages import Job, chain, run_chain, settle
from kinema.pipeline.store import StageStore
from kinema.pipeline.watching import somebody_looks
from kinema.tracking.options import TrackingOptions
from kinema.tracking.stage import CAMERA_MOTION, track_video
from kinema.video import open_video
from kinema.weights import WeightsFile


class Notes(RunWatcher):
    def __init__(self):
        self.heard = []

    def start(self, stage):
        self.heard.append(f"start {stage}")
        return super().start(stage)

    def done(self, time):
        self.heard.append(f"done {time.name}")

    def note(self, sentence):
        self.heard.append(sentence)


def followed(video, frames=3) -> Motion:
    person = Person(id=1, frames=np.arange(frames))
    return Motion(times=np.arange(frames) / 30, width=video.width, height=video.height, people=(person,))


@pytest.fixture
def job(clip):
    with open_video(clip) as video:
        yield Job(video, load_body())


def test_the_focal_length_of_the_file_is_used(job, monkeypatch):
    monkeypatch.setattr("kinema.tracking.tracker.track_people", lambda video, *a, **k: followed(video))
    assert track_video(None, video=job.video).camera is None
    job.video.metadata["focal_35mm"] = 26.0
    camera = track_video(None, video=job.video).camera
    assert camera.focal_source == "metadata"
    assert camera.intrinsics[0, 0] == pytest.approx(26 / 36 * 96)  # the clip is 96 pixels wide


def test_settings_and_networks_of_tracking_are_recorded(job, monkeypatch):
    monkeypatch.setattr("kinema.tracking.tracker.track_people", lambda video, *a, **k: followed(video))
    monkeypatch.setattr(
        "kinema.weights.locate", lambda name: WeightsFile(name=name, path=job.video.path, sha256=name[-1] * 64)
    )
    record = track_video(None, options=TrackingOptions(max_persons=2), video=job.video).provenance[-1]
    assert record.name == "track"
    assert record.arguments["max_persons"] == 2
    assert record.arguments["detection_interval"] == TrackingOptions().detection_interval
    assert set(record.weights) == {"blazepose-detector", "blazepose-landmarks-full"}


@pytest.mark.parametrize("static", [True, False])
def test_who_looked_at_the_camera_is_said(job, monkeypatch, static):
    def track_people(video, options, *, source, progress, observers, shot_begins, checkpoint, follower):
        for frame in video:
            for observer in observers:
                observer(frame, np.zeros((0, 4)))
        return followed(video)

    monkeypatch.setattr("kinema.tracking.tracker.track_people", track_people)
    motion = track_video(None, options=TrackingOptions(static_camera=static), video=job.video)
    assert motion.data[CAMERA_MOTION]["source"] == ("static_camera option" if static else "frames")
    assert motion.data[CAMERA_MOTION]["moving"] in ((False,) if static else (False, True, None))
    assert motion.provenance[-1].arguments[CAMERA_MOTION] == motion.data[CAMERA_MOTION]


def test_people_without_a_body_are_left_out_and_named(job):
    motion = followed(job.video).replace(people=(Person(id=4, frames=np.arange(3)),))
    notes = []
    assert settle(motion, notes).people == ()
    assert "person 4" in notes[0]


def test_what_was_seen_of_the_camera_is_noted_on_it(job):
    motion = followed(job.video).replace(people=(), camera=camera_from_fov(96, 64))
    assert settle(motion, []).camera.moving is None
    assert settle(motion.replace(data={CAMERA_MOTION: {"moving": True}}), []).camera.moving is True


def test_the_watcher_hears_every_stage_and_every_note(job, fake):
    steps = list(fake.steps())

    def noting(motion, context, options):
        context.notes.append("a note")
        return fake._fit(motion, context, options)

    steps[1] = dataclasses.replace(steps[1], stage=dataclasses.replace(steps[1].stage, run=noting))
    notes = Notes()
    result = run_chain(job, steps, notes)
    names = ["track", "fit", "filter", "world"]
    assert [h for h in notes.heard if h != "a note"] == [f"{w} {n}" for n in names for w in ("start", "done")]
    assert result.warnings == ["a note"]
    assert [time.name for time in result.times] == names
    assert [record.name for record in result.motion.provenance] == names


def test_a_chain_ends_where_nobody_is_left(job, fake):
    fake.people = 0
    assert run_chain(job, fake.steps(), RunWatcher()).motion.people == ()
    assert fake.calls == ["track"]


def test_settings_choose_the_chain():
    assert [step.stage.name for step in chain(RunOptions())] == ["track", "camera", "fit", "filter", "world"]
    assert [step.stage.name for step in chain(RunOptions.of(filter="none"))] == ["track", "camera", "fit", "world"]


def test_estimate_writes_nothing_and_takes_settings_one_way(clip, fake, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("kinema.pipeline.estimating.chain", fake.steps)
    before = sorted(tmp_path.iterdir())
    assert kinema.estimate(clip, max_persons=2).people[0].joints_world.shape == (12, 24, 3)
    assert sorted(tmp_path.iterdir()) == before
    with pytest.raises(UsageError, match="not both"):
        kinema.estimate(clip, RunOptions(), max_persons=2)
    fake.people = 0
    assert kinema.estimate(clip).people == ()


def test_a_stage_may_keep_what_it_has_done_so_far_until_it_is_finished(job, fake, tmp_path):
    first, *others = fake.steps()
    kept = []

    def stopped(motion, context, options):
        kept.append(context.partial.load())
        context.partial.save({"frames": np.arange(3)})
        raise KeyboardInterrupt

    def finished(motion, context, options):
        kept.append(context.partial.load())
        return first.stage.run(motion, context, options)

    def running(code):
        return [dataclasses.replace(first, stage=dataclasses.replace(first.stage, run=code)), *others]

    store = StageStore(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        run_chain(job, running(stopped), RunWatcher(), store=store, base_key="k")
    run_chain(job, running(finished), RunWatcher(), store=store, base_key="k")
    assert kept[0] is None
    np.testing.assert_array_equal(kept[1]["frames"], np.arange(3))
    assert not list(store.folder.glob("*.part"))


def test_a_network_that_cannot_be_had_is_known_before_any_work(job, fake, cache):
    steps = list(fake.steps())
    needing = dataclasses.replace(steps[3].stage, networks=lambda options: ("smoothnet-8",))
    steps[3] = dataclasses.replace(steps[3], stage=needing)
    with pytest.raises(WeightsError, match=r"smoothnet-8 .* cannot be downloaded for you"):
        run_chain(job, steps, RunWatcher())
    assert fake.calls == []


def test_a_network_whose_result_is_stored_is_not_needed(job, fake, monkeypatch, tmp_path):
    steps = list(fake.steps())
    needing = dataclasses.replace(steps[0].stage, networks=lambda options: ("smoothnet-8",))
    steps[0] = dataclasses.replace(steps[0], stage=needing)
    store = StageStore(tmp_path / "run")
    for state in ("ready", "missing"):
        found = SimpleNamespace(state=state, sha256="0" * 64)
        monkeypatch.setattr("kinema.pipeline.stages.status", lambda entry, found=found: found)
        run_chain(job, steps, RunWatcher(), store=store)
    assert fake.calls == ["track", "fit", "filter", "world"]


@pytest.mark.parametrize(
    ("settings", "error", "says"),
    [
        ({"refine": "smoothnet"}, WeightsError, "smoothnet-32 .* cannot be downloaded for you"),
        ({"refine": "smoothnet", "window_size": 8}, WeightsError, "smoothnet-8 "),
        ({"refine": "video2pkl"}, WeightsError, "smoothnet-8 "),
        ({"refine": "synsp"}, UsageError, "SynSP needs a `checkpoint`"),
        ({"refine": "smoothnet", "refiner_checkpoint": "other.pkl"}, InputError, "neither a SmoothNet nor a SynSP"),
        ({"refine": "smoothnet", "refiner_checkpoint": "text.pth"}, InputError, "text.pth"),
    ],
    ids=str,
)
def test_a_refiner_without_its_network_fails_before_tracking(clip, cache, monkeypatch, tmp_path, settings, error, says):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other.pkl").write_bytes(pickle.dumps({"weight": np.zeros(3)}))
    (tmp_path / "text.pth").write_text("no network")
    watcher = Notes()
    with pytest.raises(error, match=says):
        kinema.estimate(clip, watcher=watcher, **settings)
    with pytest.raises(error, match=says):
        kinema.run(clip, tmp_path / "out", watcher=watcher, **settings)
    assert watcher.heard == []
    assert not (tmp_path / "out").exists()


def test_progress_is_shown_where_somebody_looks(clip, fake, monkeypatch, capsys):
    monkeypatch.setattr("kinema.pipeline.estimating.chain", fake.steps)
    kinema.estimate(clip)
    assert capsys.readouterr() == ("", "")
    kinema.estimate(clip, progress=True)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "tracking people: " in shown.err
    assert "placing in the world: " in shown.err
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    kinema.estimate(clip)
    assert "tracking people" in capsys.readouterr().err
    kinema.estimate(clip, progress=False)
    assert capsys.readouterr() == ("", "")
    watcher = Notes()
    kinema.estimate(clip, watcher=watcher)
    assert watcher.heard[0] == "start track"
    assert capsys.readouterr() == ("", "")
    with pytest.raises(UsageError, match="leave out `progress`, or the watcher"):
        kinema.estimate(clip, watcher=watcher, progress=True)


def test_a_notebook_shows_progress(monkeypatch):
    class ZMQInteractiveShell:
        """The shell of a notebook's kernel."""

    assert not somebody_looks()
    for shell, looks in ((ZMQInteractiveShell(), True), (None, False)):
        monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda shell=shell: shell))
        assert somebody_looks() is looks
